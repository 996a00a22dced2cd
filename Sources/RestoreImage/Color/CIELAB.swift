/// Conversion between sRGB and CIELAB, a color space that separates lightness from chroma and in which distances
/// approximate perceived differences.
///
/// CIE 15:2018, section 8.2.1, with sRGB's white point, D65 (x 0.3127, y 0.3290), as the reference, so grays have a* =
/// b* = 0. sRGB's primaries and curve are those of IEC 61966-2-1. L* is 0…100; for colors in sRGB's gamut a* is
/// −86.2…98.2 and b* is −107.9…94.5. scikit-image's `rgb2lab` differs by up to 0.015, because its matrix and white
/// point are rounded.
///
/// Pixels are interleaved floats: R, G, B gamma-encoded, 0…1 within the gamut, or L*, a*, b*. Outside the gamut sRGB's
/// curve is mirrored at black and extended beyond white (as in scRGB-nl), so that every color survives the round trip.
/// Pixels that are not finite stay that way.
public enum CIELAB {
    /// Converts pixels. Within the gamut the error is below 2·10⁻⁴.
    ///
    /// - Parameters:
    ///   - colors: pixel i begins at `colors[i · pixelStride]`.
    ///   - lab: pixel i is written to `lab[i · labStride + 0 … 2]`. May be the same memory, with the same stride.
    ///   - count: number of pixels.
    public static func fromSRGB(
        _ colors: UnsafePointer<Float>, pixelStride: Int = 3, to lab: UnsafeMutablePointer<Float>, labStride: Int = 3,
        count: Int
    ) {
        precondition(pixelStride >= 3 && labStride >= 3, "strides \(pixelStride) and \(labStride), expected 3 at least")
        for pixel in 0..<count {
            let color = colors + pixel * pixelStride
            store(labColor(SIMD4(color[0], color[1], color[2], 0)), lab + pixel * labStride)
        }
    }

    /// Converts pixels back. Nothing is clamped: colors outside the gamut, as predicted by networks, give values below
    /// 0 or above 1 unless `fitToGamut` is called first. Within the gamut the error is below 2·10⁻⁵.
    ///
    /// - Parameters: as for `fromSRGB`.
    public static func toSRGB(
        _ lab: UnsafePointer<Float>, labStride: Int = 3, to colors: UnsafeMutablePointer<Float>, pixelStride: Int = 3,
        count: Int
    ) {
        precondition(pixelStride >= 3 && labStride >= 3, "strides \(pixelStride) and \(labStride), expected 3 at least")
        for pixel in 0..<count {
            let color = lab + pixel * labStride
            store(sRGBColor(SIMD4(color[0], color[1], color[2], 0)), colors + pixel * pixelStride)
        }
    }

    /// Maps pixels into sRGB's gamut. L* is clamped to 0…100 and otherwise preserved, as is the hue angle; a* and b*
    /// are reduced by the same factor, no more than necessary. Pixels within the gamut are not changed by a single bit.
    ///
    /// - Returns: the number of pixels changed.
    @discardableResult
    public static func fitToGamut(_ lab: UnsafeMutablePointer<Float>, labStride: Int = 3, count: Int) -> Int {
        precondition(labStride >= 3, "stride \(labStride), expected 3 at least")
        var changed = 0
        for pixel in 0..<count {
            let place = lab + pixel * labStride
            let color = SIMD4(place[0], place[1], place[2], 0)
            if isInGamut(sRGBColor(color)) || !(color * 0 == .zero) { continue }
            store(fitted(color), place)
            changed += 1
        }
        return changed
    }

    /// `fromSRGB` for an array of whole pixels.
    public static func lab(fromSRGB colors: [Float]) -> [Float] {
        precondition(colors.count % 3 == 0, "\(colors.count) floats are no whole pixels")
        var result = colors
        result.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            fromSRGB(base, to: base, count: buffer.count / 3)
        }
        return result
    }

    /// `toSRGB` for an array of whole pixels.
    public static func sRGB(fromLab lab: [Float]) -> [Float] {
        precondition(lab.count % 3 == 0, "\(lab.count) floats are no whole pixels")
        var result = lab
        result.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            toSRGB(base, to: base, count: buffer.count / 3)
        }
        return result
    }
}

// MARK: - One pixel: R, G, B or X, Y, Z or L*, a*, b* in a vector, so that all three are computed at once.

// XYZ is relative to the white point. Every row of the matrix to XYZ, and of its inverse, then sums to 1, so that X = G
// + m₁ (R − G) + m₃ (B − G): grays are exactly gray in both directions. The matrix follows from the chromaticities of
// IEC 61966-2-1: red (0.64, 0.33), green (0.30, 0.60), blue (0.15, 0.06), white (0.3127, 0.3290).

@inline(__always) private var redToXYZ: SIMD4<Float> { SIMD4(0.43388734, 0.21263901, 0.01775004, 0) }
@inline(__always) private var blueToXYZ: SIMD4<Float> { SIMD4(0.18988864, 0.07219232, 0.87280234, 0) }
@inline(__always) private var xToRGB: SIMD4<Float> { SIMD4(3.0803991, -0.92122336, 0.05287394, 0) }
@inline(__always) private var zToRGB: SIMD4<Float> { SIMD4(-0.54301591, 0.04525586, 1.1511030, 0) }

@inline(__always)
private func labColor(_ color: SIMD4<Float>) -> SIMD4<Float> {
    let light = linear(color)
    let xyz = SIMD4(repeating: light.y) + redToXYZ * (light.x - light.y) + blueToXYZ * (light.z - light.y)
    // f of equation 8.5: the cube root, and below (6/29)³ the line that meets it there.
    let line = xyz * (841 / 108) + 4 / 29
    let f = line.replacing(with: cubeRoot(xyz), where: xyz .> 216 / 24389)
    return SIMD4(116 * f.y - 16, 500 * (f.x - f.y), 200 * (f.y - f.z), 0)
}

@inline(__always)
private func sRGBColor(_ lab: SIMD4<Float>) -> SIMD4<Float> {
    let y = (lab.x + 16) * (1 / 116)
    let f = SIMD4(y + lab.y * (1 / 500), y, y - lab.z * (1 / 200), 0)
    let xyz = ((f - 4 / 29) * (108 / 841)).replacing(with: f * f * f, where: f .> 6 / 29)
    return encoded(SIMD4(repeating: xyz.y) + xToRGB * (xyz.x - xyz.y) + zToRGB * (xyz.z - xyz.y))
}

/// How far a color in the gamut may end up outside it after a round trip.
private let gamutTolerance: Float = 2e-5

@inline(__always)
private func isInGamut(_ color: SIMD4<Float>) -> Bool {
    color.min() >= -gamutTolerance && color.max() <= 1 + gamutTolerance
}

/// The color with as much of its chroma as fits into the gamut, to within 2⁻¹⁶ of it, by bisection.
private func fitted(_ lab: SIMD4<Float>) -> SIMD4<Float> {
    let gray = SIMD4(min(max(lab.x, 0), 100), 0, 0, 0)
    let chroma = SIMD4(0, lab.y, lab.z, 0)
    if isInGamut(sRGBColor(gray + chroma)) { return gray + chroma }
    var (inside, outside): (Float, Float) = (0, 1)
    for _ in 0..<16 {
        let middle = 0.5 * (inside + outside)
        if isInGamut(sRGBColor(gray + middle * chroma)) { inside = middle } else { outside = middle }
    }
    return gray + inside * chroma
}

@inline(__always)
private func store(_ color: SIMD4<Float>, _ place: UnsafeMutablePointer<Float>) {
    place[0] = color.x
    place[1] = color.y
    place[2] = color.z
}
