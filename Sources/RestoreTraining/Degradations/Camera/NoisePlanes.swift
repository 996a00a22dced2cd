/// Three planes of noise (R, G, B) around and over a picture: `margin` rows and columns more on each side, so that
/// filters find noise beyond the picture's edges too.
package struct NoisePlanes: Sendable {
    /// With margins.
    package let width: Int
    /// With margins.
    package let height: Int
    package let margin: Int
    /// Plane after plane, row after row.
    package var values: [Float]

    package var pixelCount: Int { width * height }

    /// Planes of zeros for a picture of `width` × `height`.
    package init(width: Int, height: Int, margin: Int) {
        self.width = width + 2 * margin
        self.height = height + 2 * margin
        self.margin = margin
        values = [Float](repeating: 0, count: 3 * self.width * self.height)
    }

    /// Hands `body` the start of each plane.
    mutating func withPlanes(
        _ body: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>) -> Void
    ) {
        let count = pixelCount
        values.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            body(base, base + count, base + 2 * count)
        }
    }

    /// The same linear map of every pixel's three values.
    mutating func apply(_ matrix: ColorMatrix) {
        let count = pixelCount
        withPlanes { red, green, blue in
            for index in 0..<count {
                let mapped = matrix * [red[index], green[index], blue[index]]
                (red[index], green[index], blue[index]) = (mapped.x, mapped.y, mapped.z)
            }
        }
    }
}

/// Where a place beyond the edge is mirrored to, as often as it takes: … 1 0 | 0 1 … n−1 | n−1 n−2 …
///
/// - Precondition: `count` is at least 1.
@inline(__always)
func mirrored(_ index: Int, _ count: Int) -> Int {
    if index >= 0 && index < count { return index }
    let period = 2 * count
    let place = ((index % period) + period) % period
    return place < count ? place : period - 1 - place
}
