/// Conversion between the samples of an image and sRGB: a curve per channel to linear light, a matrix to sRGB's
/// primaries, sRGB's curve; and back. Relative colorimetric: white stays white. Nothing is clipped on the way to sRGB,
/// so colors outside its gamut survive the round trip.
///
/// The profile is read by Little CMS. Its curves are tabulated for 65536 samples, which covers every possible sample,
/// and searched on the way back, so the round trip is exact (`docs/decisions/0010-color-management.md`). Immutable and
/// thread-safe.
public final class ColorConversion: Sendable, Equatable {
    /// 1 for gray, 3 for color.
    public let channelCount: Int

    /// One curve for gray, or one each for R, G and B.
    let curves: [ToneCurve]
    /// From linear light in the image's primaries to linear sRGB, row by row, and back; empty for gray.
    let toSRGB: [Float]
    let fromSRGB: [Float]
    /// sRGB values of samples if only curves are applied, as one table or one each for R, G and B; empty if a matrix
    /// mixes channels.
    let encoded: [[Float]]
    /// How far an unchanged color may be off in linear light: far more than the rounding of floats, which is amplified
    /// by the range of the curves and both matrices.
    private let tolerance: Float

    init(_ model: ICCProfile.LightModel) throws(ICCProfile.Defect) {
        curves = model.curves
        guard let matrix = model.matrix else {
            (channelCount, toSRGB, fromSRGB, tolerance) = (1, [], [], 0)
            encoded = [Self.encoded(model.curves[0])]
            return
        }
        (channelCount, encoded) = (3, [])
        guard let toXYZ = try ICCProfile.sRGB()?.lightModel().matrix, let fromXYZ = toXYZ.inverse else {
            throw ICCProfile.Defect(reason: "the sRGB profile could not be created")
        }
        let product = fromXYZ.times(matrix)
        guard let inverse = product.inverse else {
            throw ICCProfile.Defect(reason: "its primaries are degenerate")
        }
        (toSRGB, fromSRGB) = (product.floats, inverse.floats)
        let gain = Self.largest(toSRGB) * Self.largest(fromSRGB) * (curves.map { Self.largest($0.light) }.max() ?? 1)
        tolerance = max(1e-3, 1e-4 * gain)
    }

    /// The same with other curves only.
    private init(_ curves: [ToneCurve]) {
        (channelCount, self.curves) = (curves.count, curves)
        (toSRGB, fromSRGB, tolerance) = ([], [], 0)
        var tables: [[Float]] = []
        for (index, curve) in curves.enumerated() {
            // Usually all three are the same.
            tables.append(index > 0 && curve == curves[index - 1] ? tables[index - 1] : Self.encoded(curve))
        }
        encoded = tables
    }

    private static func encoded(_ curve: ToneCurve) -> [Float] { curve.light.map { SRGBTransfer.encode($0) } }

    /// The same with the image's own primaries treated as those of sRGB.
    var inOwnPrimaries: ColorConversion { encoded.isEmpty ? ColorConversion(curves) : self }

    /// The same with the second curve for all channels, and in the image's own primaries.
    var ofEqualChannels: ColorConversion {
        channelCount == 3 ? ColorConversion([curves[1], curves[1], curves[1]]) : self
    }

    private static func largest(_ values: [Float]) -> Float { values.reduce(0) { max($0, $1.magnitude) } }

    public static func == (left: ColorConversion, right: ColorConversion) -> Bool {
        left === right || (left.toSRGB == right.toSRGB && left.curves == right.curves)
    }

    /// Whether every color on a grid differs from the same samples in sRGB by less than half an 8-bit step.
    var isNearSRGB: Bool {
        let places = stride(from: 0, through: 65535, by: channelCount == 1 ? 255 : 65535 / 15).map { UInt16($0) }
        func isNear(_ samples: [UInt16]) -> Bool {
            var color: [Float] = [0, 0, 0]
            color.withUnsafeMutableBufferPointer { color in
                guard let color = color.baseAddress else { return }
                copyColors(samples, step: channelCount, count: 1, to: color, pixelStride: 3)
            }
            return zip(samples, color).allSatisfy { abs(Float($0) / 65535 - $1) < 0.5 / 255 }
        }
        if channelCount == 1 { return places.allSatisfy { isNear([$0]) } }
        // Check the curves first, in small steps: tables may deviate anywhere.
        guard
            (0...255).allSatisfy({
                let v = UInt16($0 * 257); return isNear([v, v, v])
            })
        else { return false }
        return places.allSatisfy { r in places.allSatisfy { g in places.allSatisfy { b in isNear([r, g, b]) } } }
    }
}

// MARK: - Kernels: pointers only, one run of pixels at a time, specialized for UInt8 and UInt16.

extension ColorConversion {
    /// Converts pixels to sRGB floats.
    ///
    /// - Parameters:
    ///   - step: samples from one pixel to the next.
    ///   - target: R, G and B are written for each pixel, `pixelStride` floats apart.
    func copyColors<Sample: FixedWidthInteger>(
        _ source: UnsafePointer<Sample>, step: Int, count: Int, to target: UnsafeMutablePointer<Float>, pixelStride: Int
    ) {
        let scale = sampleScale(Sample.self)
        guard encoded.isEmpty else {
            for channel in 0..<3 {
                let place = channelCount == 3 ? channel : 0
                encoded[place].withUnsafeBufferPointer { encoded in
                    for x in 0..<count {
                        target[x * pixelStride + channel] = encoded[Int(source[x * step + place]) &* scale]
                    }
                }
            }
            return
        }
        withColorTables { red, green, blue in
            let m = Matrix(toSRGB)
            for x in 0..<count {
                let pixel = source + x * step
                let light = m.times(
                    red.light[Int(pixel[0]) &* scale], green.light[Int(pixel[1]) &* scale],
                    blue.light[Int(pixel[2]) &* scale])
                let color = target + x * pixelStride
                color[0] = SRGBTransfer.encode(light.0)
                color[1] = SRGBTransfer.encode(light.1)
                color[2] = SRGBTransfer.encode(light.2)
            }
        }
    }

    /// Writes sRGB floats to pixels. A pixel that already has exactly this color is not changed. Parameters as above.
    func setColors<Sample: FixedWidthInteger>(
        _ target: UnsafeMutablePointer<Sample>, step: Int, count: Int, from source: UnsafePointer<Float>,
        pixelStride: Int
    ) {
        if channelCount == 1 {
            setGray(target, step: step, count: count, from: source, pixelStride: pixelStride)
        } else if encoded.isEmpty {
            setRGB(target, step: step, count: count, from: source, pixelStride: pixelStride)
        } else {
            for channel in 0..<3 {
                set(
                    target + channel, step: step, count: count, from: source + channel, pixelStride: pixelStride,
                    channel: channel)
            }
        }
    }

    /// A single channel, with only its curve.
    private func set<Sample: FixedWidthInteger>(
        _ target: UnsafeMutablePointer<Sample>, step: Int, count: Int, from source: UnsafePointer<Float>,
        pixelStride: Int, channel: Int
    ) {
        let scale = sampleScale(Sample.self)
        encoded[channel].withUnsafeBufferPointer { encoded in
            _ = curves[channel].withTables { curve in
                for x in 0..<count {
                    let value = source[x * pixelStride]
                    if value == encoded[Int(target[x * step]) &* scale] { continue }
                    target[x * step] = nearestSample(curve.sample(of: SRGBTransfer.decode(value)))
                }
            }
        }
    }

    private func setGray<Sample: FixedWidthInteger>(
        _ target: UnsafeMutablePointer<Sample>, step: Int, count: Int, from source: UnsafePointer<Float>,
        pixelStride: Int
    ) {
        let scale = sampleScale(Sample.self)
        encoded[0].withUnsafeBufferPointer { grays in
            _ = curves[0].withTables { curve in
                for x in 0..<count {
                    let pixel = source + x * pixelStride
                    let value = (pixel[0] + pixel[1] + pixel[2]) / 3
                    if pixel[0] == grays[Int(target[x * step]) &* scale], pixel[1] == pixel[0], pixel[2] == pixel[0] {
                        continue
                    }
                    target[x * step] = nearestSample(curve.sample(of: SRGBTransfer.decode(value)))
                }
            }
        }
    }

    private func setRGB<Sample: FixedWidthInteger>(
        _ target: UnsafeMutablePointer<Sample>, step: Int, count: Int, from source: UnsafePointer<Float>,
        pixelStride: Int
    ) {
        let scale = sampleScale(Sample.self)
        withColorTables { red, green, blue in
            let (inverse, forward, tolerance) = (Matrix(fromSRGB), Matrix(toSRGB), self.tolerance)
            for x in 0..<count {
                let color = source + x * pixelStride
                let pixel = target + x * step
                let light = inverse.times(
                    SRGBTransfer.decode(color[0]), SRGBTransfer.decode(color[1]), SRGBTransfer.decode(color[2]))
                let old = (
                    red.light[Int(pixel[0]) &* scale], green.light[Int(pixel[1]) &* scale],
                    blue.light[Int(pixel[2]) &* scale]
                )
                // With 24-bit precision, a float cannot preserve a very dark 16-bit sample beside a bright one, so
                // unchanged colors keep their samples. The first three comparisons avoid the exact ones for most
                // changed pixels.
                if isNear(light.0, old.0, tolerance), isNear(light.1, old.1, tolerance),
                    isNear(light.2, old.2, tolerance)
                {
                    let before = forward.times(old.0, old.1, old.2)
                    if SRGBTransfer.encode(before.0) == color[0], SRGBTransfer.encode(before.1) == color[1],
                        SRGBTransfer.encode(before.2) == color[2]
                    {
                        continue
                    }
                }
                pixel[0] = nearestSample(red.sample(of: light.0))
                pixel[1] = nearestSample(green.sample(of: light.1))
                pixel[2] = nearestSample(blue.sample(of: light.2))
            }
        }
    }

    @inline(__always)
    private func withColorTables(_ body: (ToneTables, ToneTables, ToneTables) -> Void) {
        _ = curves[0].withTables { red in
            curves[1].withTables { green in
                curves[2].withTables { blue in body(red, green, blue) }
            }
        }
    }
}

@inline(__always)
private func isNear(_ light: Float, _ other: Float, _ tolerance: Float) -> Bool {
    (light - other).magnitude < tolerance
}

/// The factor from a sample to a 16-bit sample.
@inline(__always)
private func sampleScale<Sample: FixedWidthInteger>(_: Sample.Type) -> Int { MemoryLayout<Sample>.size == 1 ? 257 : 1 }

/// The sample nearest to a position among 16-bit samples, 0…65535.
@inline(__always)
private func nearestSample<Sample: FixedWidthInteger>(_ place: Float) -> Sample {
    let value = MemoryLayout<Sample>.size == 1 ? place / 257 : place
    return Sample(truncatingIfNeeded: Int32(value + 0.5))
}

private struct Matrix {
    let a, b, c, d, e, f, g, h, i: Float

    @inline(__always)
    init(_ entries: [Float]) {
        (a, b, c) = (entries[0], entries[1], entries[2])
        (d, e, f) = (entries[3], entries[4], entries[5])
        (g, h, i) = (entries[6], entries[7], entries[8])
    }

    @inline(__always)
    func times(_ x: Float, _ y: Float, _ z: Float) -> (Float, Float, Float) {
        (a * x + b * y + c * z, d * x + e * y + f * z, g * x + h * y + i * z)
    }
}
