import RestoreConcurrency

/// The flat arrays of an update.
struct OptimizerBuffers {
    let parameters: UnsafeMutablePointer<Float>
    let gradients: UnsafePointer<Float>
    let firstMoments: UnsafeMutablePointer<Float>
    let secondMoments: UnsafeMutablePointer<Float>
}

/// The work of an update, divided into tasks that depend only on the groups: one task per Muon matrix, the costliest
/// first so that workers finish together, and pieces of everything else. Frozen parameters are not included.
struct OptimizerWork: Sendable {
    private struct Matrix {
        let start: Int
        let rows: Int
        let columns: Int
        let treatment: ParameterGroups.Treatment

        var cost: Int { rows * columns * min(rows, columns) }
    }

    private struct Piece {
        let start: Int
        let count: Int
        /// Index into `treatments`.
        let treatment: Int
    }

    private let matrices: [Matrix]
    private let pieces: [Piece]
    private let treatments: [ParameterGroups.Treatment]
    /// Working memory per worker in floats, in whole cache lines.
    private let scratchCount: Int

    init(_ groups: ParameterGroups) {
        let active = zip(groups.layout.entries, groups.treatments).filter { !$0.1.isFrozen }
        let matrices = active.filter { $0.1.method == .muon }.map { entry, treatment in
            let rows = entry.specification.shape[0]
            return Matrix(
                start: entry.range.lowerBound, rows: rows, columns: entry.range.count / max(1, rows),
                treatment: treatment)
        }
        // The standard library's sort is stable.
        self.matrices = matrices.filter { $0.cost > 0 }.sorted { $0.cost > $1.cost }
        let largest = matrices.map { muonScratch(rows: $0.rows, columns: $0.columns) }.max() ?? 0
        scratchCount = (largest + 15) / 16 * 16
        let runs = groups.runs.filter { !$0.treatment.isFrozen && $0.treatment.method != .muon }
        treatments = runs.map(\.treatment)
        pieces = runs.enumerated().flatMap { index, run in
            stride(from: run.range.lowerBound, to: run.range.upperBound, by: elementwisePiece).map { start in
                Piece(start: start, count: min(elementwisePiece, run.range.upperBound - start), treatment: index)
            }
        }
    }

    /// - Parameter step: the number of this update, starting at 1.
    func run(
        _ buffers: OptimizerBuffers, settings: Optimizer.Settings, learningRate: Float, step: Int, pool: WorkerPool
    ) {
        let steps = treatments.map { treatment in
            AdamStep(
                beta1: settings.beta1, beta2: settings.beta2, epsilon: settings.epsilon,
                weightDecay: treatment.weightDecay, learningRate: learningRate * treatment.learningRateScale,
                step: step)
        }
        let taskCount = matrices.count + pieces.count
        let scratch = FloatBuffer(count: min(pool.workerCount, taskCount) * scratchCount)
        pool.run(taskCount: taskCount) { task, worker in
            if task < matrices.count {
                update(
                    matrices[task], buffers, settings: settings, learningRate: learningRate,
                    scratch: scratch.base + worker * scratchCount)
            } else {
                let piece = pieces[task - matrices.count]
                update(piece, buffers, method: treatments[piece.treatment].method, steps[piece.treatment])
            }
        }
    }

    private func update(
        _ matrix: Matrix, _ buffers: OptimizerBuffers, settings: Optimizer.Settings, learningRate: Float,
        scratch: UnsafeMutablePointer<Float>
    ) {
        let rate = learningRate * matrix.treatment.learningRateScale
        let scale = settings.matrixScale.factor(rows: matrix.rows, columns: matrix.columns)
        updateByMuon(
            buffers.parameters + matrix.start, gradients: buffers.gradients + matrix.start,
            momenta: buffers.firstMoments + matrix.start, rows: matrix.rows, columns: matrix.columns,
            MuonStep(
                momentum: settings.momentum, learningRate: rate * scale,
                decay: 1 - rate * matrix.treatment.weightDecay),
            scratch: scratch)
    }

    private func update(
        _ piece: Piece, _ buffers: OptimizerBuffers, method: Optimizer.Method, _ step: AdamStep
    ) {
        let start = piece.start
        switch method {
        case .adam:
            updateByAdam(
                buffers.parameters + start, gradients: buffers.gradients + start,
                firstMoments: buffers.firstMoments + start, secondMoments: buffers.secondMoments + start,
                count: piece.count, step)
        case .adamW:
            updateByAdamW(
                buffers.parameters + start, gradients: buffers.gradients + start,
                firstMoments: buffers.firstMoments + start, secondMoments: buffers.secondMoments + start,
                count: piece.count, step)
        case .muon:
            preconditionFailure("matrices are no pieces")
        }
    }
}
