import RestoreConcurrency
import RestoreFiles
import RestoreImage

/// Writes a picture as browsers show it everywhere: 8 bits, sRGB, upright.
///
/// - Parameters:
///   - side: the longer side at most; 0 for the picture's own size.
///   - tolerant: whether a damaged picture is shown as far as it can be read.
/// - Throws: `ImageError`.
package func writePreview(
    of path: String, to output: String, side: Int, limits: ImageLimits, tolerant: Bool, pool: WorkerPool
) throws(ImageError) {
    var image = try readImage(path, limits: limits, tolerant: tolerant).image
    let longer = max(image.width, image.height)
    let isReduced = side > 0 && longer > side
    if isReduced {
        image = image.resized(
            width: max(1, image.width * side / longer), height: max(1, image.height * side / longer), filter: .area,
            pool: pool)
    }
    // A reduced one is looked at while the rest loads; the full one is compared pixel by pixel.
    let encoding =
        isReduced && image.isOpaque
        ? ImageEncoding(format: .jpeg, jpegQuality: 92) : ImageEncoding(format: .png, pngCompression: 1)
    try writeImage(image.asShown(pool: pool), to: output, encoding: encoding, overwrite: true, pool: pool)
}

extension Image {
    /// In sRGB with 8 bits per sample.
    fileprivate func asShown(pool: WorkerPool) -> Image {
        if colorSpace == .sRGB { return roundedTo8Bits() }
        let source = roundedTo8Bits().samples
        let (channels, hasAlpha) = (channelLayout.channelCount, channelLayout.hasAlpha)
        let stride = hasAlpha ? 4 : 3
        let values = [UInt8](unsafeUninitializedCapacity: pixelCount * stride) { target, count in
            guard let base = target.baseAddress.map({ UnsafeSendable(pointer: $0) }) else { return }
            pool.run(taskCount: height) { y, _ in
                var colors = [Float](repeating: 0, count: 3 * width)
                colors.withUnsafeMutableBufferPointer { row in
                    guard let row = row.baseAddress else { return }
                    copyColors(of: ImageRegion(x: 0, y: y, width: width, height: 1), to: row)
                }
                for x in 0..<width {
                    let pixel = base.pointer + (y * width + x) * stride
                    for channel in 0..<3 {
                        let value = min(max(colors[3 * x + channel], 0), 1)
                        (pixel + channel).initialize(to: UInt8(value * 255 + 0.5))
                    }
                    guard hasAlpha, case .uint8(let samples) = source else { continue }
                    (pixel + 3).initialize(to: samples[(y * width + x) * channels + channels - 1])
                }
            }
            count = pixelCount * stride
        }
        return Image(width: width, height: height, channelLayout: hasAlpha ? .rgbAlpha : .rgb, samples: .uint8(values))
    }
}

/// Each row is written by one task.
private struct UnsafeSendable: @unchecked Sendable {
    let pointer: UnsafeMutablePointer<UInt8>
}
