import RestoreConcurrency

/// The colors of a picture with transparency as a filter may see them: those that hardly show or do not show at all give way
/// to a smooth extension of the visible ones around them, so that what an editor left under the transparency does not bleed
/// into the edges.
///
/// Pull-push (Gortler, Grzeszczuk, Szeliski & Cohen, "The Lumigraph", SIGGRAPH 1996, section 3.4.2): colors are averaged by
/// their weight over 2×2 pixels, again and again, and where weight is missing the coarser level fills in. Takes time
/// proportional to the pixels, and four bytes for each, a third more while it is made (`memory`). The results do not depend on
/// the number of workers.
public struct VisibleColors: Sendable {
    private let image: Image
    /// Half the picture's sides, rounded up: filled in.
    private let half: ColorPyramidLevel

    /// How much of a pixel's own color is believed, 0…1: all of it from an opacity of 1/8, above which a color that was once
    /// multiplied by its opacity and rounded is off by four steps of 255 at most; less below.
    @inline(__always)
    public static func weight(ofOpacity opacity: Float) -> Float { min(1, 8 * opacity) }

    /// nil where all colors are believed, so that nothing need be extended.
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

    /// Bytes that are held for a picture; 0 where all its colors are believed.
    public static func memory(for image: Image, pool: WorkerPool = .serial) -> Int {
        guard image.hidesColors(pool: pool) else { return 0 }
        return MemoryLayout<SIMD4<Float>>.stride * ((image.width + 1) / 2) * ((image.height + 1) / 2)
    }

    /// As `Image.copyColors`: visible pixels as they are, transparent ones as the extension has them, and in proportion to
    /// the weight between.
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
    /// Whether the color of a pixel is not wholly believed.
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

    /// Hands `body` the opacities of the pixels of a rectangle one pixel high, 0…1, counted from its left.
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
