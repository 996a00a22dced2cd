import RestoreConcurrency

extension Image {
    /// Copies a rectangle of the image as interleaved sRGB floats. For an sRGB image these are sample /
    /// `maximumSample`, so 0…1; with another `colorSpace`, colors outside sRGB's gamut have values outside that range.
    /// Gray is replicated to R, G and B; alpha is omitted.
    ///
    /// - Parameters:
    ///   - region: the rectangle, inside the image.
    ///   - destination: pixel (x, y) of the rectangle is written to `destination[y · rowStride + x · pixelStride + 0 …
    ///     2]`; nothing else is changed.
    ///   - pixelStride: floats from one pixel to the next, at least 3.
    ///   - rowStride: floats from one row to the next, at least `region.width · pixelStride`, which is the default.
    public func copyColors(
        of region: ImageRegion, to destination: UnsafeMutablePointer<Float>, pixelStride: Int = 3,
        rowStride: Int? = nil
    ) {
        checkContains(region)
        let rows = Rows(
            width: width, layout: channelLayout, conversion: conversion, region: region,
            floats: FloatRows(region, pixelStride: pixelStride, rowStride: rowStride))
        switch storage {
        case .uint8(let values): values.withUnsafeBufferPointer { rows.copy($0, to: destination) }
        case .uint16(let values): values.withUnsafeBufferPointer { rows.copy($0, to: destination) }
        }
    }

    /// The colors of the whole picture: R, G, B of every pixel, as from `copyColors`.
    public var colors: [Float] {
        [Float](unsafeUninitializedCapacity: 3 * pixelCount) { buffer, count in
            if let base = buffer.baseAddress { copyColors(of: bounds, to: base) }
            count = 3 * pixelCount
        }
    }

    /// Replaces the colors of a rectangle of the image with interleaved sRGB floats, converted to the image's
    /// `colorSpace`: clamped to 0…1, multiplied by `maximumSample` and rounded to nearest, halves up. A gray image gets
    /// the mean of R, G and B. Alpha is not changed. Writing back the output of `copyColors` leaves the samples exactly
    /// as they were, in any color space.
    ///
    /// - Parameters:
    ///   - region: the rectangle, inside the image.
    ///   - source: laid out as the destination of `copyColors`.
    ///   - pixelStride: floats from one pixel to the next, at least 3.
    ///   - rowStride: floats from one row to the next, at least `region.width · pixelStride`, which is the default.
    /// - Throws: `NonFinitePixel` for the first pixel, row by row, with a NaN or an infinity. The rows of the rectangle
    ///   above it are then written; the others are not.
    public mutating func setColors(
        of region: ImageRegion, from source: UnsafePointer<Float>, pixelStride: Int = 3, rowStride: Int? = nil,
        pool: WorkerPool = .serial
    ) throws(NonFinitePixel) {
        checkContains(region)
        let floats = FloatRows(region, pixelStride: pixelStride, rowStride: rowStride)
        let failure = firstNonFinitePixel(source, floats, region)
        var region = region
        if let failure { region.height = failure.y - region.y }
        let rows = Rows(
            width: width, layout: channelLayout, conversion: conversion, region: region, floats: floats)
        // The array is taken out of the enumeration, leaving an empty one: with two owners, the first write would copy
        // the whole image.
        switch storage {
        case .uint8(var values):
            storage = .uint8([])
            values.withUnsafeMutableBufferPointer { rows.set($0, from: source, pool: pool) }
            storage = .uint8(values)
        case .uint16(var values):
            storage = .uint16([])
            values.withUnsafeMutableBufferPointer { rows.set($0, from: source, pool: pool) }
            storage = .uint16(values)
        }
        if let failure { throw failure }
    }

    var conversion: ColorConversion? {
        guard case .converted(let conversion) = colorSpace else { return nil }
        return conversion
    }

    func checkContains(_ region: ImageRegion) {
        let fits =
            region.x >= 0 && region.y >= 0 && region.width >= 1 && region.height >= 1
            && region.width <= width - region.x && region.height <= height - region.y
        precondition(fits, "\(region) is not inside \(width)×\(height) pixels")
    }
}

/// The rows of a rectangle in an image, and the corresponding floats.
private struct Rows: Sendable {
    /// Pixels in a row of the image.
    let width: Int
    let layout: Image.ChannelLayout
    /// nil for sRGB.
    let conversion: ColorConversion?
    let region: ImageRegion
    let floats: FloatRows

    /// Approximate number of pixels processed by a task.
    private static let pixelsOfTask = 8192

    func copy<Sample: FixedWidthInteger>(
        _ source: UnsafeBufferPointer<Sample>, to destination: UnsafeMutablePointer<Float>
    ) {
        guard let samples = source.baseAddress else { return }
        let channels = layout.channelCount
        for row in 0..<region.height {
            let origin = samples + ((region.y + row) * width + region.x) * channels
            let target = destination + row * floats.rowStride
            if let conversion {
                conversion.copyColors(
                    origin, step: channels, count: floats.width, to: target, pixelStride: floats.pixelStride)
                continue
            }
            switch (layout.colorChannelCount, channels, floats.pixelStride) {
            case (3, 3, 3): copyRun(origin, to: target, count: 3 * floats.width)
            case (3, _, _): copyRGB(origin, step: channels, to: target, floats)
            default: copyGray(origin, step: channels, to: target, floats)
            }
        }
    }

    func set<Sample: FixedWidthInteger>(
        _ destination: UnsafeMutableBufferPointer<Sample>, from source: UnsafePointer<Float>,
        pool: WorkerPool
    ) {
        guard let samples = destination.baseAddress, region.height > 0 else { return }
        let step = max(1, Self.pixelsOfTask / region.width)
        pool.run(taskCount: (region.height + step - 1) / step) { task, _ in
            for row in (task * step)..<min((task + 1) * step, region.height) { setRow(row, of: samples, from: source) }
        }
    }

    private func setRow<Sample: FixedWidthInteger>(
        _ row: Int, of samples: UnsafeMutablePointer<Sample>, from source: UnsafePointer<Float>
    ) {
        let channels = layout.channelCount
        let origin = source + row * floats.rowStride
        let target = samples + ((region.y + row) * width + region.x) * channels
        if let conversion {
            conversion.setColors(
                target, step: channels, count: floats.width, from: origin, pixelStride: floats.pixelStride)
            return
        }
        switch (layout.colorChannelCount, channels, floats.pixelStride) {
        case (3, 3, 3): setRun(target, from: origin, count: 3 * floats.width)
        case (3, _, _): setRGB(target, step: channels, from: origin, floats)
        default: setGray(target, step: channels, from: origin, floats)
        }
    }
}

/// The layout of rows of RGB floats in the caller's memory.
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

// MARK: - Kernels: pointers only, one row at a time, specialized for UInt8 and UInt16.

private func copyRun<Sample: FixedWidthInteger>(
    _ source: UnsafePointer<Sample>, to target: UnsafeMutablePointer<Float>, count: Int
) {
    // A division instead of a multiplication by the inverse, to match PyTorch's and Pillow's conversions bit for bit.
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

private func copyGray<Sample: FixedWidthInteger>(
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

/// The sample nearest to a value in 0…1 (clamped), halves up. Checked conversions would prevent vectorization; instead,
/// adding 2²³ leaves the nearest integer, halves to even, in the low bits.
@inline(__always)
func nearestSample<Sample: FixedWidthInteger>(_ value: Float, _ maximum: Float) -> Sample {
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

private func setGray<Sample: FixedWidthInteger>(
    _ target: UnsafeMutablePointer<Sample>, step: Int, from source: UnsafePointer<Float>, _ floats: FloatRows
) {
    let maximum = Float(UInt32(truncatingIfNeeded: Sample.max))
    for x in 0..<floats.width {
        let pixel = source + x * floats.pixelStride
        target[x * step] = nearestSample((pixel[0] + pixel[1] + pixel[2]) / 3, maximum)
    }
}

/// Whether all colors of a row are finite; floats between pixels are ignored.
private func isFinite(_ row: UnsafePointer<Float>, _ floats: FloatRows) -> Bool {
    // As integers, the magnitudes of infinities and NaNs are the largest, and an integer maximum can be vectorized.
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

/// The first pixel of a rectangle, row by row, that is not finite.
private func firstNonFinitePixel(
    _ source: UnsafePointer<Float>, _ floats: FloatRows, _ region: ImageRegion
) -> NonFinitePixel? {
    for row in 0..<region.height {
        let origin = source + row * floats.rowStride
        if isFinite(origin, floats) { continue }
        for x in 0..<floats.width {
            let pixel = origin + x * floats.pixelStride
            if pixel[0].isFinite && pixel[1].isFinite && pixel[2].isFinite { continue }
            return NonFinitePixel(x: region.x + x, y: region.y + row)
        }
    }
    return nil
}
