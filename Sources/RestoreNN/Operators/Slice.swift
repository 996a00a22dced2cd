import RestoreConcurrency

/// A range of the channels: N×H×W×C → N×H×W×`channels.count`.
public struct Slice: PointwiseOperator {
    public let channels: Range<Int>

    /// - Precondition: the range is not empty and its bounds are not negative.
    public init(channels: Range<Int>) {
        precondition(!channels.isEmpty && channels.lowerBound >= 0, "channels \(channels)")
        self.channels = channels
    }

    public var kind: String { "slice" }

    public func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
        var shape = try inputs.only()
        guard channels.upperBound <= shape.channels else {
            throw ShapeError("channels \(channels) of \(shape.channels)")
        }
        shape.channels = channels.count
        return shape
    }

    public func forward(_ pass: ForwardPass) {
        let all = pass.inputShapes[0].channels
        pass.pool.runPieces(of: pass.pixels, piece: 4096) { start, count in
            for pixel in start..<(start + count) {
                (pass.output + pixel * channels.count)
                    .update(from: pass.inputs[0] + pixel * all + channels.lowerBound, count: channels.count)
            }
        }
    }

    public func backward(_ pass: BackwardPass) {
        guard let inputGradient = pass.inputGradients[0] else { return }
        let all = pass.inputShapes[0].channels
        pass.pool.runPieces(count: pass.outputShape.pixels, piece: 4096) { start, count in
            (inputGradient + start * all).update(repeating: 0, count: count * all)
            for pixel in start..<(start + count) {
                (inputGradient + pixel * all + channels.lowerBound)
                    .update(from: pass.outputGradient + pixel * channels.count, count: channels.count)
            }
        }
    }
}
