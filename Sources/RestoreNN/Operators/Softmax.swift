import RestoreConcurrency

/// exp(x / T) of each channel divided by the sum over all channels, pixel by pixel. Preserves the shape. The channels
/// of a pixel are then positive and sum to 1.
///
/// The largest channel is subtracted first, so that no finite input overflows. NaN or +∞ makes all channels of its
/// pixel NaN. The temperature T is that of Hinton, Vinyals & Dean, "Distilling the Knowledge in a Neural Network",
/// 2015, eq. 1: a value near 0 approaches the argmax, a large one a uniform distribution.
public struct Softmax: PointwiseOperator {
    public let temperature: Float

    /// - Precondition: `temperature` is positive.
    public init(temperature: Float = 1) {
        precondition(temperature > 0, "temperature \(temperature)")
        self.temperature = temperature
    }

    public var kind: String { "softmax" }
    public var inPlaceInput: Int? { 0 }

    public func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
        try inputs.only()
    }

    private func pixelPiece(_ channels: Int) -> Int { max(1, elementwisePiece / channels) }

    public func forward(_ pass: ForwardPass) {
        let channels = pass.outputShape.channels
        pass.pool.runPieces(of: pass.pixels, piece: pixelPiece(channels)) { start, count in
            softmax(
                pass.inputs[0] + start * channels, inverseTemperature: 1 / temperature, pixels: count,
                channels: channels, into: pass.output + start * channels)
        }
    }

    public func backward(_ pass: BackwardPass) {
        guard let inputGradient = pass.inputGradients[0] else { return }
        let channels = pass.outputShape.channels
        pass.pool.runPieces(count: pass.outputShape.pixels, piece: pixelPiece(channels)) { start, count in
            let offset = start * channels
            softmaxGradient(
                output: pass.output + offset, incoming: pass.outputGradient + offset,
                inverseTemperature: 1 / temperature, pixels: count, channels: channels, into: inputGradient + offset)
        }
    }
}
