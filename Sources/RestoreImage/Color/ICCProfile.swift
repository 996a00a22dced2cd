import CLittleCMS

/// A color profile that Little CMS holds open.
///
/// Source: ISO 15076-1 (ICC.1:2022). Little CMS checks offsets and sizes of its tags.
struct ICCProfile: ~Copyable {
    /// Why a profile cannot be used: half a sentence.
    struct Defect: Error, Equatable {
        let reason: String
    }

    /// What the samples of a picture with this profile are.
    enum ColorModel: Equatable {
        case gray, rgb, cmyk, other
    }

    /// The linear light that a device value stands for, relative to the white D50.
    struct LightModel {
        /// One curve, or those of R, G and B.
        let curves: [ToneCurve]
        /// From linear R, G, B to X, Y, Z; nil for gray.
        let matrix: ColorMatrix3?
    }

    let handle: cmsHPROFILE

    /// Opens a profile that is in memory; nil where it is none.
    init?(bytes: [UInt8]) {
        let opened = bytes.withUnsafeBytes {
            cmsOpenProfileFromMem($0.baseAddress, cmsUInt32Number(clamping: $0.count))
        }
        guard let opened else { return nil }
        handle = opened
    }

    /// The profile of sRGB (IEC 61966-2-1).
    static func sRGB() -> ICCProfile? { ICCProfile(owning: cmsCreate_sRGBProfile()) }

    /// The profile of samples to which an exponent was applied.
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

    /// The profile as a file has it, always the same bytes; nil where memory does not suffice.
    var bytes: [UInt8]? {
        var count: cmsUInt32Number = 0
        guard cmsSaveProfileToMem(handle, nil, &count) != 0 else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(count))
        guard bytes.count >= 128, cmsSaveProfileToMem(handle, &bytes, &count) != 0 else { return nil }
        // Little CMS puts the time there (ICC.1:2022, 7.2): the start of 2000 instead.
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

    /// Curves, and a matrix for RGB; a profile that has tables beside them is taken by these all the same, because only they
    /// can be undone without loss.
    func lightModel() throws(Defect) -> LightModel {
        switch colorModel {
        case .gray:
            let curve = try ToneCurve(tag(cmsSigGrayTRCTag), isLightness: cmsGetPCS(handle) == cmsSigLabData)
            return LightModel(curves: [curve], matrix: nil)
        case .rgb:
            guard cmsGetPCS(handle) == cmsSigXYZData else { throw Defect(reason: "it holds tables only") }
            return try matrixModel()
        case .cmyk, .other:
            throw Defect(reason: "it is of another color model")
        }
    }

    private func matrixModel() throws(Defect) -> LightModel {
        let signatures = [cmsSigRedTRCTag, cmsSigGreenTRCTag, cmsSigBlueTRCTag]
        var sources: [CurveSource] = []
        for signature in signatures { sources.append(try CurveSource(tag(signature))) }
        var curves: [ToneCurve] = []
        for index in 0..<3 {
            // All three are mostly the same one.
            if index > 0, sources[index] == sources[index - 1] {
                curves.append(curves[index - 1])
            } else {
                curves.append(try ToneCurve(sources[index], isLightness: false))
            }
        }
        return LightModel(curves: curves, matrix: try colorants())
    }

    /// X, Y, Z of red, green and blue, in columns.
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
