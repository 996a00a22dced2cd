import RestoreConcurrency

/// Enlarges images by an integer factor, without parameters: N×H×W×C → N×(H·factor)×(W·factor)×C.
///
/// The results match PyTorch's `interpolate` with a `scale_factor` and the modes `nearest` and `bilinear`. The backward
/// pass is the exact adjoint.
public struct Upsampling: PiecewiseOperator {
    public enum Interpolation: Hashable, Sendable {
        /// Every pixel becomes a square of equal pixels.
        case nearest
        /// Linear along both axes. Aligns either the outer edges of the images (PyTorch's `align_corners=False`) or the
        /// centers of their corner pixels (`align_corners=True`). In the latter case weights depend on the size of the
        /// image, so it cannot be processed in bands or tiles.
        case bilinear(alignsCorners: Bool)
    }

    public let factor: Int
    public let interpolation: Interpolation

    /// - Precondition: `factor` is positive.
    public init(factor: Int, _ interpolation: Interpolation = .bilinear(alignsCorners: false)) {
        precondition(factor > 0, "factor \(factor)")
        self.factor = factor
        self.interpolation = interpolation
    }

    public var kind: String { interpolation == .nearest ? "nearest upsampling" : "bilinear upsampling" }

    public func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
        let input = try inputs.only()
        return Shape(
            batch: input.batch, height: input.height * factor, width: input.width * factor, channels: input.channels)
    }

    private var alignsCorners: Bool { interpolation == .bilinear(alignsCorners: true) }

    private func sampling(_ axis: Axis, _ input: Shape) -> LinearSampling {
        LinearSampling(input: input.side(axis), factor: factor, alignsCorners: alignsCorners)
    }

    public func granularity(axis: Axis, inputs: [Shape], output: Shape) -> Int {
        switch interpolation {
        case .nearest: factor
        case .bilinear(let alignsCorners): alignsCorners ? output.side(axis) : 1
        }
    }

    public func scale(axis: Axis) -> Ratio { Ratio(factor, 1) }

    public func inputRange(
        for range: Range<Int>, axis: Axis, input index: Int, inputs: [Shape], output: Shape
    ) -> Range<Int> {
        switch interpolation {
        case .nearest: (range.lowerBound / factor)..<((range.upperBound + factor - 1) / factor)
        case .bilinear(alignsCorners: true): 0..<inputs[0].side(axis)
        case .bilinear: sampling(axis, inputs[0]).inputs(for: range)
        }
    }

    // MARK: - Forward

    public func forwardScratch(inputs: [Shape], output: Shape) -> ScratchSize {
        guard interpolation != .nearest else { return ScratchSize() }
        // Two enlarged rows per worker.
        return ScratchSize(perWorker: 2 * output.rowCount, shared: sampling(.width, inputs[0]).tableCount)
    }

    public func forward(_ pass: ForwardPass) {
        if interpolation == .nearest { repeatPixels(pass) } else { interpolate(pass) }
    }

    private func repeatPixels(_ pass: ForwardPass) {
        let (input, row) = (pass.inputShapes[0], pass.outputShape.rowCount)
        let lines = (pass.lines.lowerBound / factor)..<(pass.lines.upperBound / factor)
        pass.pool.run(taskCount: lines.count) { task, _ in
            let line = lines.lowerBound + task
            let first = pass.output + line * factor * row
            repeatRow(
                pass.inputs[0] + line * input.rowCount, pixels: input.width, channels: input.channels, factor: factor,
                into: first)
            for copy in 1..<max(1, factor) { (first + copy * row).update(from: first, count: row) }
        }
    }

    /// Rows are enlarged along the width, once per task, and then blended in pairs.
    private func interpolate(_ pass: ForwardPass) {
        let (input, output) = (pass.inputShapes[0], pass.outputShape)
        let rows = sampling(.height, input)
        let taps = sampling(.width, input).table(in: pass.scratch.shared)
        let piece = 4 * factor
        pass.pool.run(taskCount: (pass.lines.count + piece - 1) / piece) { task, worker in
            let first = pass.lines.lowerBound + task * piece
            let last = min(first + piece, pass.lines.upperBound)
            let enlarged = pass.scratch.worker(worker)
            // The two blended rows are neighbors: one has an even index, the other an odd one.
            var present = (even: -1, odd: -1)
            func row(_ line: Int) -> UnsafePointer<Float> {
                let isEven = line % 2 == 0
                let place = enlarged + (isEven ? 0 : output.rowCount)
                if (isEven ? present.even : present.odd) != line {
                    enlargeRow(
                        pass.inputs[0] + line * input.rowCount, taps, channels: input.channels, into: place)
                    if isEven { present.even = line } else { present.odd = line }
                }
                return UnsafePointer(place)
            }
            for line in first..<last {
                let (lower, weight) = rows.tap(line % output.height)
                let source = line / output.height * input.height + lower
                let destination = pass.output + line * output.rowCount
                if weight > 0 {
                    blend(row(source), row(source + 1), weight: weight, into: destination, count: output.rowCount)
                } else {
                    destination.update(from: row(source), count: output.rowCount)
                }
            }
        }
    }

    // MARK: - Backward

    public func backwardScratch(inputs: [Shape], output: Shape) -> ScratchSize {
        guard interpolation != .nearest else { return ScratchSize() }
        return ScratchSize(perWorker: output.rowCount, shared: sampling(.width, inputs[0]).tableCount)
    }

    /// A task owns a row of the input.
    public func backward(_ pass: BackwardPass) {
        guard let inputGradient = pass.inputGradients[0] else { return }
        let (input, output) = (pass.inputShapes[0], pass.outputShape)
        let isNearest = interpolation == .nearest
        let rows = sampling(.height, input)
        let taps = isNearest ? nil : sampling(.width, input).table(in: pass.scratch.shared)
        pass.pool.run(taskCount: input.batch * input.height) { line, worker in
            let picture = pass.outputGradient + line / input.height * output.height * output.rowCount
            let y = line % input.height
            let gradient = inputGradient + line * input.rowCount
            gradient.update(repeating: 0, count: input.rowCount)
            guard let taps else {
                for sample in (y * factor)..<((y + 1) * factor) {
                    addRepeatedRow(
                        picture + sample * output.rowCount, pixels: input.width, channels: input.channels,
                        factor: factor, onto: gradient)
                }
                return
            }
            let sum = pass.scratch.worker(worker)
            sum.update(repeating: 0, count: output.rowCount)
            for sample in rows.samples(of: y) {
                let weight = rows.weight(of: y, in: sample)
                guard weight > 0 else { continue }
                addScaled(picture + sample * output.rowCount, weight: weight, onto: sum, count: output.rowCount)
            }
            gatherRow(sum, taps, channels: input.channels, onto: gradient)
        }
    }
}
