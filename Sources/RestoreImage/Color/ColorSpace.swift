/// What the samples of a picture mean.
public enum ColorSpace: Sendable, Equatable {
    /// sRGB (IEC 61966-2-1), or gray with its curve. Also what nothing is known of.
    case sRGB
    /// Another one, by the curves and the matrix of an ICC profile or of a PNG's chunks.
    case converted(ColorConversion)

    /// The space in which networks and estimates see pictures: the own primaries are taken for those of sRGB, and only the tone
    /// curve is that of sRGB. All colors are then within 0…1, which is what networks have seen; colors outside sRGB's gamut
    /// would not be, and clean ones came back with a cast. Noise of the channels, too, stays apart.
    public var inOwnPrimaries: ColorSpace {
        guard case .converted(let conversion) = self else { return self }
        return .converted(conversion.inOwnPrimaries)
    }
}

extension ImageMetadata {
    /// The color space that a picture's file describes.
    ///
    /// An ICC profile goes before a PNG's `sRGB`, that before `gAMA` and `cHRM` (PNG 3rd edition, 4.3). Profiles that differ
    /// from sRGB by less than half a step of 8 bits are taken as sRGB. `cICP` is kept for the output and not interpreted, which
    /// is a warning where nothing else says the same.
    ///
    /// - Parameter layout: of the picture.
    /// - Returns: the space; and what of the file's description is not used and why, half a sentence, where that is so:
    ///   without a usable one the samples are taken as sRGB.
    public func colorSpace(of layout: Image.ChannelLayout) -> (space: ColorSpace, warning: String?) {
        let space: ColorSpace
        do throws(ICCProfile.Defect) {
            if let colorProfile {
                space = try Self.colorSpace(ofProfile: colorProfile, layout)
            } else {
                space = try pngColor?.colorSpace(of: layout) ?? .sRGB
            }
        } catch {
            return (.sRGB, "the color profile is kept, but the colors are taken as sRGB: \(error.reason)")
        }
        return (space, warningOfCodePoints)
    }

    /// `cICP` goes before all others (PNG 3rd edition, 4.3), but they mostly say the same, for readers that do not know it.
    /// Where its curve is none of those that are like sRGB's (ITU-T H.273, table 3) they are only the next best.
    private var warningOfCodePoints: String? {
        let nearCurves: Set<UInt8> = [1, 6, 13, 14, 15]
        guard let code = pngColor?.codingIndependentCodePoints, code.count == 4, !nearCurves.contains(code[1]) else {
            return nil
        }
        return "its cICP is not interpreted: the colors are taken as its other chunks say"
    }

    private static func colorSpace(
        ofProfile bytes: [UInt8], _ layout: Image.ChannelLayout
    ) throws(ICCProfile.Defect) -> ColorSpace {
        guard let profile = ICCProfile(bytes: bytes) else { throw ICCProfile.Defect(reason: "it is damaged") }
        let space = try profile.colorSpace()
        let isGrayPicture = layout.colorChannelCount == 1
        if profile.colorModel == .gray, !isGrayPicture {
            throw ICCProfile.Defect(reason: "it is a profile of gray, and the picture is RGB")
        }
        // A gray picture with the profile of sRGB is common, and clear.
        if profile.colorModel == .rgb, isGrayPicture, case .converted = space {
            throw ICCProfile.Defect(reason: "it is a profile of RGB, and the picture is gray")
        }
        return space
    }
}

extension ImageMetadata {
    /// With a profile that says what a PNG's chunks do, for formats that have no such chunks.
    func describingColorsByProfile(of layout: Image.ChannelLayout) -> ImageMetadata {
        // What cannot be used to read colors is nothing that could be passed on, either.
        guard colorProfile == nil, let pngColor, let profile = try? pngColor.profile(of: layout) else { return self }
        var result = self
        result.colorProfile = profile.bytes
        return result
    }
}

extension DecodedImage {
    /// Gives the picture the color space that its metadata describe.
    ///
    /// - Returns: why they are not used, half a sentence, where they are not.
    @discardableResult
    public mutating func adoptColorSpace() -> String? {
        let (space, warning) = metadata.colorSpace(of: image.channelLayout)
        image.colorSpace = space
        return warning
    }
}

extension ICCProfile {
    /// - Throws: where the profile cannot be used.
    borrowing func colorSpace() throws(Defect) -> ColorSpace {
        let conversion = try ColorConversion(lightModel())
        return conversion.isNearSRGB ? .sRGB : .converted(conversion)
    }
}

extension ImageMetadata.PNGColor {
    /// `gAMA` of sRGB's usual stand-in, 1/2.2.
    private static let standInGamma: UInt32 = 45455
    /// `cHRM` of sRGB.
    private static let standInChromaticities: [UInt32] = [31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000]

    fileprivate func colorSpace(of layout: Image.ChannelLayout) throws(ICCProfile.Defect) -> ColorSpace {
        try profile(of: layout)?.colorSpace() ?? .sRGB
    }

    /// The profile that says the same; nil for sRGB.
    fileprivate func profile(of layout: Image.ChannelLayout) throws(ICCProfile.Defect) -> ICCProfile? {
        if let code = codingIndependentCodePoints, code != [1, 13, 0, 1], renderingIntent == nil, gamma == nil {
            throw ICCProfile.Defect(reason: "cICP is not interpreted")
        }
        guard renderingIntent == nil, let gamma else { return nil }
        let isColor = layout.colorChannelCount == 3
        let primaries = isColor ? chromaticities ?? Self.standInChromaticities : nil
        // Writers of sRGB give these for readers that do not know it (PNG 3rd edition, 11.3.2.5).
        let hasStandInPrimaries = primaries.map { Self.areNear($0, Self.standInChromaticities) } ?? true
        if hasStandInPrimaries, Self.areNear([gamma], [Self.standInGamma]) { return nil }
        // Exponents beyond this are mistakes.
        guard (10_000...1_000_000).contains(gamma) else {
            throw ICCProfile.Defect(reason: "gAMA is absurd: \(gamma)")
        }
        let color = try primaries.map { values throws(ICCProfile.Defect) in try Self.checked(values) }
        guard let profile = ICCProfile.power(exponent: 100_000 / Double(gamma), chromaticities: color) else {
            throw ICCProfile.Defect(reason: "cHRM is absurd")
        }
        return profile
    }

    private static func areNear(_ values: [UInt32], _ others: [UInt32]) -> Bool {
        values.count == others.count && zip(values, others).allSatisfy { abs(Int($0) - Int($1)) <= 50 }
    }

    /// White's and the primaries' x and y as numbers, where these are colors.
    private static func checked(_ values: [UInt32]) throws(ICCProfile.Defect) -> [Double] {
        let isColor = values.count == 8 && values.allSatisfy { $0 <= 100_000 } && values[1] >= 1000
        // Of imaginary primaries (ProPhoto's blue) y may be 0, which Little CMS divides by.
        guard isColor else { throw ICCProfile.Defect(reason: "cHRM is absurd") }
        return values.enumerated().map { $0 % 2 == 1 ? max(Double($1), 1) / 100_000 : Double($1) / 100_000 }
    }
}
