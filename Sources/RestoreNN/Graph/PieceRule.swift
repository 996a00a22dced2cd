/// How an image may be cut along one axis so that each piece, computed separately, is bit-identical to that part of the
/// whole. All sizes are in pixels of the input.
public struct PieceRule: Equatable, Sendable {
    /// Pieces of the input start at multiples of this, and so do the cores that are kept of their outputs.
    public let step: Int
    /// A piece must start at least this many pixels before its core, unless it starts at the image's edge.
    public let before: Int
    /// A piece must end at least this many pixels after its core, unless it ends at the image's edge.
    public let after: Int
    /// A piece must be at least this large, unless it is the whole.
    public let least: Int

    public init(step: Int, before: Int, after: Int, least: Int = 0) {
        self.step = step
        self.before = before
        self.after = after
        self.least = least
    }
}

extension Network {
    /// How the network's first input may be cut along an axis.
    ///
    /// - Parameter inputShape: any shape that the network accepts; the network must also accept two and more times its
    ///   size along the axis.
    /// - Returns: `nil` if no bound on the reach is found, as with statistics over the whole image.
    /// - Throws: `NetworkError` if the network does not accept such inputs.
    public func pieceRule(axis: Axis, inputShape: Shape) throws(NetworkError) -> PieceRule? {
        let isTall = inputShape.height >= Self.leastAlignedHeight
        var shape = inputShape
        // A piece in the middle of an image large enough to contain its whole reach.
        while shape.side(axis) <= 1 << 22 {
            let (network, shapes) = try prepared(inputShapes: [shape], isTall: isTall)
            let graph = AxisGraph(network, shapes: shapes, axis: axis)
            let (side, step) = (shape.side(axis), graph.step)
            let middle = side / 2 / step * step
            guard let reach = graph.reach(of: middle..<(middle + step)) else { return nil }
            if reach.lowerBound > 0 && reach.upperBound < side {
                return PieceRule(
                    step: step, before: middle - reach.lowerBound, after: reach.upperBound - middle - step,
                    least: isTall && axis == .height ? Self.leastAlignedHeight : 0)
            }
            if axis == .height { shape.height *= 2 } else { shape.width *= 2 }
        }
        return nil
    }
}
