import CLittleCMS

/// A color profile opened by Little CMS.
///
/// Source: ISO 15076-1 (ICC.1:2022). Little CMS checks the offsets and sizes of the profile's tags.
struct ICCProfile: ~Copyable {
    /// Why a profile cannot be used, as half a sentence.
    struct Defect: Error, Equatable {
        let reason: String
    }

    /// The kind of samples this profile applies to.
    enum ColorModel: Equatable {
        case gray, rgb, cmyk, other
    }

    /// Maps device values to linear light, relative to the D50 white point.
    struct LightModel {
        /// One curve for gray, or one each for R, G and B.
        let curves: [ToneCurve]
        /// From linear R, G, B to X, Y, Z; nil for gray.
        let matrix: ColorMatrix3?
    }

    let handle: cmsHPROFILE

    /// Opens a profile in memory; nil if the bytes are not a profile.
    init?(bytes: [UInt8]) {
        let opened = bytes.withUnsafeBytes {
            cmsOpenProfileFromMem($0.baseAddress, cmsUInt32Number(clamping: $0.count))
        }
        guard let opened else { return nil }
        handle = opened
    }

    /// The sRGB profile (IEC 61966-2-1).
    static func sRGB() -> ICCProfile? { ICCProfile(owning: cmsCreate_sRGBProfile()) }

    /// A profile for samples encoded with a power function.
    ///
    /// - Parameters:
    ///   - exponent: light = sample ^ exponent.
    ///   - chromaticities: x and y of white, red, green, blue; nil for gray.
    static func power(exponent: Double, chromaticities: [Double]?) -> ICCProfile? {
        guard let curve = cmsBuildGamma(nil, exponent) else { return nil }
        defer { cmsFreeToneCurve(curve) }
        guard let chromaticities, chromaticities.count == 8 else {
            return ICCProfile(owning: cmsCreateGrayProfile(cmsD50_xyY(), curve))
        }
        func color(_ index: Int) -> cmsCIExyY {
            cmsCIExyY(x: chromaticities[2 * index], y: chromaticities[2 * index + 1], Y: 1)
        }
        var white = color(0)
        var primaries = cmsCIExyYTRIPLE(Red: color(1), Green: color(2), Blue: color(3))
        var curves: [OpaquePointer?] = [curve, curve, curve]
        return ICCProfile(owning: cmsCreateRGBProfile(&white, &primaries, &curves))
    }

    private init?(owning handle: cmsHPROFILE?) {
        guard let handle else { return nil }
        self.handle = handle
    }

    deinit { cmsCloseProfile(handle) }

    /// The profile in file format, always with the same bytes; nil if memory runs out.
    var bytes: [UInt8]? {
        var count: cmsUInt32Number = 0
        guard cmsSaveProfileToMem(handle, nil, &count) != 0 else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(count))
        guard bytes.count >= 128, cmsSaveProfileToMem(handle, &bytes, &count) != 0 else { return nil }
        // Little CMS stores the current time here (ICC.1:2022, 7.2); replace it by the start of 2000.
        bytes.replaceSubrange(24..<36, with: [0x07, 0xD0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0])
        return bytes
    }

    var colorModel: ColorModel {
        switch cmsGetColorSpace(handle) {
        case cmsSigGrayData: .gray
        case cmsSigRgbData: .rgb
        case cmsSigCmykData: .cmyk
        default: .other
        }
    }

    /// The curves and, for RGB, the matrix. These are used even if the profile also has tables, because only they can
    /// be inverted without loss.
    func lightModel() throws(Defect) -> LightModel {
        switch colorModel {
        case .gray:
            let curve = try ToneCurve(tag(cmsSigGrayTRCTag), isLightness: cmsGetPCS(handle) == cmsSigLabData)
            return LightModel(curves: [curve], matrix: nil)
        case .rgb:
            guard cmsGetPCS(handle) == cmsSigXYZData else { throw Defect(reason: "it contains only tables") }
            return try matrixModel()
        case .cmyk, .other:
            throw Defect(reason: "it has another color model")
        }
    }

    private func matrixModel() throws(Defect) -> LightModel {
        let signatures = [cmsSigRedTRCTag, cmsSigGreenTRCTag, cmsSigBlueTRCTag]
        var sources: [CurveSource] = []
        for signature in signatures { sources.append(try CurveSource(tag(signature))) }
        var curves: [ToneCurve] = []
        for index in 0..<3 {
            // Usually all three are the same.
            if index > 0, sources[index] == sources[index - 1] {
                curves.append(curves[index - 1])
            } else {
                curves.append(try ToneCurve(sources[index], isLightness: false))
            }
        }
        return LightModel(curves: curves, matrix: try colorants())
    }

    /// X, Y, Z of red, green and blue, as columns.
    private func colorants() throws(Defect) -> ColorMatrix3 {
        let red = try xyz(cmsSigRedColorantTag)
        let green = try xyz(cmsSigGreenColorantTag)
        let blue = try xyz(cmsSigBlueColorantTag)
        return ColorMatrix3(columns: red, green, blue)
    }

    private func xyz(_ signature: cmsTagSignature) throws(Defect) -> SIMD3<Double> {
        let color = try tag(signature).assumingMemoryBound(to: cmsCIEXYZ.self).pointee
        return SIMD3(color.X, color.Y, color.Z)
    }

    private func tag(_ signature: cmsTagSignature) throws(Defect) -> UnsafeMutableRawPointer {
        guard let value = cmsReadTag(handle, signature) else {
            throw Defect(reason: "it has no curves and primaries, or they are damaged")
        }
        return value
    }
}
