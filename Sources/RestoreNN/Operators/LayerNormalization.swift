/// Layer normalization over the channels of each pixel (Ba, Kiros & Hinton, "Layer Normalization", 2016, eq. 3–4; as in
/// ConvNeXt and as NAFNet's `LayerNorm2d`): brought to mean 0 and variance 1, then scaled and shifted channel by channel.
///
/// The shape stays. Parameters: `weight` (C) and `bias` (C). No pixel depends on another, so a picture may pass in pieces.
public struct LayerNormalization: PointwiseOperator {
    public let channels: Int
    public let epsilon: Float

    /// - Precondition: `channels` is positive, `epsilon` is not negative.
    public init(channels: Int, epsilon: Float = 1e-6) {
        precondition(channels > 0, "\(channels) channels")
        precondition(epsilon >= 0, "epsilon \(epsilon)")
        self.channels = channels
        self.epsilon = epsilon
    }

    public var kind: String { "layer normalization" }
    public var inPlaceInput: Int? { 0 }

    public var parameters: [ParameterSpecification] {
        [
            ParameterSpecification(name: "weight", shape: [channels], initialization: .ones),
            ParameterSpecification(name: "bias", shape: [channels], initialization: .zeros),
        ]
    }

    public func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
        let input = try inputs.only()
        guard input.channels == channels else {
            throw ShapeError("expected \(channels) channels, found \(input.channels)")
        }
        return input
    }

    private var kernel: PixelNormalization { PixelNormalization(channels: channels, epsilon: epsilon) }

    public func forward(_ pass: ForwardPass) {
        let (weight, bias) = (pass.parameters[0], pass.parameters[1])
        pass.pool.runPieces(of: pass.pixels, piece: max(1, elementwisePiece / channels)) { start, count in
            for pixel in start..<(start + count) {
                kernel.normalize(
                    pass.inputs[0] + pixel * channels, weight: weight, bias: bias,
                    into: pass.output + pixel * channels)
            }
        }
    }

    // MARK: Backward

    /// Pixels are shared out over this many sums, which are added in order.
    private static let slices = 16
    /// So many pixels are added up before they come to a slice's sum: shorter sums round less.
    private static let block = 64

    public func backwardScratch(inputs: [Shape], output: Shape) -> ScratchSize {
        ScratchSize(perWorker: 2 * channels, shared: Self.slices * 2 * channels, tasks: Self.slices)
    }

    public func backward(_ pass: BackwardPass) {
        let pixels = pass.outputShape.pixels
        // Of weight and bias.
        let count = 2 * channels
        let sums = pass.scratch.shared
        pass.pool.run(taskCount: Self.slices) { slice, worker in
            let sum = sums + slice * count
            sum.update(repeating: 0, count: count)
            let end = (slice + 1) * pixels / Self.slices
            for first in stride(from: slice * pixels / Self.slices, to: end, by: Self.block) {
                let block = pass.scratch.worker(worker)
                block.update(repeating: 0, count: count)
                backward(pass, first..<min(first + Self.block, end), sums: block)
                add(block, onto: sum, count: count)
            }
        }
        for slice in 0..<Self.slices {
            add(sums + slice * count, onto: pass.parameterGradients[0], count: channels)
            add(sums + slice * count + channels, onto: pass.parameterGradients[1], count: channels)
        }
    }

    private func backward(_ pass: BackwardPass, _ pixels: Range<Int>, sums: UnsafeMutablePointer<Float>) {
        for pixel in pixels {
            let place = pixel * channels
            kernel.backward(
                pass.inputs[0] + place, gradient: pass.outputGradient + place, weight: pass.parameters[0],
                weightSums: sums, biasSums: sums + channels, into: pass.inputGradients[0].map { $0 + place })
        }
    }
}
