/// The color space of an image's samples.
public enum ColorSpace: Sendable, Equatable {
    /// sRGB (IEC 61966-2-1), or gray with its curve. Also assumed if the color space is unknown.
    case sRGB
    /// Another color space, defined by the curves and matrix of an ICC profile or by a PNG's chunks.
    case converted(ColorConversion)

    /// The space in which networks and estimators process images: the image's own primaries are treated as those of
    /// sRGB, and only the tone curve is converted to that of sRGB. All colors are then within 0…1, as in training.
    /// Colors outside sRGB's gamut would not be, and clean ones would come back with a color cast. Noise also stays
    /// independent between channels.
    public var inOwnPrimaries: ColorSpace {
        guard case .converted(let conversion) = self else { return self }
        return .converted(conversion.inOwnPrimaries)
    }

    /// The same for a picture whose three channels are equal and stay so: all have the tone curve of the second one, in
    /// case those of a profile differ, as those of displays do.
    public var ofEqualChannels: ColorSpace {
        guard case .converted(let conversion) = self else { return self }
        return .converted(conversion.ofEqualChannels)
    }
}

extension ImageMetadata {
    /// The color space described by an image file.
    ///
    /// An ICC profile takes precedence over a PNG's `sRGB`, which takes precedence over `gAMA` and `cHRM` (PNG 3rd
    /// edition, 4.3). Profiles that differ from sRGB by less than half an 8-bit step are treated as sRGB. `cICP` is
    /// copied to the output but not interpreted, with a warning if nothing else describes the same color space.
    ///
    /// - Parameter layout: the image's channel layout.
    /// - Returns: the color space and, if some of the file's description is not used, the reason as half a sentence.
    ///   Without a usable description the samples are assumed to be sRGB.
    public func colorSpace(of layout: Image.ChannelLayout) -> (space: ColorSpace, warning: String?) {
        let space: ColorSpace
        do throws(ICCProfile.Defect) {
            if let colorProfile {
                space = try Self.colorSpace(ofProfile: colorProfile, layout)
            } else {
                space = try pngColor?.colorSpace(of: layout) ?? .sRGB
            }
        } catch {
            return (.sRGB, "the color profile is kept, but the colors are treated as sRGB: \(error.reason)")
        }
        return (space, warningOfCodePoints)
    }

    /// `cICP` takes precedence over all others (PNG 3rd edition, 4.3), but the others usually describe the same space,
    /// for readers that do not support it. If its curve is not one of those similar to sRGB's (ITU-T H.273, table 3),
    /// they are only an approximation.
    private var warningOfCodePoints: String? {
        let nearCurves: Set<UInt8> = [1, 6, 13, 14, 15]
        guard let code = pngColor?.codingIndependentCodePoints, code.count == 4, !nearCurves.contains(code[1]) else {
            return nil
        }
        return "its cICP is not interpreted; the colors follow its other chunks"
    }

    private static func colorSpace(
        ofProfile bytes: [UInt8], _ layout: Image.ChannelLayout
    ) throws(ICCProfile.Defect) -> ColorSpace {
        guard let profile = ICCProfile(bytes: bytes) else { throw ICCProfile.Defect(reason: "it is damaged") }
        let space = try profile.colorSpace()
        let isGrayPicture = layout.colorChannelCount == 1
        if profile.colorModel == .gray, !isGrayPicture {
            throw ICCProfile.Defect(reason: "it is a gray profile, but the image is RGB")
        }
        // A gray image with an sRGB profile is common and unambiguous.
        if profile.colorModel == .rgb, isGrayPicture, case .converted = space {
            throw ICCProfile.Defect(reason: "it is an RGB profile, but the image is gray")
        }
        return space
    }
}

extension ImageMetadata {
    /// Why the profile cannot be one for samples of this kind; nil if it can, or is too damaged to say.
    fileprivate func reasonAgainstProfile(for layout: Image.ChannelLayout) -> String? {
        guard let colorProfile, let profile = ICCProfile(bytes: colorProfile) else { return nil }
        let isGrayPicture = layout.colorChannelCount == 1
        switch profile.colorModel {
        case .cmyk: return "it is for CMYK, but the image is \(isGrayPicture ? "gray" : "RGB")"
        case .other: return "it is for another color model, but the image is \(isGrayPicture ? "gray" : "RGB")"
        case .gray: return isGrayPicture ? nil : "it is for gray, but the image is RGB"
        // See `colorSpace(ofProfile:_:)`.
        case .rgb: return nil
        }
    }

    /// Replaces a PNG's color chunks by an equivalent profile, for formats without such chunks.
    func describingColorsByProfile(of layout: Image.ChannelLayout) -> ImageMetadata {
        // A description that cannot be used for reading colors cannot be passed on either.
        guard colorProfile == nil, let pngColor, let profile = try? pngColor.profile(of: layout) else { return self }
        var result = self
        result.colorProfile = profile.bytes
        return result
    }
}

extension DecodedImage {
    /// Sets the image's color space from its metadata. A profile for samples of another kind, such as CMYK, is dropped:
    /// it says nothing about these, and other programs may apply it.
    ///
    /// - Returns: why the metadata are not used, as half a sentence, if they are not.
    @discardableResult
    public mutating func adoptColorSpace() -> String? {
        if let reason = metadata.reasonAgainstProfile(for: image.channelLayout) {
            metadata = metadata.withoutColorProfile
            let warning = adoptColorSpace()
            return ["the color profile is dropped: \(reason)", warning].compactMap { $0 }.joined(separator: "; ")
        }
        let (space, warning) = metadata.colorSpace(of: image.channelLayout)
        image.colorSpace = space
        return warning
    }
}

extension ICCProfile {
    /// - Throws: `Defect` if the profile cannot be used.
    borrowing func colorSpace() throws(Defect) -> ColorSpace {
        let conversion = try ColorConversion(lightModel())
        return conversion.isNearSRGB ? .sRGB : .converted(conversion)
    }
}

extension ImageMetadata.PNGColor {
    /// The `gAMA` value commonly used to approximate sRGB, 1/2.2.
    private static let standInGamma: UInt32 = 45455
    /// `cHRM` of sRGB.
    private static let standInChromaticities: [UInt32] = [31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000]

    fileprivate func colorSpace(of layout: Image.ChannelLayout) throws(ICCProfile.Defect) -> ColorSpace {
        try profile(of: layout)?.colorSpace() ?? .sRGB
    }

    /// The equivalent profile; nil for sRGB.
    fileprivate func profile(of layout: Image.ChannelLayout) throws(ICCProfile.Defect) -> ICCProfile? {
        if let code = codingIndependentCodePoints, code != [1, 13, 0, 1], renderingIntent == nil, gamma == nil {
            throw ICCProfile.Defect(reason: "cICP is not interpreted")
        }
        guard renderingIntent == nil, let gamma else { return nil }
        let isColor = layout.colorChannelCount == 3
        let primaries = isColor ? chromaticities ?? Self.standInChromaticities : nil
        // Files in sRGB include these values for readers that do not support `sRGB` (PNG 3rd edition, 11.3.2.5).
        let hasStandInPrimaries = primaries.map { Self.areNear($0, Self.standInChromaticities) } ?? true
        if hasStandInPrimaries, Self.areNear([gamma], [Self.standInGamma]) { return nil }
        // Exponents outside this range are mistakes.
        guard (10_000...1_000_000).contains(gamma) else {
            throw ICCProfile.Defect(reason: "gAMA is out of range: \(gamma)")
        }
        let color = try primaries.map { values throws(ICCProfile.Defect) in try Self.checked(values) }
        guard let profile = ICCProfile.power(exponent: 100_000 / Double(gamma), chromaticities: color) else {
            throw ICCProfile.Defect(reason: "cHRM is out of range")
        }
        return profile
    }

    private static func areNear(_ values: [UInt32], _ others: [UInt32]) -> Bool {
        values.count == others.count && zip(values, others).allSatisfy { abs(Int($0) - Int($1)) <= 50 }
    }

    /// x and y of the white point and the primaries as numbers, if they are valid colors.
    private static func checked(_ values: [UInt32]) throws(ICCProfile.Defect) -> [Double] {
        let isColor = values.count == 8 && values.allSatisfy { $0 <= 100_000 } && values[1] >= 1000
        // For imaginary primaries (such as ProPhoto's blue) y may be 0, by which Little CMS divides.
        guard isColor else { throw ICCProfile.Defect(reason: "cHRM is out of range") }
        return values.enumerated().map { $0 % 2 == 1 ? max(Double($1), 1) / 100_000 : Double($1) / 100_000 }
    }
}
