/// The values used to update one matrix in one step of Muon.
struct MuonStep {
    let momentum: Float
    /// η times the matrix's scale.
    let learningRate: Float
    /// 1 − η λ, by which the matrix is multiplied first.
    let decay: Float
}

/// Floats of working memory that `updateByMuon` needs.
func muonScratch(rows: Int, columns: Int) -> Int {
    rows * columns + orthogonalizeScratch(rows: rows, columns: columns)
}

/// Updates the matrix `p` (rows × columns) and its momentum `m` from the gradients `g`: the Nesterov momentum is
/// orthogonalized and subtracted.
func updateByMuon(
    _ p: UnsafeMutablePointer<Float>, gradients g: UnsafePointer<Float>, momenta m: UnsafeMutablePointer<Float>,
    rows: Int, columns: Int, _ step: MuonStep, scratch: UnsafeMutablePointer<Float>
) {
    let count = rows * columns
    let direction = scratch
    for i in 0..<count {
        m[i] += (1 - step.momentum) * (g[i] - m[i])
        direction[i] = g[i] + step.momentum * (m[i] - g[i])
    }
    orthogonalize(direction, rows: rows, columns: columns, scratch: scratch + count)
    for i in 0..<count { p[i] = step.decay * p[i] - step.learningRate * direction[i] }
}
