/// The mean over all pixels of an image, channel by channel: N×H×W×C → N×1×1×C (Lin, Chen & Yan, "Network In Network",
/// ICLR 2014, section 3.2).
///
/// Summed in `Double`, in an order that depends only on the shape. It needs every row, so images cannot be processed in
/// bands or tiles.
public struct GlobalAveragePooling: Operator {
    public init() {}

    public var kind: String { "global average pooling" }

    public func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
        let input = try inputs.only()
        return Shape(batch: input.batch, height: 1, width: 1, channels: input.channels)
    }

    public func forwardScratch(inputs: [Shape], output: Shape) -> ScratchSize { PictureSums(inputs[0]).scratch }

    public func forward(_ pass: ForwardPass) {
        let shape = pass.inputShapes[0]
        PictureSums(shape).run(
            pass.inputs[0], scale: 1 / Double(shape.height * shape.width), into: pass.output, scratch: pass.scratch,
            pool: pass.pool)
    }

    public func backward(_ pass: BackwardPass) {
        guard let inputGradient = pass.inputGradients[0] else { return }
        let shape = pass.inputShapes[0]
        repeatPixels(
            pass.outputGradient, scale: 1 / Float(shape.height * shape.width), shape: shape, pixels: 0..<shape.pixels,
            into: inputGradient, pool: pass.pool)
    }
}
