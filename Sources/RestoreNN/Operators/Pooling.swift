import RestoreConcurrency

/// The mean or maximum of each window, channel by channel, without padding.
///
/// N×H×W×C → N×OH×OW×C with `OH = (H − kernel) / stride + 1`. If several values share the maximum, the first in
/// row-major order gets the gradient, as in PyTorch.
public struct Pooling: PiecewiseOperator {
    public enum Kind: Hashable, Sendable {
        case average
        case max
    }

    public let reduction: Kind
    public let kernel: Extent
    public let stride: Extent

    /// - Parameter stride: defaults to the kernel size.
    public init(_ reduction: Kind, kernel: Extent, stride: Extent? = nil) {
        let stride = stride ?? kernel
        precondition(min(kernel.height, kernel.width, stride.height, stride.width) > 0, "kernel or stride of 0")
        self.reduction = reduction
        self.kernel = kernel
        self.stride = stride
    }

    public var kind: String { reduction == .average ? "average pooling" : "max pooling" }

    public func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
        let input = try inputs.only()
        guard input.height >= kernel.height, input.width >= kernel.width else {
            throw ShapeError("the window is larger than the input")
        }
        return Shape(
            batch: input.batch, height: (input.height - kernel.height) / stride.height + 1,
            width: (input.width - kernel.width) / stride.width + 1, channels: input.channels)
    }

    public func granularity(axis: Axis, inputs: [Shape], output: Shape) -> Int { 1 }

    public func scale(axis: Axis) -> Ratio { Ratio(1, stride.side(axis)) }

    public func inputRange(
        for range: Range<Int>, axis: Axis, input index: Int, inputs: [Shape], output: Shape
    ) -> Range<Int> {
        let stride = stride.side(axis)
        return (range.lowerBound * stride)..<((range.upperBound - 1) * stride + kernel.side(axis))
    }

    public func forward(_ pass: ForwardPass) {
        let (input, output) = (pass.inputShapes[0], pass.outputShape)
        pass.pool.run(taskCount: pass.lines.count) { task, _ in
            let line = pass.lines.lowerBound + task
            let n = line / output.height
            let top = line % output.height * stride.height
            for ox in 0..<output.width {
                let destination = pass.output + (line * output.width + ox) * output.channels
                let source =
                    pass.inputs[0]
                    + ((n * input.height + top) * input.width + ox * stride.width) * input.channels
                pool(source, width: input.width, channels: input.channels, into: destination)
            }
        }
    }

    private func pool(
        _ source: UnsafePointer<Float>, width: Int, channels: Int, into destination: UnsafeMutablePointer<Float>
    ) {
        destination.update(from: source, count: channels)
        for ky in 0..<kernel.height {
            for kx in 0..<kernel.width where ky + kx > 0 {
                let pixel = source + (ky * width + kx) * channels
                switch reduction {
                case .average:
                    add(pixel, onto: destination, count: channels)
                case .max:
                    for c in 0..<channels where wins(pixel[c], over: destination[c]) { destination[c] = pixel[c] }
                }
            }
        }
        if reduction == .average {
            let scale = 1 / Float(kernel.height * kernel.width)
            for c in 0..<channels { destination[c] *= scale }
        }
    }

    public func backward(_ pass: BackwardPass) {
        guard let inputGradient = pass.inputGradients[0] else { return }
        let (input, output) = (pass.inputShapes[0], pass.outputShape)
        // Windows may overlap, so a worker owns a whole image.
        pass.pool.run(taskCount: input.batch) { n, _ in
            let pictureCount = input.count / input.batch
            let gradient = inputGradient + n * pictureCount
            gradient.update(repeating: 0, count: pictureCount)
            for window in 0..<(output.height * output.width) {
                let (oy, ox) = (window / output.width, window % output.width)
                let corner = (oy * stride.height * input.width + ox * stride.width) * input.channels
                let incoming = pass.outputGradient + (n * output.height * output.width + window) * output.channels
                spread(
                    incoming, values: pass.inputs[0] + n * pictureCount + corner, width: input.width,
                    channels: input.channels, onto: gradient + corner)
            }
        }
    }

    private func spread(
        _ incoming: UnsafePointer<Float>, values: UnsafePointer<Float>, width: Int, channels: Int,
        onto gradient: UnsafeMutablePointer<Float>
    ) {
        let scale = 1 / Float(kernel.height * kernel.width)
        for c in 0..<channels {
            var best = c
            for ky in 0..<kernel.height {
                for kx in 0..<kernel.width {
                    let place = (ky * width + kx) * channels + c
                    if reduction == .average {
                        gradient[place] += scale * incoming[c]
                    } else if wins(values[place], over: values[best]) {
                        best = place
                    }
                }
            }
            if reduction == .max { gradient[best] += incoming[c] }
        }
    }

    /// Whether a value is greater than the maximum so far. NaN always wins, so that it is noticed.
    @inline(__always)
    private func wins(_ value: Float, over greatest: Float) -> Bool {
        value > greatest || value.isNaN
    }
}
