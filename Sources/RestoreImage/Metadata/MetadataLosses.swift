extension ImageMetadata {
    /// Contents of this metadata that a file of `format` cannot store and that writing therefore drops, one line each.
    ///
    /// JPEG: EXIF of more than 64 KiB, a color profile of more than 16 MiB, coding-independent code points, a
    /// resolution of more than 65,535 pixels per unit, parts of XMP without the main packet, unknown chunks of a PNG.
    /// PNG: invalid keywords, NUL within text, XMP parts that do not fit together, vendor segments. Both: contents that
    /// no output preserves (`omissions`).
    public func losses(in format: ImageFormat) -> [String] {
        switch format {
        case .png: omissions + pngLosses
        case .jpeg: omissions + jpegLosses
        }
    }

    private var pngLosses: [String] {
        var lines: [String] = []
        if texts.contains(where: { !$0.hasPNGKeyword }) {
            lines.append("a text is dropped: its keyword is not valid in a PNG")
        }
        if texts.contains(where: \.hasNULInside) {
            lines.append("NUL in a text is replaced by a space: PNG text cannot contain it")
        }
        if !jpegSegments.isEmpty {
            let names = Self.list(jpegSegments.map(\.name))
            lines.append("segments of vendors and programs (\(names)) are dropped: a PNG cannot store them")
        }
        if !extendedXMP.isEmpty, xmp.flatMap({ ExtendedXMP.whole(main: $0, parts: extendedXMP) }) == nil {
            lines.append("parts of the XMP packet are dropped: they do not fit together")
        }
        return lines
    }

    private var jpegLosses: [String] {
        var lines: [String] = []
        if let exif, exif.count > JPEGSegmentList.exifSize {
            lines.append("the EXIF block is dropped: a JPEG can store at most \(JPEGSegmentList.exifSize) bytes")
        }
        if !extendedXMP.isEmpty, xmp == nil {
            lines.append("parts of the XMP packet are dropped: the main packet is missing")
        }
        let profileSize = 255 * JPEGSegmentList.profilePartSize
        if let colorProfile, colorProfile.count > profileSize {
            lines.append("the color profile is dropped: a JPEG can store at most \(profileSize) bytes")
        }
        if colorProfile == nil, pngColor?.codingIndependentCodePoints != nil {
            lines.append("the coding-independent code points (cICP) are dropped: a JPEG can only store color profiles")
        }
        if pngColor?.masteringDisplay != nil || pngColor?.lightLevels != nil {
            lines.append("the mastering display and light levels (mDCV, cLLI) are dropped: a JPEG cannot store them")
        }
        if !pngChunks.isEmpty {
            lines.append("the chunks \(Self.list(pngChunks.map(\.name))) are dropped: a JPEG has no chunks")
        }
        if let resolution, JPEGDensity(resolution).x == 0 {
            lines.append("the resolution is dropped: a JPEG can store at most 65535 pixels per unit")
        }
        return lines
    }

    /// Each name once, in order of occurrence; only the first few.
    private static func list(_ names: [String]) -> String {
        var once: [String] = []
        for name in names where !once.contains(name) {
            if once.count == 8 { return once.joined(separator: ", ") + " and others" }
            once.append(name)
        }
        return once.joined(separator: ", ")
    }
}
