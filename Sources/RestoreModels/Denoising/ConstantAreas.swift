import RestoreImage

/// Areas of a picture whose pixels have exactly the same color. They contain no noise: letterbox bars, paper, the flat
/// parts of a drawing, highlights that the camera clipped. They stay as they are.
///
/// A pixel belongs to one if it lies in a square of one color, of 8 pixels a side if that is black or white and of 16
/// otherwise. Strong JPEG compression makes such areas of slightly different ones, whose steps are to go: in a picture
/// that was a JPEG only black and white count.
struct ConstantAreas: Sendable {
    /// Whether areas of other colors than black and white count.
    let includesAllColors: Bool

    private static let sideOfExtremes = 8
    private static let side = 16

    /// Marks the pixels of a rectangle of a picture.
    ///
    /// - Returns: whether each of them belongs to such an area, row by row; nil if none does.
    func marks(of region: ImageRegion, in image: Image) -> [Bool]? {
        switch image.samples {
        case .uint8(let values): values.withUnsafeBufferPointer { marks(of: region, plane(image, $0, white: .max)) }
        case .uint16(let values): values.withUnsafeBufferPointer { marks(of: region, plane(image, $0, white: .max)) }
        }
    }

    /// The same in interleaved RGB floats.
    func marks(
        of region: ImageRegion, in colors: UnsafeBufferPointer<Float>, width: Int, height: Int
    ) -> [Bool]? {
        guard let base = colors.baseAddress else { return nil }
        return marks(
            of: region,
            PixelPlane(pixels: base, width: width, height: height, step: 3, channels: 3, black: 0, white: 1))
    }

    private func plane<Sample: FixedWidthInteger>(
        _ image: Image, _ values: UnsafeBufferPointer<Sample>, white: Sample
    ) -> PixelPlane<Sample>? {
        values.baseAddress.map {
            PixelPlane(
                pixels: $0, width: image.width, height: image.height, step: image.channelLayout.channelCount,
                channels: image.channelLayout.colorChannelCount, black: 0, white: white)
        }
    }

    private func marks<Sample>(of region: ImageRegion, _ plane: PixelPlane<Sample>?) -> [Bool]? {
        guard let plane else { return nil }
        var marks = [Bool](repeating: false, count: region.width * region.height)
        var isAny = plane.mark(&marks, of: region, side: Self.sideOfExtremes, isExtreme: true)
        if includesAllColors { isAny = plane.mark(&marks, of: region, side: Self.side, isExtreme: false) || isAny }
        return isAny ? marks : nil
    }
}

/// The samples of a picture, any of the types that pictures have.
private struct PixelPlane<Sample: Equatable> {
    let pixels: UnsafePointer<Sample>
    let width: Int
    let height: Int
    /// Samples from one pixel to the next, and those of them that are compared.
    let step: Int
    let channels: Int
    let black: Sample
    let white: Sample

    /// Marks the pixels of a rectangle that lie in a square of one color.
    ///
    /// Row by row from above, `depths` counts for each pixel how many rows, ending with this one, begin there with a run
    /// of at least `side` pixels of one and the same color; from `side` on it is the lower left corner of a square. What
    /// squares cover is then spread to the right and, in a second pass, upward.
    ///
    /// - Parameters:
    ///   - marks: of the rectangle, row by row; none is cleared.
    ///   - isExtreme: whether only black and white count.
    /// - Returns: whether any was marked.
    func mark(_ marks: inout [Bool], of region: ImageRegion, side: Int, isExtreme: Bool) -> Bool {
        let (left, right) = (max(0, region.x - side + 1), min(width, region.x + region.width + side - 1))
        let (top, bottom) = (max(0, region.y - side + 1), min(height, region.y + region.height + side - 1))
        guard right - left >= side, bottom - top >= side else { return false }
        let count = right - left
        var depths = [Int32](repeating: 0, count: count)
        // Of each row: the pixels that are in the lowest row of a square.
        var covered = [Bool](repeating: false, count: count * (bottom - top))
        var isAny = false
        for y in top..<bottom {
            let first = pixels + (y * width + left) * step
            let above = y > top ? first - width * step : nil
            guard updateDepths(&depths, first, above: above, side: side, isExtreme: isExtreme) else { continue }
            var end = 0
            let row = (y - top) * count
            for x in 0..<count {
                if depths[x] >= Int32(side) { end = x + side }
                if x < end {
                    covered[row + x] = true
                    isAny = true
                }
            }
        }
        guard isAny else { return false }
        return spreadUpward(covered, count: count, left: left, rows: top..<bottom, side: side, region, to: &marks)
    }

    /// - Returns: whether the row has a run at all.
    private func updateDepths(
        _ depths: inout [Int32], _ row: UnsafePointer<Sample>, above: UnsafePointer<Sample>?, side: Int, isExtreme: Bool
    ) -> Bool {
        var (run, isAny) = (0, false)
        for x in (0..<depths.count).reversed() {
            let pixel = row + x * step
            let isAllowed = !isExtreme || self.isExtreme(pixel)
            run = isAllowed ? (run > 0 && areEqual(pixel, pixel + step) ? run + 1 : 1) : 0
            if run >= side {
                let goesOn = above.map { areEqual($0 + x * step, pixel) } ?? false
                depths[x] = goesOn ? depths[x] + 1 : 1
                isAny = true
            } else {
                depths[x] = 0
            }
        }
        return isAny
    }

    /// From the lowest rows of squares to all of their rows.
    private func spreadUpward(
        _ covered: [Bool], count: Int, left: Int, rows: Range<Int>, side: Int, _ region: ImageRegion,
        to marks: inout [Bool]
    ) -> Bool {
        var heights = [Int](repeating: 0, count: region.width)
        var isAny = false
        for y in rows.reversed() {
            let row = (y - rows.lowerBound) * count + region.x - left
            let isInside = y >= region.y && y < region.y + region.height
            for x in 0..<region.width {
                heights[x] = covered[row + x] ? side : max(0, heights[x] - 1)
                if isInside, heights[x] > 0 {
                    marks[(y - region.y) * region.width + x] = true
                    isAny = true
                }
            }
        }
        return isAny
    }

    @inline(__always)
    private func areEqual(_ a: UnsafePointer<Sample>, _ b: UnsafePointer<Sample>) -> Bool {
        a[0] == b[0] && (channels == 1 || (a[1] == b[1] && a[2] == b[2]))
    }

    @inline(__always)
    private func isExtreme(_ pixel: UnsafePointer<Sample>) -> Bool {
        (pixel[0] == black || pixel[0] == white)
            && (channels == 1 || (pixel[1] == pixel[0] && pixel[2] == pixel[0]))
    }
}
