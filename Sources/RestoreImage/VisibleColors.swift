import RestoreConcurrency

/// The colors of a transparent image, prepared for filtering: nearly or fully transparent colors are replaced by a
/// smooth extension of the visible ones around them, so that hidden colors left by an editor do not bleed into the
/// edges.
///
/// Pull-push (Gortler, Grzeszczuk, Szeliski & Cohen, "The Lumigraph", SIGGRAPH 1996, section 3.4.2): weighted colors
/// are averaged over 2×2 pixels repeatedly, and coarser levels fill in where weight is missing. Takes time proportional
/// to the number of pixels, and four bytes per pixel, plus a third more during construction (`memory`). The results do
/// not depend on the number of workers.
public struct VisibleColors: Sendable {
    private let image: Image
    /// Half the image's width and height, rounded up, with all cells filled in.
    private let half: ColorPyramidLevel

    /// How much of a pixel's own color is trusted, 0…1. It is fully trusted from an opacity of 1/8: above that, a color
    /// that was once premultiplied and rounded is off by at most four steps of 255. Below, the trust decreases.
    @inline(__always)
    public static func weight(ofOpacity opacity: Float) -> Float { min(1, 8 * opacity) }

    /// nil if all colors are trusted, so that nothing needs to be extended.
    public init?(_ image: Image, pool: WorkerPool = .serial) {
        guard image.hidesColors(pool: pool) else { return nil }
        self.image = image
        var levels = [ColorPyramidLevel(halving: image, pool: pool)]
        while let last = levels.last, last.width > 1 || last.height > 1 {
            levels.append(ColorPyramidLevel(halving: last, pool: pool))
        }
        while levels.count > 1, let coarse = levels.popLast() {
            levels[levels.count - 1].fill(from: coarse, pool: pool)
        }
        half = levels[0]
    }

    /// Bytes allocated for an image; 0 if all its colors are trusted.
    public static func memory(for image: Image, pool: WorkerPool = .serial) -> Int {
        guard image.hidesColors(pool: pool) else { return 0 }
        return MemoryLayout<SIMD4<Float>>.stride * ((image.width + 1) / 2) * ((image.height + 1) / 2)
    }

    /// Like `Image.copyColors`: visible pixels keep their colors, transparent ones get those of the extension, and
    /// those in between are blended by weight.
    public func copyColors(
        of region: ImageRegion, to destination: UnsafeMutablePointer<Float>, pixelStride: Int = 3, rowStride: Int? = nil
    ) {
        image.copyColors(of: region, to: destination, pixelStride: pixelStride, rowStride: rowStride)
        let rowStride = rowStride ?? region.width * pixelStride
        half.cells.withUnsafeBufferPointer { cells in
            for y in 0..<region.height {
                let row = destination + y * rowStride
                let place = ImageRegion(x: region.x, y: region.y + y, width: region.width, height: 1)
                image.forEachOpacity(in: place) { x, opacity in
                    let weight = Self.weight(ofOpacity: opacity)
                    guard weight < 1 else { return }
                    let color = half.interpolated(cells, x: region.x + x, y: region.y + y)
                    for channel in 0..<3 {
                        let value = row + x * pixelStride + channel
                        value.pointee = color[channel] + (weight > 0 ? weight * (value.pointee - color[channel]) : 0)
                    }
                }
            }
        }
    }
}

extension Image {
    /// Whether the color of a pixel is not fully trusted.
    func hidesColors(pool: WorkerPool) -> Bool {
        guard channelLayout.hasAlpha else { return false }
        let rows = 64
        var found = [Bool](repeating: false, count: (height + rows - 1) / rows)
        found.withUnsafeMutableBufferPointer { found in
            pool.run(taskCount: found.count) { task, _ in
                let (first, end) = (task * rows, min((task + 1) * rows, height))
                switch storage {
                case .uint8(let values): found[task] = 8 * Int(leastAlpha(values, first..<end)) < 255
                case .uint16(let values): found[task] = 8 * Int(leastAlpha(values, first..<end)) < 65535
                }
            }
        }
        return found.contains(true)
    }

    /// Passes to `body` the opacities, 0…1, of the pixels of a one-pixel-high rectangle, counted from its left.
    @inline(__always)
    public func forEachOpacity(in row: ImageRegion, _ body: (_ x: Int, _ opacity: Float) -> Void) {
        guard channelLayout.hasAlpha else { return }
        let channels = channelLayout.channelCount
        let first = (row.y * width + row.x + 1) * channels - 1
        switch storage {
        case .uint8(let values):
            values.withUnsafeBufferPointer { values in
                for x in 0..<row.width { body(x, Float(values[first + x * channels]) / 255) }
            }
        case .uint16(let values):
            values.withUnsafeBufferPointer { values in
                for x in 0..<row.width { body(x, Float(values[first + x * channels]) / 65535) }
            }
        }
    }
}
