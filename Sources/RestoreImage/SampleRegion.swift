extension Image {
    /// Copies a rectangle of the image as interleaved sRGB floats with one or three channels, regardless of the image's
    /// channels: a color image is converted to gray by its `Luma`; gray is replicated to three channels. Alpha is
    /// omitted. Value ranges are those of `copyColors`.
    ///
    /// - Parameters:
    ///   - region: the rectangle, inside the image.
    ///   - channels: 1 for gray, 3 for R, G, B.
    ///   - destination: pixel (x, y) of the rectangle is written to `destination[y · rowStride + x · pixelStride + 0
    ///     ..< channels]`; nothing else is changed.
    ///   - pixelStride: floats from one pixel to the next, at least `channels`, which is the default.
    ///   - rowStride: floats from one row to the next, at least `region.width · pixelStride`, which is the default.
    public func copySamples(
        of region: ImageRegion, channels: Int, to destination: UnsafeMutablePointer<Float>, pixelStride: Int? = nil,
        rowStride: Int? = nil
    ) {
        precondition(channels == 1 || channels == 3, "gray has 1 channel and color 3, found \(channels)")
        let pixelStride = pixelStride ?? channels
        if channels == 3 {
            copyColors(of: region, to: destination, pixelStride: pixelStride, rowStride: rowStride)
            return
        }
        checkContains(region)
        let rowStride = rowStride ?? region.width * pixelStride
        precondition(
            pixelStride >= 1 && rowStride >= region.width * pixelStride, "strides \(pixelStride) and \(rowStride)")
        // Converted in pieces of rows, using a buffer of colors that stays in the cache.
        let longest = min(region.width, 1024)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 3 * longest) { buffer in
            guard let colors = buffer.baseAddress else { return }
            for y in 0..<region.height {
                for x in stride(from: 0, to: region.width, by: longest) {
                    let piece = ImageRegion(
                        x: region.x + x, y: region.y + y, width: min(longest, region.width - x), height: 1)
                    copyColors(of: piece, to: colors)
                    copyGray(
                        colors, isGray: channelLayout.colorChannelCount == 1, count: piece.width,
                        to: destination + y * rowStride + x * pixelStride, pixelStride: pixelStride)
                }
            }
        }
    }
}

/// - Parameter isGray: whether R, G and B are equal, in which case luma would only add a rounding error.
private func copyGray(
    _ colors: UnsafePointer<Float>, isGray: Bool, count: Int, to target: UnsafeMutablePointer<Float>, pixelStride: Int
) {
    if isGray {
        for x in 0..<count { target[x * pixelStride] = colors[3 * x] }
    } else {
        for x in 0..<count {
            target[x * pixelStride] = Luma.of(colors[3 * x], colors[3 * x + 1], colors[3 * x + 2])
        }
    }
}
