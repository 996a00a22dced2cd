/// The harmonic fill of a crop: missing pixels are the means of their neighbors, the known ones are the boundary
/// values. Computed coarse to fine, with successive over-relaxation at each level, to a fraction of an 8-bit step.
package struct HarmonicFill {
    private let width: Int
    private let height: Int
    /// Missing pixels, row by row, each with its neighbors inside the patch.
    private let missing: [Int]

    private static let relaxation: Float = 1.7
    private static let mostSweeps = 60
    /// Sweeps end when no value changes by more.
    private static let tolerance: Float = 0.4 / 255

    /// - Parameter mask: 1 where pixels are missing.
    package init(width: Int, height: Int, mask: UnsafePointer<Float>) {
        self.width = width
        self.height = height
        missing = (0..<(width * height)).filter { mask[$0] != 0 }
    }

    /// - Parameter mask: 1 where pixels are missing, row by row.
    package init(width: Int, height: Int, mask: [Float]) {
        precondition(mask.count == width * height, "a mask of \(mask.count) for \(width)×\(height)")
        self.width = width
        self.height = height
        missing = mask.indices.filter { mask[$0] != 0 }
    }

    /// Interleaved RGB values with the missing pixels replaced.
    package func applied(to colors: [Float]) -> [Float] {
        precondition(colors.count == 3 * width * height, "\(colors.count) values for \(width)×\(height)")
        var result = colors
        result.withUnsafeMutableBufferPointer { buffer in
            if let base = buffer.baseAddress { apply(to: base) }
        }
        return result
    }

    /// Replaces the missing pixels of interleaved RGB values.
    package func apply(to colors: UnsafeMutablePointer<Float>) {
        var isMissing = [Bool](repeating: false, count: width * height)
        for pixel in missing { isMissing[pixel] = true }
        guard missing.count < width * height else { return }
        fillCoarsely(colors, isMissing)
        for _ in 0..<Self.mostSweeps where sweep(colors) > Self.tolerance {}
    }

    /// From the fill of the patch at half its size, if that is not too small.
    private func fillCoarsely(_ colors: UnsafeMutablePointer<Float>, _ isMissing: [Bool]) {
        let (w, h) = ((width + 1) / 2, (height + 1) / 2)
        var coarse = [SIMD3<Float>](repeating: SIMD3(), count: w * h)
        var counts = [Float](repeating: 0, count: w * h)
        for y in 0..<height {
            for x in 0..<width where !isMissing[y * width + x] {
                let place = colors + 3 * (y * width + x)
                coarse[y / 2 * w + x / 2] += SIMD3(place[0], place[1], place[2])
                counts[y / 2 * w + x / 2] += 1
            }
        }
        var values = [Float](repeating: 0, count: 3 * w * h)
        for pixel in coarse.indices where counts[pixel] > 0 {
            let mean = coarse[pixel] / counts[pixel]
            for channel in 0..<3 { values[3 * pixel + channel] = mean[channel] }
        }
        let mask = counts.map { $0 == 0 ? Float(1) : 0 }
        let fill = mask.withUnsafeBufferPointer { buffer in
            buffer.baseAddress.map { HarmonicFill(width: w, height: h, mask: $0) }
        }
        if let fill, !fill.missing.isEmpty {
            values.withUnsafeMutableBufferPointer { buffer in buffer.baseAddress.map { fill.apply(to: $0) } }
        }
        for pixel in missing {
            let source = 3 * (pixel / width / 2 * w + pixel % width / 2)
            for channel in 0..<3 { colors[3 * pixel + channel] = values[source + channel] }
        }
    }

    /// Returns the largest change.
    private func sweep(_ colors: UnsafeMutablePointer<Float>) -> Float {
        var largest: Float = 0
        for pixel in missing {
            let (x, y) = (pixel % width, pixel / width)
            var sum = SIMD3<Float>()
            var count: Float = 0
            func add(_ neighbor: Int) {
                let place = colors + 3 * neighbor
                sum += SIMD3(place[0], place[1], place[2])
                count += 1
            }
            if x > 0 { add(pixel - 1) }
            if x < width - 1 { add(pixel + 1) }
            if y > 0 { add(pixel - width) }
            if y < height - 1 { add(pixel + width) }
            let place = colors + 3 * pixel
            let old = SIMD3(place[0], place[1], place[2])
            let change = Self.relaxation * (sum / count - old)
            let new = old + change
            (place[0], place[1], place[2]) = (new.x, new.y, new.z)
            largest = max(largest, abs(change.x), abs(change.y), abs(change.z))
        }
        return largest
    }
}
