/// How a picture may be cut along one axis so that a piece computed by itself has the bits of the whole. All is counted in
/// pixels of the input.
public struct PieceRule: Equatable, Sendable {
    /// Pieces of the input begin at multiples of this, and so do the cores that are kept of their output.
    public let step: Int
    /// How many pixels before its core a piece must begin at the latest, unless it begins with the picture.
    public let before: Int
    /// How many pixels behind its core a piece must end at the earliest, unless it ends with the picture.
    public let after: Int

    public init(step: Int, before: Int, after: Int) {
        self.step = step
        self.before = before
        self.after = after
    }
}

extension Network {
    /// How its first input may be cut along an axis.
    ///
    /// - Parameter inputShape: any that the network takes; it must take those of twice and more its side, too.
    /// - Returns: `nil` where no bound on the reach is found: with statistics over the whole picture, for example.
    /// - Throws: `NetworkError` where the network cannot take such inputs.
    public func pieceRule(axis: Axis, inputShape: Shape) throws(NetworkError) -> PieceRule? {
        var shape = inputShape
        // A piece in the middle of a picture so long that its reach ends inside.
        while shape.side(axis) <= 1 << 22 {
            let graph = AxisGraph(self, shapes: try shapes(inputs: [shape]), axis: axis)
            let (side, step) = (shape.side(axis), graph.step)
            let middle = side / 2 / step * step
            guard let reach = graph.reach(of: middle..<(middle + step)) else { return nil }
            if reach.lowerBound > 0 && reach.upperBound < side {
                return PieceRule(
                    step: step, before: middle - reach.lowerBound, after: reach.upperBound - middle - step)
            }
            if axis == .height { shape.height *= 2 } else { shape.width *= 2 }
        }
        return nil
    }
}
