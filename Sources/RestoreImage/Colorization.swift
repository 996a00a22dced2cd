// Adding colors to gray images.

extension Image {
    /// The image with three color channels: gray is replicated to each of them; a color image is returned unchanged.
    ///
    /// Size, bit depth and alpha are preserved. A gray image in sRGB keeps its samples exactly; one in another color
    /// space, which describes only gray, is converted to sRGB. Its metadata need `ImageMetadata.describingColor(of:)`.
    public func inColor() -> Image {
        guard channelLayout.colorChannelCount == 1 else { return self }
        let samples: Samples =
            switch storage {
            case .uint8(let values): .uint8(replicated(values))
            case .uint16(let values): .uint16(replicated(values))
            }
        return Image(
            width: width, height: height, channelLayout: channelLayout.hasAlpha ? .rgbAlpha : .rgb, samples: samples)
    }

    private func replicated<Sample: FixedWidthInteger>(_ values: [Sample]) -> [Sample] {
        let (step, channels) = (channelLayout.channelCount, channelLayout.channelCount + 2)
        // The gray curve is converted to sRGB's.
        let table = conversion?.sRGBSamples(Sample.self) ?? []
        return [Sample](unsafeUninitializedCapacity: pixelCount * channels) { target, count in
            count = pixelCount * channels
            values.withUnsafeBufferPointer { source in
                table.withUnsafeBufferPointer { table in
                    guard let source = source.baseAddress, let target = target.baseAddress else { return }
                    replicateGray(
                        source, step: step, by: table.isEmpty ? nil : table.baseAddress, to: target,
                        channels: channels, count: pixelCount)
                }
            }
        }
    }

    /// The image with these colors. A gray image becomes a color image, see `inColor`; a color image keeps its color
    /// space. Alpha is preserved.
    ///
    /// - Parameter colors: R, G, B of every pixel in sRGB; clamped to 0…1 and rounded to the bit depth.
    /// - Precondition: there are 3 floats per pixel.
    /// - Throws: `NonFinitePixel` for the first pixel with a NaN or an infinity.
    public func colorized(with colors: [Float]) throws(NonFinitePixel) -> Image {
        precondition(colors.count == 3 * pixelCount, "\(colors.count) floats for \(pixelCount) pixels")
        var result = inColor()
        try colors.withUnsafeBufferPointer { buffer throws(NonFinitePixel) in
            if let base = buffer.baseAddress { try result.setColors(of: bounds, from: base) }
        }
        return result
    }

    /// The image with this chroma and its own lightness, see `setChroma`. A gray image becomes a color image.
    ///
    /// - Parameter chroma: a* and b* of every pixel.
    /// - Precondition: there are 2 floats per pixel.
    /// - Throws: `NonFinitePixel` for the first pixel with a NaN or an infinity.
    public func colorized(withChroma chroma: [Float]) throws(NonFinitePixel) -> Image {
        precondition(chroma.count == 2 * pixelCount, "\(chroma.count) floats for \(pixelCount) pixels")
        var result = inColor()
        try chroma.withUnsafeBufferPointer { buffer throws(NonFinitePixel) in
            if let base = buffer.baseAddress { try result.setChroma(of: bounds, from: base) }
        }
        return result
    }

    /// Replaces a* and b* (`CIELAB`) in a rectangle of a color image. L* is preserved, up to rounding to the bit depth:
    /// the chroma of colors outside sRGB's gamut is reduced (`CIELAB.fitToGamut`).
    ///
    /// Large images can be colored piece by piece; only one row at a time is stored as floats.
    ///
    /// - Parameters:
    ///   - region: the rectangle, inside the image.
    ///   - chroma: a* and b* of pixel (x, y) of the rectangle begin at `chroma[y · rowStride + x · pixelStride]`.
    ///   - pixelStride: floats from one pixel to the next, at least 2.
    ///   - rowStride: floats from one row to the next, at least `region.width · pixelStride`, which is the default.
    /// - Precondition: the image has color channels.
    /// - Throws: `NonFinitePixel` for the first pixel, row by row, with a NaN or an infinity. The rows of the rectangle
    ///   above it are then written; the others are not.
    public mutating func setChroma(
        of region: ImageRegion, from chroma: UnsafePointer<Float>, pixelStride: Int = 2, rowStride: Int? = nil
    ) throws(NonFinitePixel) {
        precondition(channelLayout.colorChannelCount == 3, "a gray picture has no chroma; see inColor")
        checkContains(region)
        let rowStride = rowStride ?? region.width * pixelStride
        precondition(
            pixelStride >= 2 && rowStride >= region.width * pixelStride, "strides \(pixelStride) and \(rowStride)")
        var colors = [Float](repeating: 0, count: 3 * region.width)
        for y in 0..<region.height {
            let row = ImageRegion(x: region.x, y: region.y + y, width: region.width, height: 1)
            let chroma = chroma + y * rowStride
            try colors.withUnsafeMutableBufferPointer { buffer throws(NonFinitePixel) in
                guard let colors = buffer.baseAddress else { return }
                copyColors(of: row, to: colors)
                CIELAB.fromSRGB(colors, to: colors, count: row.width)
                for x in 0..<row.width {
                    colors[3 * x + 1] = chroma[x * pixelStride]
                    colors[3 * x + 2] = chroma[x * pixelStride + 1]
                }
                CIELAB.fitToGamut(colors, count: row.width)
                CIELAB.toSRGB(colors, to: colors, count: row.width)
                try setColors(of: row, from: colors)
            }
        }
    }
}

/// - Parameter table: the new value of each gray sample; nil to keep it.
private func replicateGray<Sample: FixedWidthInteger>(
    _ source: UnsafePointer<Sample>, step: Int, by table: UnsafePointer<Sample>?,
    to target: UnsafeMutablePointer<Sample>, channels: Int, count: Int
) {
    for x in 0..<count {
        let (pixel, color) = (source + x * step, target + x * channels)
        let gray = table.map { $0[Int(pixel[0])] } ?? pixel[0]
        color[0] = gray
        color[1] = gray
        color[2] = gray
        if channels == 4 { color[3] = pixel[1] }
    }
}

extension ColorConversion {
    /// The nearest sRGB sample for each gray sample.
    fileprivate func sRGBSamples<Sample: FixedWidthInteger>(_: Sample.Type) -> [Sample] {
        let samples = (0...Int(Sample.max)).map { Sample(truncatingIfNeeded: $0) }
        var colors = [Float](repeating: 0, count: 3 * samples.count)
        colors.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            copyColors(samples, step: 1, count: samples.count, to: base, pixelStride: 3)
        }
        let maximum = Float(UInt32(truncatingIfNeeded: Sample.max))
        return samples.indices.map { nearestSample(colors[3 * $0], maximum) }
    }
}

extension ImageMetadata {
    /// The metadata of an image after its conversion to color (`Image.inColor`).
    ///
    /// If it was gray, profiles and chunks that describe only gray are dropped, since the colors are sRGB; those that
    /// mean sRGB for both gray and color are kept. EXIF and XMP are changed to sRGB if they named a color space
    /// (`describingSRGB`).
    ///
    /// - Parameter layout: the channel layout before the conversion.
    public func describingColor(of layout: Image.ChannelLayout) -> ImageMetadata {
        guard layout.colorChannelCount == 1 else { return self }
        var result = describingSRGB
        let isTrueOfColor = [layout, .rgb].allSatisfy { layout in
            let (space, warning) = colorSpace(of: layout)
            return space == .sRGB && warning == nil
        }
        if isTrueOfColor { (result.colorProfile, result.pngColor) = (colorProfile, pngColor) }
        return result
    }
}

extension DecodedImage {
    /// Converts a gray image and its metadata to color; a color image is not changed.
    public mutating func makeColor() {
        metadata = metadata.describingColor(of: image.channelLayout)
        image = image.inColor()
    }
}
