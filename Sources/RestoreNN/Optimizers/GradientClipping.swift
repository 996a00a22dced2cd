import RestoreConcurrency

/// Scales `gradients` so that their Euclidean norm is at most `maximum` (Pascanu, Mikolov & Bengio 2013), and returns
/// the norm before clipping. Squares are summed in `Double`, in pieces of fixed size whose sums are added in order.
public func clipGradientNorm(_ gradients: inout [Float], maximum: Float, pool: WorkerPool) -> Float {
    let count = gradients.count
    var sums = [Double](repeating: 0, count: (count + elementwisePiece - 1) / elementwisePiece)
    return gradients.withUnsafeMutableBufferPointer { gradients in
        guard let g = gradients.baseAddress else { return 0 }
        sums.withUnsafeMutableBufferPointer { sums in
            pool.runPieces(count: count) { start, length in
                var sum = 0.0
                for i in start..<(start + length) { sum += Double(g[i]) * Double(g[i]) }
                sums[start / elementwisePiece] = sum
            }
        }
        let norm = Float(sums.reduce(0, +).squareRoot())
        if norm > maximum {
            let scale = maximum / norm
            pool.runPieces(count: count) { start, length in
                for i in start..<(start + length) { g[i] *= scale }
            }
        }
        return norm
    }
}
