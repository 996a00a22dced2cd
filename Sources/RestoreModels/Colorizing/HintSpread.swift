import Glibc
import RestoreConcurrency

/// Carries the colors of hints to the places they are meant for.
///
/// A network follows hints only in part, and near them. What is left between its answer and the hints is spread by
/// Gaussian process regression (kriging; Rasmussen & Williams, *Gaussian Processes for Machine Learning*, 2006, equation
/// 2.25): two pixels are taken to be the more alike, the closer they are, and the more equal their luma and the chroma
/// expected of them. A hint on one of two red roofs also colors the other, but not the sky between them.
struct HintSpread {
    private let width: Int
    private let height: Int
    /// Position, luma and expected chroma of every pixel, in units in which the kernel is exp(−d²/2).
    private let places: [SIMD8<Float>]

    /// Distance in long sides, luma and chroma at which likeness has fallen to e^(−1/2), and the variance of a hint in
    /// units of that of the differences. Chosen on training photographs with ten hints each.
    private static let positionScale: Float = 0.5
    private static let lumaScale: Float = 0.2
    private static let chromaScale: Float = 0.1
    private static let noise = 0.1

    /// The equations are solved in cubic time; of more hints, those of a neighborhood count as one.
    private static let mostPlaces = 400

    /// - Parameters:
    ///   - luma: Y′ of every pixel.
    ///   - expected: Cb, Cr of every pixel without any hint.
    init(width: Int, height: Int, luma: [Float], expected: [SIMD2<Float>]) {
        precondition(luma.count == width * height && expected.count == luma.count, "\(width)×\(height) pixels")
        self.width = width
        self.height = height
        let unit = 1 / (Float(max(width, height)) * Self.positionScale)
        places = luma.indices.map { index in
            let chroma = expected[index] / Self.chromaScale
            return SIMD8(
                Float(index % width) * unit, Float(index / width) * unit, luma[index] / Self.lumaScale, chroma.x,
                chroma.y, 0, 0, 0)
        }
    }

    /// The chroma with what it lacks to agree with the hints.
    ///
    /// - Parameter hints: with places in this picture.
    func corrected(_ chroma: [SIMD2<Float>], by hints: [ColorHint], pool: WorkerPool) -> [SIMD2<Float>] {
        let points = points(of: hints)
        guard !points.isEmpty else { return chroma }
        let weights = weights(of: points, differences: points.map { $0.chroma - chroma[$0.index] })
        let positions = points.map { places[$0.index] }
        var result = chroma
        result.withUnsafeMutableBufferPointer { result in
            guard let result = result.baseAddress else { return }
            pool.run(taskCount: height) { row, _ in
                for index in (row * width)..<((row + 1) * width) {
                    var sum = SIMD2<Float>()
                    for (position, weight) in zip(positions, weights) {
                        sum += weight * Self.likeness(places[index], position)
                    }
                    result[index] += sum
                }
            }
        }
        return result
    }

    private struct Point {
        let index: Int
        let chroma: SIMD2<Float>
    }

    /// One point for each pixel with hints, or for each square of pixels if those are too many.
    private func points(of hints: [ColorHint]) -> [Point] {
        let hints = hints.filter { (0..<width).contains($0.x) && (0..<height).contains($0.y) }
        var side = 1
        while true {
            let squares = Dictionary(grouping: hints) { ($0.y / side) * width + $0.x / side }
            if squares.count <= Self.mostPlaces {
                return squares.sorted { $0.key < $1.key }.map { _, hints in
                    let first = hints[hints.count / 2]
                    let mean = hints.reduce(SIMD2<Float>()) { $0 + $1.chroma } / Float(hints.count)
                    return Point(index: first.y * width + first.x, chroma: mean)
                }
            }
            side *= 2
        }
    }

    private static func likeness(_ a: SIMD8<Float>, _ b: SIMD8<Float>) -> Float {
        let difference = a - b
        return expf(-0.5 * (difference * difference).sum())
    }

    /// (K + noise·I)⁻¹ × differences, by Cholesky's factors of K + noise·I, which is positive definite.
    private func weights(of points: [Point], differences: [SIMD2<Float>]) -> [SIMD2<Float>] {
        let count = points.count
        var factor = [Double](repeating: 0, count: count * count)
        var solution = differences.map { SIMD2<Double>($0) }
        for row in 0..<count {
            for column in 0...row {
                var sum = Double(Self.likeness(places[points[row].index], places[points[column].index]))
                if row == column { sum += Self.noise }
                for inner in 0..<column { sum -= factor[row * count + inner] * factor[column * count + inner] }
                factor[row * count + column] = row == column ? sum.squareRoot() : sum / factor[column * count + column]
            }
        }
        for row in 0..<count {
            for inner in 0..<row { solution[row] -= factor[row * count + inner] * solution[inner] }
            solution[row] /= factor[row * count + row]
        }
        for row in (0..<count).reversed() {
            for inner in (row + 1)..<count { solution[row] -= factor[inner * count + row] * solution[inner] }
            solution[row] /= factor[row * count + row]
        }
        return solution.map { SIMD2<Float>($0) }
    }
}
