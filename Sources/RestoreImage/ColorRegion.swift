extension Image {
    /// Copies a rectangle of the picture as interleaved RGB floats: sample / `maximumSample`, so 0…1. Grey is
    /// repeated to R, G and B; alpha is left out.
    ///
    /// - Parameters:
    ///   - region: the rectangle, inside the picture.
    ///   - destination: pixel (x, y) of the rectangle goes to
    ///     `destination[y · rowStride + x · pixelStride + 0 … 2]`; nothing else is touched.
    ///   - pixelStride: floats from one pixel to the next, at least 3.
    ///   - rowStride: floats from one row to the next, at least `region.width · pixelStride`, which is the default.
    public func copyColors(
        of region: ImageRegion, to destination: UnsafeMutablePointer<Float>, pixelStride: Int = 3,
        rowStride: Int? = nil
    ) {
        checkContains(region)
        let floats = FloatRows(region, pixelStride: pixelStride, rowStride: rowStride)
        switch storage {
        case .uint8(let values):
            values.withUnsafeBufferPointer { copyRows(from: $0, region, to: destination, floats) }
        case .uint16(let values):
            values.withUnsafeBufferPointer { copyRows(from: $0, region, to: destination, floats) }
        }
    }

    /// Replaces the colours of a rectangle of the picture by interleaved RGB floats: clamped to 0…1, times
    /// `maximumSample`, rounded to the nearest, halves up. A grey picture takes the mean of R, G and B. Alpha is
    /// left as it is.
    ///
    /// - Parameters:
    ///   - region: the rectangle, inside the picture.
    ///   - source: laid out as the destination of `copyColors`.
    ///   - pixelStride: floats from one pixel to the next, at least 3.
    ///   - rowStride: floats from one row to the next, at least `region.width · pixelStride`, which is the default.
    /// - Throws: `NonFinitePixel` for the first pixel, row by row, that holds a NaN or an infinity; the rows of the
    ///   rectangle above it are then written, the others are not.
    public mutating func setColors(
        of region: ImageRegion, from source: UnsafePointer<Float>, pixelStride: Int = 3, rowStride: Int? = nil
    ) throws(NonFinitePixel) {
        checkContains(region)
        let floats = FloatRows(region, pixelStride: pixelStride, rowStride: rowStride)
        let (width, layout) = (self.width, channelLayout)
        var failure: NonFinitePixel?
        // The array is taken out of the enumeration, which gets an empty one meanwhile: with two owners the first
        // write would copy the whole picture.
        switch storage {
        case .uint8(var values):
            storage = .uint8([])
            values.withUnsafeMutableBufferPointer {
                failure = setRows(of: $0, width: width, layout, region, from: source, floats)
            }
            storage = .uint8(values)
        case .uint16(var values):
            storage = .uint16([])
            values.withUnsafeMutableBufferPointer {
                failure = setRows(of: $0, width: width, layout, region, from: source, floats)
            }
            storage = .uint16(values)
        }
        if let failure { throw failure }
    }

    private func checkContains(_ region: ImageRegion) {
        let fits =
            region.x >= 0 && region.y >= 0 && region.width >= 1 && region.height >= 1
            && region.width <= width - region.x && region.height <= height - region.y
        precondition(fits, "\(region) is not inside \(width)×\(height) pixels")
    }

    private func copyRows<Sample: FixedWidthInteger>(
        from source: UnsafeBufferPointer<Sample>, _ region: ImageRegion,
        to destination: UnsafeMutablePointer<Float>, _ floats: FloatRows
    ) {
        guard let samples = source.baseAddress else { return }
        let channels = channelLayout.channelCount
        for row in 0..<region.height {
            let origin = samples + ((region.y + row) * width + region.x) * channels
            let target = destination + row * floats.rowStride
            switch (channelLayout.colorChannelCount, channels, floats.pixelStride) {
            case (3, 3, 3): copyRun(origin, to: target, count: 3 * floats.width)
            case (3, _, _): copyRGB(origin, step: channels, to: target, floats)
            default: copyGrey(origin, step: channels, to: target, floats)
            }
        }
    }
}

/// How rows of RGB floats lie in the caller's memory.
private struct FloatRows {
    let width: Int
    let pixelStride: Int
    let rowStride: Int

    init(_ region: ImageRegion, pixelStride: Int, rowStride: Int?) {
        width = region.width
        self.pixelStride = pixelStride
        self.rowStride = rowStride ?? region.width * pixelStride
        precondition(pixelStride >= 3, "pixelStride must be at least 3, found \(pixelStride)")
        precondition(
            self.rowStride >= region.width * pixelStride,
            "rowStride must be at least \(region.width * pixelStride), found \(self.rowStride)")
    }
}

// MARK: - Kernels: pointers only, one row at a time, specialised for UInt8 and UInt16.

private func copyRun<Sample: FixedWidthInteger>(
    _ source: UnsafePointer<Sample>, to target: UnsafeMutablePointer<Float>, count: Int
) {
    // A division, not a product with the inverse, gives the same bits as PyTorch's and Pillow's conversions.
    let maximum = Float(UInt32(truncatingIfNeeded: Sample.max))
    for index in 0..<count {
        target[index] = Float(Int32(truncatingIfNeeded: source[index])) / maximum
    }
}

private func copyRGB<Sample: FixedWidthInteger>(
    _ source: UnsafePointer<Sample>, step: Int, to target: UnsafeMutablePointer<Float>, _ floats: FloatRows
) {
    let maximum = Float(UInt32(truncatingIfNeeded: Sample.max))
    for x in 0..<floats.width {
        let pixel = source + x * step
        let destination = target + x * floats.pixelStride
        destination[0] = Float(Int32(truncatingIfNeeded: pixel[0])) / maximum
        destination[1] = Float(Int32(truncatingIfNeeded: pixel[1])) / maximum
        destination[2] = Float(Int32(truncatingIfNeeded: pixel[2])) / maximum
    }
}

private func copyGrey<Sample: FixedWidthInteger>(
    _ source: UnsafePointer<Sample>, step: Int, to target: UnsafeMutablePointer<Float>, _ floats: FloatRows
) {
    let maximum = Float(UInt32(truncatingIfNeeded: Sample.max))
    for x in 0..<floats.width {
        let value = Float(Int32(truncatingIfNeeded: source[x * step])) / maximum
        let destination = target + x * floats.pixelStride
        destination[0] = value
        destination[1] = value
        destination[2] = value
    }
}

private func setRows<Sample: FixedWidthInteger>(
    of destination: UnsafeMutableBufferPointer<Sample>, width: Int, _ layout: Image.ChannelLayout,
    _ region: ImageRegion, from source: UnsafePointer<Float>, _ floats: FloatRows
) -> NonFinitePixel? {
    guard let samples = destination.baseAddress else { return nil }
    let channels = layout.channelCount
    for row in 0..<region.height {
        let origin = source + row * floats.rowStride
        guard isFinite(origin, floats) else {
            let column = firstNonFinitePixel(origin, floats)
            return NonFinitePixel(x: region.x + column, y: region.y + row)
        }
        let target = samples + ((region.y + row) * width + region.x) * channels
        switch (layout.colorChannelCount, channels, floats.pixelStride) {
        case (3, 3, 3): setRun(target, from: origin, count: 3 * floats.width)
        case (3, _, _): setRGB(target, step: channels, from: origin, floats)
        default: setGrey(target, step: channels, from: origin, floats)
        }
    }
    return nil
}

/// The nearest sample of a value in 0…1 (clamped), halves up. No checked conversion, which would keep the loops
/// from being vectorised: adding 2²³ leaves the nearest integer, halves to even, in the low bits.
@inline(__always)
private func nearestSample<Sample: FixedWidthInteger>(_ value: Float, _ maximum: Float) -> Sample {
    let positive = value > 0 ? value : 0
    let scaled = (positive < 1 ? positive : 1) * maximum
    let shifted = scaled + 0x1p23
    let roundsUp: UInt32 = scaled - (shifted - 0x1p23) >= 0.5 ? 1 : 0
    return Sample(truncatingIfNeeded: shifted.bitPattern &+ roundsUp)
}

private func setRun<Sample: FixedWidthInteger>(
    _ target: UnsafeMutablePointer<Sample>, from source: UnsafePointer<Float>, count: Int
) {
    let maximum = Float(UInt32(truncatingIfNeeded: Sample.max))
    for index in 0..<count { target[index] = nearestSample(source[index], maximum) }
}

private func setRGB<Sample: FixedWidthInteger>(
    _ target: UnsafeMutablePointer<Sample>, step: Int, from source: UnsafePointer<Float>, _ floats: FloatRows
) {
    let maximum = Float(UInt32(truncatingIfNeeded: Sample.max))
    for x in 0..<floats.width {
        let pixel = source + x * floats.pixelStride
        let destination = target + x * step
        destination[0] = nearestSample(pixel[0], maximum)
        destination[1] = nearestSample(pixel[1], maximum)
        destination[2] = nearestSample(pixel[2], maximum)
    }
}

private func setGrey<Sample: FixedWidthInteger>(
    _ target: UnsafeMutablePointer<Sample>, step: Int, from source: UnsafePointer<Float>, _ floats: FloatRows
) {
    let maximum = Float(UInt32(truncatingIfNeeded: Sample.max))
    for x in 0..<floats.width {
        let pixel = source + x * floats.pixelStride
        target[x * step] = nearestSample((pixel[0] + pixel[1] + pixel[2]) / 3, maximum)
    }
}

/// Whether a row's colours are all finite; the floats between pixels are not looked at.
private func isFinite(_ row: UnsafePointer<Float>, _ floats: FloatRows) -> Bool {
    // As integers, the magnitudes of infinities and NaNs are the largest. An integer maximum is vectorised.
    var largest: UInt32 = 0
    if floats.pixelStride == 3 {
        for index in 0..<3 * floats.width { largest = max(largest, row[index].bitPattern & 0x7FFF_FFFF) }
    } else {
        for x in 0..<floats.width {
            let pixel = row + x * floats.pixelStride
            largest = max(largest, pixel[0].bitPattern & 0x7FFF_FFFF)
            largest = max(largest, pixel[1].bitPattern & 0x7FFF_FFFF)
            largest = max(largest, pixel[2].bitPattern & 0x7FFF_FFFF)
        }
    }
    return largest < Float.infinity.bitPattern
}

private func firstNonFinitePixel(_ row: UnsafePointer<Float>, _ floats: FloatRows) -> Int {
    for x in 0..<floats.width {
        let pixel = row + x * floats.pixelStride
        if !(pixel[0].isFinite && pixel[1].isFinite && pixel[2].isFinite) { return x }
    }
    return 0
}
