/// The same values as images of another size: N×H×W×C → N×`height`×`width`×`channels`.
///
/// Values keep their index within the image, counted by channel, row and column, as with PyTorch's `view` of an N×C×H×W
/// tensor and with the features of `Dense`. This is a plain copy if both shapes have one pixel or one channel;
/// otherwise values are rearranged.
public struct Reshape: Operator {
    public let height: Int
    public let width: Int
    public let channels: Int

    /// - Precondition: all are positive.
    public init(height: Int, width: Int, channels: Int) {
        precondition(min(height, width, channels) > 0, "a shape of \(height)×\(width)×\(channels)")
        self.height = height
        self.width = width
        self.channels = channels
    }

    public var kind: String { "reshape" }

    public func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
        let input = try inputs.only()
        let output = Shape(batch: input.batch, height: height, width: width, channels: channels)
        guard input.count == output.count else {
            throw ShapeError(
                "\(height)×\(width)×\(channels) is not the \(input.count / input.batch) values of a picture")
        }
        return output
    }

    public func forward(_ pass: ForwardPass) {
        reorder(pass.inputs[0], pass.inputShapes[0], into: pass.output, pass.outputShape, pool: pass.pool)
    }

    public func backward(_ pass: BackwardPass) {
        guard let inputGradient = pass.inputGradients[0] else { return }
        reorder(pass.outputGradient, pass.outputShape, into: inputGradient, pass.inputShapes[0], pool: pass.pool)
    }
}
