/// An operator that can compute a piece of its output from a piece of its input, so that a picture may pass in bands or
/// tiles. One that is not piecewise needs its whole input.
public protocol PiecewiseOperator: Operator {
    /// Output rows (or columns) are computed in whole multiples of this, counted from 0; only the last piece is cut by
    /// the picture's edge. It is the same for all sides, or the output's side: a picture's bits must not depend on how it
    /// is cut.
    func granularity(axis: Axis, inputs: [Shape], output: Shape) -> Int

    /// The rows (or columns) of input `index` that a range of the output is computed from. It contains the ranges for
    /// parts of `range`, and grows in neither direction when `range` does not.
    ///
    /// - Parameter range: not empty; of whole granules, as far as the output goes.
    /// - Returns: a range within the input's side.
    func inputRange(
        for range: Range<Int>, axis: Axis, input index: Int, inputs: [Shape], output: Shape
    ) -> Range<Int>

    /// How many pixels of output lie beside how many of input, away from the edges.
    func scale(axis: Axis) -> Ratio

    /// The input whose buffer the forward pass may overwrite with the output, pixel by pixel, if there is one. Its
    /// `inputRange` is the range of the output.
    var inPlaceInput: Int? { get }
}

extension PiecewiseOperator {
    public func scale(axis: Axis) -> Ratio { 1 }
    public var inPlaceInput: Int? { nil }
}

/// An operator each of whose output pixels depends on the same pixel of every input and on nothing else.
public protocol PointwiseOperator: PiecewiseOperator {}

extension PointwiseOperator {
    public func granularity(axis: Axis, inputs: [Shape], output: Shape) -> Int { 1 }

    public func inputRange(
        for range: Range<Int>, axis: Axis, input index: Int, inputs: [Shape], output: Shape
    ) -> Range<Int> {
        range
    }
}

extension Operator {
    /// `PiecewiseOperator.granularity`; the output's side where the operator is not piecewise.
    func pieceGranularity(axis: Axis, inputs: [Shape], output: Shape) -> Int {
        (self as? any PiecewiseOperator)?.granularity(axis: axis, inputs: inputs, output: output) ?? output.side(axis)
    }

    /// `PiecewiseOperator.inputRange`; the input's whole side where the operator is not piecewise.
    func pieceInputRange(
        for range: Range<Int>, axis: Axis, input index: Int, inputs: [Shape], output: Shape
    ) -> Range<Int> {
        (self as? any PiecewiseOperator)?
            .inputRange(for: range, axis: axis, input: index, inputs: inputs, output: output)
            ?? 0..<inputs[index].side(axis)
    }

    /// `PiecewiseOperator.scale`; 1 where the operator is not piecewise.
    func pieceScale(axis: Axis) -> Ratio {
        (self as? any PiecewiseOperator)?.scale(axis: axis) ?? 1
    }
}
