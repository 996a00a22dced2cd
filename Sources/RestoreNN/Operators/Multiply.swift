import RestoreConcurrency

/// The product of two inputs, value by value. The second input may also be a gate, with one value per channel or per
/// pixel of an image.
///
/// N×H×W×C with N×H×W×C, with N×1×1×C or with N×H×W×1 → N×H×W×C. Gradients of a gate are summed in `Double`, in an
/// order that depends only on the shape. Channel gates are those of Hu, Shen & Sun, "Squeeze-and-Excitation Networks",
/// CVPR 2018, eq. 4.
public struct Multiply: PiecewiseOperator {
    public init() {}

    public var kind: String { "multiply" }
    public var inPlaceInput: Int? { 0 }

    /// How values of the second input are applied to the first.
    private enum Factor {
        case value
        case channel
        case pixel

        /// `nil` if the shapes do not fit.
        init?(_ factor: Shape, of picture: Shape) {
            guard factor.batch == picture.batch else { return nil }
            if factor == picture {
                self = .value
            } else if (factor.height, factor.width, factor.channels) == (1, 1, picture.channels) {
                self = .channel
            } else if (factor.height, factor.width, factor.channels) == (picture.height, picture.width, 1) {
                self = .pixel
            } else {
                return nil
            }
        }
    }

    private func factor(_ inputs: [Shape]) -> Factor {
        guard let factor = Factor(inputs[1], of: inputs[0]) else {
            preconditionFailure("\(inputs[0]) times \(inputs[1])")
        }
        return factor
    }

    public func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
        guard inputs.count == 2 else { throw ShapeError("expected 2 inputs, found \(inputs.count)") }
        guard Factor(inputs[1], of: inputs[0]) != nil else {
            throw ShapeError("the second has neither the shape of the first nor one value a channel or a pixel")
        }
        return inputs[0]
    }

    public func granularity(axis: Axis, inputs: [Shape], output: Shape) -> Int { 1 }

    /// For a channel gate, always its only row.
    public func inputRange(
        for range: Range<Int>, axis: Axis, input index: Int, inputs: [Shape], output: Shape
    ) -> Range<Int> {
        inputs[index].side(axis) == output.side(axis) ? range : 0..<1
    }

    public func forwardScratch(inputs: [Shape], output: Shape) -> ScratchSize {
        guard case .channel = factor(inputs) else { return ScratchSize() }
        return channelGateScratch(batch: output.batch, channels: output.channels)
    }

    public func forward(_ pass: ForwardPass) {
        multiply(
            factor(pass.inputShapes), pass.inputs[0], pass.inputs[1], shape: pass.outputShape, pixels: pass.pixels,
            into: pass.output, scratch: pass.scratch, pool: pass.pool)
    }

    private func multiply(
        _ factor: Factor, _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, shape: Shape, pixels: Range<Int>,
        into destination: UnsafeMutablePointer<Float>, scratch: Scratch, pool: WorkerPool
    ) {
        let channels = shape.channels
        let values = (pixels.lowerBound * channels)..<(pixels.upperBound * channels)
        switch factor {
        case .value:
            pool.runPieces(of: values) { start, count in
                product(x + start, y + start, into: destination + start, count: count)
            }
        case .channel:
            multiplyChannels(
                x, gate: y, batch: shape.batch, channels: channels, values: values, into: destination,
                scratch: scratch, pool: pool)
        case .pixel:
            pool.runPieces(of: pixels, piece: pixelPiece(channels)) { start, count in
                let own = destination + start * channels
                if x != UnsafePointer(destination) { own.update(from: x + start * channels, count: count * channels) }
                multiplyPixels(own, gate: y + start, pixels: count, channels: channels)
            }
        }
    }

    private func pixelPiece(_ channels: Int) -> Int { max(1, elementwisePiece / channels) }

    public func backwardScratch(inputs: [Shape], output: Shape) -> ScratchSize {
        guard case .channel = factor(inputs) else { return ScratchSize() }
        return channelGateScratch(batch: output.batch, channels: output.channels).union(PictureSums(output).scratch)
    }

    public func backward(_ pass: BackwardPass) {
        let factor = factor(pass.inputShapes)
        let shape = pass.outputShape
        if let gradient = pass.inputGradients[0] {
            multiply(
                factor, pass.outputGradient, pass.inputs[1], shape: shape, pixels: 0..<shape.pixels, into: gradient,
                scratch: pass.scratch, pool: pass.pool)
        }
        guard let gradient = pass.inputGradients[1] else { return }
        let (x, incoming) = (pass.inputs[0], pass.outputGradient)
        switch factor {
        case .value:
            pass.pool.runPieces(count: shape.count) { start, count in
                product(incoming + start, x + start, into: gradient + start, count: count)
            }
        case .channel:
            PictureSums(shape).run(products: x, incoming, into: gradient, scratch: pass.scratch, pool: pass.pool)
        case .pixel:
            let channels = shape.channels
            pass.pool.runPieces(count: shape.pixels, piece: pixelPiece(channels)) { start, count in
                for pixel in start..<(start + count) {
                    gradient[pixel] = Float(
                        dotProduct(x + pixel * channels, incoming + pixel * channels, count: channels))
                }
            }
        }
    }
}
