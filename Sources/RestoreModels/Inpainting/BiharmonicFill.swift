/// The biharmonic fill of a crop: the missing pixels minimize the sum of squared Laplacians over and around them, so that
/// gradients continue across holes (Damelin & Hoang, "On surface completion and image inpainting by biharmonic
/// functions", 2018). Found by conjugate gradients from the harmonic fill; memory grows with the crop only.
struct BiharmonicFill {
    private let width: Int
    private let height: Int
    private let mask: [Float]
    /// Missing pixels.
    private let unknowns: [Int]
    /// Missing pixels and their neighbors: where the Laplacian depends on an unknown.
    private let affected: [Int]

    private static let mostIterations = 500
    /// The residual, relative to that of the harmonic fill, at which the iteration ends.
    private static let tolerance = 1e-3

    /// - Parameter mask: 1 where pixels are missing, row by row.
    init(width: Int, height: Int, mask: [Float]) {
        precondition(mask.count == width * height, "a mask of \(mask.count) for \(width)×\(height)")
        (self.width, self.height, self.mask) = (width, height, mask)
        unknowns = mask.indices.filter { mask[$0] != 0 }
        var isAffected = [Bool](repeating: false, count: mask.count)
        for pixel in unknowns {
            isAffected[pixel] = true
            if pixel % width > 0 { isAffected[pixel - 1] = true }
            if pixel % width < width - 1 { isAffected[pixel + 1] = true }
            if pixel >= width { isAffected[pixel - width] = true }
            if pixel < mask.count - width { isAffected[pixel + width] = true }
        }
        affected = isAffected.indices.filter { isAffected[$0] }
    }

    /// Interleaved RGB values with the missing pixels replaced.
    func applied(to colors: [Float]) -> [Float] {
        var result = HarmonicFill(width: width, height: height, mask: mask).applied(to: colors)
        guard !unknowns.isEmpty, unknowns.count < mask.count else { return result }
        for channel in 0..<3 {
            var plane = (0..<(width * height)).map { result[3 * $0 + channel] }
            solve(&plane)
            for pixel in unknowns { result[3 * pixel + channel] = plane[pixel] }
        }
        return result
    }

    private func solve(_ plane: inout [Float]) {
        var residual = normal(plane).map { -$0 }
        var direction = residual
        var energy = Self.dot(residual, residual)
        let goal = Self.tolerance * Self.tolerance * energy
        var step = [Float](repeating: 0, count: plane.count)
        for _ in 0..<Self.mostIterations where energy > goal && energy > 1e-12 {
            for (index, pixel) in unknowns.enumerated() { step[pixel] = direction[index] }
            let image = normal(step)
            let curvature = Self.dot(direction, image)
            guard curvature > 0 else { return }
            let length = Float(energy / curvature)
            for (index, pixel) in unknowns.enumerated() {
                plane[pixel] += length * direction[index]
                residual[index] -= length * image[index]
            }
            let next = Self.dot(residual, residual)
            let ratio = Float(next / energy)
            for index in direction.indices { direction[index] = residual[index] + ratio * direction[index] }
            energy = next
        }
    }

    private static func dot(_ a: [Float], _ b: [Float]) -> Double {
        zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }

    /// The Laplacian of the Laplacian at each unknown, the latter where it depends on one.
    private func normal(_ plane: [Float]) -> [Float] {
        var laplacian = [Float](repeating: 0, count: plane.count)
        for pixel in affected { laplacian[pixel] = self.laplacian(plane, pixel) }
        return unknowns.map { self.laplacian(laplacian, $0) }
    }

    /// The sum of the differences from the neighbors inside the crop; as a matrix it is symmetric.
    private func laplacian(_ plane: [Float], _ pixel: Int) -> Float {
        let x = pixel % width
        let value = plane[pixel]
        var sum: Float = 0
        if x > 0 { sum += plane[pixel - 1] - value }
        if x < width - 1 { sum += plane[pixel + 1] - value }
        if pixel >= width { sum += plane[pixel - width] - value }
        if pixel < plane.count - width { sum += plane[pixel + width] - value }
        return sum
    }
}
