/// Three planes of noise (R, G, B) covering an image and `margin` additional rows and columns on each side, so that
/// filters find noise beyond the image's edges too.
package struct NoisePlanes: Sendable {
    /// Including margins.
    package let width: Int
    /// Including margins.
    package let height: Int
    package let margin: Int
    /// Plane by plane, row by row.
    package var values: [Float]

    package var pixelCount: Int { width * height }

    /// Planes of zeros for an image of `width` × `height`.
    package init(width: Int, height: Int, margin: Int) {
        self.width = width + 2 * margin
        self.height = height + 2 * margin
        self.margin = margin
        values = [Float](repeating: 0, count: 3 * self.width * self.height)
    }

    /// Passes the start of each plane to `body`.
    mutating func withPlanes(
        _ body: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>) -> Void
    ) {
        let count = pixelCount
        values.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            body(base, base + count, base + 2 * count)
        }
    }

    /// Applies the same linear map to every pixel's three values.
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

/// The index to which an index beyond the edge is mirrored, repeatedly if necessary: … 1 0 | 0 1 … n−1 | n−1 n−2 …
///
/// - Precondition: `count` is at least 1.
@inline(__always)
func mirrored(_ index: Int, _ count: Int) -> Int {
    if index >= 0 && index < count { return index }
    let period = 2 * count
    let place = ((index % period) + period) % period
    return place < count ? place : period - 1 - place
}
