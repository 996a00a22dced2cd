/// An operator that can compute a piece of its output from a piece of its input, so that an image can be processed in
/// bands or tiles. Operators that are not piecewise need their whole input.
public protocol PiecewiseOperator: Operator {
    /// Output rows (or columns) are computed in whole multiples of this, counted from 0 (or see `RowAligning`); only
    /// pieces at the image's edges may be shorter. The granularity is either the same for all sizes or the output's full size, because
    /// an image's bits must not depend on how it is cut.
    func granularity(axis: Axis, inputs: [Shape], output: Shape) -> Int

    /// The rows (or columns) of input `index` that a range of the output is computed from. Monotonic: it contains the
    /// ranges for parts of `range`, and extends in neither direction unless `range` does.
    ///
    /// - Parameter range: not empty, and made of whole granules up to the end of the output.
    /// - Returns: a range within the input.
    func inputRange(
        for range: Range<Int>, axis: Axis, input index: Int, inputs: [Shape], output: Shape
    ) -> Range<Int>

    /// Pixels of output per pixel of input, away from the edges.
    func scale(axis: Axis) -> Ratio

    /// The input whose buffer the forward pass may overwrite with the output, pixel by pixel, if any. Its `inputRange`
    /// equals the range of the output.
    var inPlaceInput: Int? { get }
}

extension PiecewiseOperator {
    public func scale(axis: Axis) -> Ratio { 1 }
    public var inPlaceInput: Int? { nil }
}

/// An operator whose granules of rows need not be counted from row 0.
protocol RowAligning: PiecewiseOperator {
    /// The number of output rows of the first granule; 0 if it is as large as the others. A multiple of `rowStep`. It
    /// affects how results are rounded.
    var firstGranule: Int { get set }
    /// Granules may begin at multiples of this.
    var rowStep: Int { get }
}

/// An operator whose every output pixel depends only on the same pixel of each input.
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
    /// `PiecewiseOperator.granularity`, or the output's full size if the operator is not piecewise.
    func pieceGranularity(axis: Axis, inputs: [Shape], output: Shape) -> Int {
        (self as? any PiecewiseOperator)?.granularity(axis: axis, inputs: inputs, output: output) ?? output.side(axis)
    }

    /// `PiecewiseOperator.inputRange`, or the whole input if the operator is not piecewise.
    func pieceInputRange(
        for range: Range<Int>, axis: Axis, input index: Int, inputs: [Shape], output: Shape
    ) -> Range<Int> {
        (self as? any PiecewiseOperator)?
            .inputRange(for: range, axis: axis, input: index, inputs: inputs, output: output)
            ?? 0..<inputs[index].side(axis)
    }

    /// `PiecewiseOperator.scale`, or 1 if the operator is not piecewise.
    func pieceScale(axis: Axis) -> Ratio {
        (self as? any PiecewiseOperator)?.scale(axis: axis) ?? 1
    }
}
