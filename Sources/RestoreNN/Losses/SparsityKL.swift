import RestoreConcurrency
import Glibc

/// The divergence between the mean activity of hidden units and a small target ρ, summed over the units c: Σ_c KL(ρ ‖
/// ρ̂_c), where KL(ρ ‖ ρ̂) = ρ log(ρ/ρ̂) + (1 − ρ) log((1 − ρ)/(1 − ρ̂)) and ρ̂_c is the mean activation of unit c over
/// the batch (Ng, "Sparse autoencoder", CS294A lecture notes, 2011).
///
/// Input: activations in 0…1 such as those of a sigmoid, N×H×W×C. A unit is a channel: ρ̂_c is the mean over the batch
/// and all pixels. Outside 10⁻⁶…1 − 10⁻⁶, KL(ρ ‖ ρ̂) is extended along its tangent, so that a unit that is never or
/// always active has a finite loss and a finite gradient.
public struct SparsityKL: LossOperator, Hashable {
    /// ρ
    public let activity: Double

    /// - Precondition: 0 < `activity` < 1.
    public init(activity: Double) {
        precondition(activity > 0 && activity < 1, "an activity of \(activity)")
        self.activity = activity
    }

    public var kind: String { "sparsity KL" }

    public func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
        _ = try inputs.only()
        return .scalar
    }

    public func evaluate(_ pass: ForwardPass) -> Double {
        means(pass.inputs[0], pass.inputShapes[0], pool: pass.pool).reduce(0) { $0 + divergence($1).value }
    }

    public func backward(_ pass: BackwardPass) {
        guard let gradient = pass.inputGradients[0] else { return }
        let shape = pass.inputShapes[0]
        let scale = Double(pass.outputGradient[0]) / Double(shape.pixels)
        let slopes = means(pass.inputs[0], shape, pool: pass.pool).map { Float(scale * divergence($0).slope) }
        slopes.withUnsafeBufferPointer { slopes in
            guard let slopes = slopes.baseAddress else { return }
            pass.pool.runPieces(count: shape.pixels, piece: shape.pixelsPerPiece) { start, count in
                for pixel in start..<(start + count) {
                    (gradient + pixel * shape.channels).update(from: slopes, count: shape.channels)
                }
            }
        }
    }

    /// ρ̂ of each channel.
    private func means(_ activations: UnsafePointer<Float>, _ shape: Shape, pool: WorkerPool) -> [Double] {
        let sums = pool.channelSums(shape) { pixel, count, sums in
            for pixel in pixel..<(pixel + count) {
                let row = activations + pixel * shape.channels
                for c in 0..<shape.channels { sums[c] += Double(row[c]) }
            }
        }
        return sums.map { $0 / Double(shape.pixels) }
    }

    /// KL(ρ ‖ ρ̂) and its derivative with respect to ρ̂.
    private func divergence(_ mean: Double) -> (value: Double, slope: Double) {
        // Comparisons with NaN are false, so NaN propagates.
        let inside = mean < 1e-6 ? 1e-6 : (mean > 1 - 1e-6 ? 1 - 1e-6 : mean)
        let value = activity * log(activity / inside) + (1 - activity) * log((1 - activity) / (1 - inside))
        let slope = (1 - activity) / (1 - inside) - activity / inside
        return (value + slope * (mean - inside), slope)
    }
}
