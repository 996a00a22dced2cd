import CLittleCMS

/// Converts ink values to sRGB.
///
/// With a profile: relative colorimetric with black point compensation. The darkest ink of a press is a dark gray, so
/// without compensation shadows would look flat; perceptual tables differ between vendors and compress colors that a
/// screen can show. If the profile is missing, damaged or not for CMYK: R = (1 − C)(1 − K), and so on.
///
/// - Parameters:
///   - inks: C, M, Y, K of each pixel, 255 for full ink.
///   - profile: an ICC profile, or nil.
/// - Returns: R, G, B of each pixel.
/// - Precondition: `inks` contains whole pixels.
package func rgb(fromCMYK inks: [UInt8], profile: [UInt8]?) -> [UInt8] {
    converted(inks, profile: profile).colors
}

/// The same with a warning for the user, since CMYK files are intended for a press and the result is not.
func colorsAndWarning(fromCMYK inks: [UInt8], profile: [UInt8]?) -> (colors: [UInt8], warning: String) {
    let (colors, usesProfile) = converted(inks, profile: profile)
    let warning = "its CMYK colors are converted to sRGB"
    if usesProfile { return (colors, warning) }
    let reason = profile == nil ? "it has no color profile" : "its color profile cannot be used"
    return (colors, "\(warning), with a simple formula: \(reason)")
}

private func converted(_ inks: [UInt8], profile: [UInt8]?) -> (colors: [UInt8], usesProfile: Bool) {
    precondition(inks.count % 4 == 0, "\(inks.count) inks are no whole pixels")
    let pixels = inks.count / 4
    // With no pixels, the initializer below would write to the empty array that all threads share.
    guard pixels > 0 else { return ([], false) }
    var usesProfile = false
    let colors = [UInt8](unsafeUninitializedCapacity: 3 * pixels) { colors, count in
        count = 3 * pixels
        guard let target = colors.baseAddress else { return }
        inks.withUnsafeBufferPointer { inks in
            guard let source = inks.baseAddress else { return }
            usesProfile = convert(source, to: target, count: pixels, by: profile)
            if !usesProfile { convertPlainly(source, to: target, count: pixels) }
        }
    }
    return (colors, usesProfile)
}

/// - Returns: whether the profile was usable.
private func convert(
    _ inks: UnsafePointer<UInt8>, to colors: UnsafeMutablePointer<UInt8>, count: Int, by profile: [UInt8]?
) -> Bool {
    guard let profile, let source = ICCProfile(bytes: profile), source.colorModel == .cmyk,
        let target = ICCProfile.sRGB()
    else { return false }
    func transform(flags: Int32) -> cmsHTRANSFORM? {
        cmsCreateTransform(
            source.handle, restore_lcms_cmyk_8, target.handle, restore_lcms_rgb_8,
            cmsUInt32Number(INTENT_RELATIVE_COLORIMETRIC), cmsUInt32Number(flags))
    }
    // The black point of a profile cannot be determined if it has no tables from colors to inks.
    guard let transform = transform(flags: cmsFLAGS_BLACKPOINTCOMPENSATION) ?? transform(flags: 0) else { return false }
    defer { cmsDeleteTransform(transform) }
    // Converted in pieces, because Little CMS counts pixels in 32 bits.
    let most = 1 << 20
    for start in stride(from: 0, to: count, by: most) {
        cmsDoTransform(
            transform, inks + 4 * start, colors + 3 * start, cmsUInt32Number(min(most, count - start)))
    }
    return true
}

private func convertPlainly(_ inks: UnsafePointer<UInt8>, to colors: UnsafeMutablePointer<UInt8>, count: Int) {
    for pixel in 0..<count {
        let light = 255 - UInt32(inks[4 * pixel + 3])
        for channel in 0..<3 {
            let value = (255 - UInt32(inks[4 * pixel + channel])) * light + 127
            colors[3 * pixel + channel] = UInt8(truncatingIfNeeded: value / 255)
        }
    }
}
