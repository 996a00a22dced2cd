import RestoreConcurrency
import RestoreImage

/// The values that the noise estimator examines: those of a picture or of floats, or means of them. Rows are made when
/// they are read, so that a large picture takes no memory.
struct PatchSource {
    let width: Int
    let height: Int
    /// 1 or 3.
    let channels: Int
    /// Whether no value is beyond 0…1, so that noise may have been clipped to it.
    let isWithinRange: Bool
    /// What values are multiplied by before they are examined: a level found is that many times the picture's own.
    let gain: Float
    /// Writes whole rows, interleaved; values that say nothing are NaN.
    let copyRows: (_ rows: Range<Int>, _ target: UnsafeMutablePointer<Float>) -> Void

    private init(
        width: Int, height: Int, channels: Int, isWithinRange: Bool, gain: Float = 1,
        copyRows: @escaping (_ rows: Range<Int>, _ target: UnsafeMutablePointer<Float>) -> Void
    ) {
        (self.width, self.height, self.channels) = (width, height, channels)
        (self.isWithinRange, self.gain, self.copyRows) = (isWithinRange, gain, copyRows)
    }

    /// - Parameters:
    ///   - pixels: interleaved, nominally 0…1; must outlive the source.
    ///   - channels: 1 or 3.
    init(_ pixels: UnsafeBufferPointer<Float>, width: Int, height: Int, channels: Int) {
        precondition(channels == 1 || channels == 3, "1 or 3 channels, not \(channels)")
        precondition(
            width >= 0 && height >= 0 && pixels.count == width * height * channels,
            "\(width)×\(height)×\(channels) does not match \(pixels.count) values")
        var beyond: Int32 = 0
        // No early exit: it would prevent vectorization of the loop. NaN is skipped.
        for value in pixels { beyond |= value < 0 || value > 1 ? 1 : 0 }
        let rowCount = width * channels
        self.init(width: width, height: height, channels: channels, isWithinRange: beyond == 0) { rows, target in
            guard let base = pixels.baseAddress else { return }
            target.update(from: base + rows.lowerBound * rowCount, count: rows.count * rowCount)
        }
    }

    /// A picture's colors, in its own primaries. Wholly transparent pixels are left out: hidden colors say nothing about
    /// the visible ones. Values that use a small part of the range are scaled.
    init(_ image: Image) {
        let scale = PictureScale(image)
        var image = image
        image.colorSpace = image.colorSpace.inOwnPrimaries
        let isGray = image.channelLayout.colorChannelCount == 1
        let width = image.width
        self.init(
            width: width, height: image.height, channels: isGray ? 1 : 3, isWithinRange: true, gain: scale.gain
        ) { [image] rows, target in
            func copy(_ colors: UnsafeMutablePointer<Float>) {
                let region = ImageRegion(x: 0, y: rows.lowerBound, width: width, height: rows.count)
                image.copyColors(of: region, to: colors)
                if !scale.isIdentity { scale.apply(to: colors, pixelCount: region.width * region.height) }
                guard image.channelLayout.hasAlpha else { return }
                for y in 0..<rows.count {
                    let row = ImageRegion(x: 0, y: rows.lowerBound + y, width: width, height: 1)
                    image.forEachOpacity(in: row) { x, opacity in
                        guard opacity == 0 else { return }
                        for i in 0..<3 { colors[3 * (y * width + x) + i] = .nan }
                    }
                }
            }
            guard isGray else { return copy(target) }
            Self.withRows(3 * width * rows.count) { colors in
                copy(colors)
                for pixel in 0..<(width * rows.count) { target[pixel] = colors[3 * pixel] }
            }
        }
    }

    /// Whether every pixel has equal channels.
    var isMonochrome: Bool {
        guard channels == 3 else { return true }
        var found = true
        Self.withRows(3 * width) { colors in
            for y in 0..<height where found {
                copyRows(y..<(y + 1), colors)
                var different: Int32 = 0
                for x in 0..<width {
                    let isSame = colors[3 * x] == colors[3 * x + 1] && colors[3 * x] == colors[3 * x + 2]
                    different |= isSame || colors[3 * x].isNaN ? 0 : 1
                }
                found = different == 0
            }
        }
        return found
    }

    /// The mean of the channels. Unshared noise of σ in each of three leaves σ/√3 in it, common noise σ.
    var merged: PatchSource {
        guard channels == 3 else { return self }
        return PatchSource(width: width, height: height, channels: 1, isWithinRange: isWithinRange, gain: gain) {
            [width, copyRows] rows, target in
            let count = width * rows.count
            Self.withRows(3 * count) { colors in
                copyRows(rows, colors)
                for i in 0..<count { target[i] = (colors[3 * i] + colors[3 * i + 1] + colors[3 * i + 2]) / 3 }
            }
        }
    }

    /// The means of 2×2 pixels; an odd last row or column is ignored.
    var halved: PatchSource {
        let columns = width / 2
        return PatchSource(
            width: columns, height: height / 2, channels: channels, isWithinRange: isWithinRange, gain: gain
        ) { [width, channels, copyRows] rows, target in
            let full = 2 * rows.lowerBound..<2 * rows.upperBound
            Self.withRows(full.count * width * channels) { pixels in
                copyRows(full, pixels)
                var index = 0
                for y in 0..<rows.count {
                    for x in 0..<columns {
                        let origin = (2 * y * width + 2 * x) * channels
                        for place in origin..<(origin + channels) {
                            let upper = pixels[place] + pixels[place + channels]
                            let lower = pixels[place + width * channels] + pixels[place + (width + 1) * channels]
                            target[index] = (upper + lower) / 4
                            index += 1
                        }
                    }
                }
            }
        }
    }

    /// Whether the colors are directions, as in a normal map: of unit length as (2R − 1, 2G − 1, 2B − 1). Rounding
    /// changes the length by 0.01, and noise more, but hardly any photograph has lengths so close to 1.
    var holdsUnitVectors: Bool {
        guard channels == 3, width > 0 else { return false }
        var (sum, count) = (Float(0), 0)
        Self.withRows(3 * width) { colors in
            for y in Swift.stride(from: 0, to: height, by: max(1, height / 64)) {
                copyRows(y..<(y + 1), colors)
                for x in 0..<width {
                    let (a, b, c) = (2 * colors[3 * x] - 1, 2 * colors[3 * x + 1] - 1, 2 * colors[3 * x + 2] - 1)
                    let distance = abs((a * a + b * b + c * c).squareRoot() - 1)
                    guard distance.isFinite else { continue }
                    (sum, count) = (sum + distance, count + 1)
                }
            }
        }
        return count > 0 && sum < 0.03 * Float(count)
    }

    private static func withRows(_ count: Int, _ body: (UnsafeMutablePointer<Float>) -> Void) {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: max(1, count)) { buffer in
            if let base = buffer.baseAddress { body(base) }
        }
    }
}
