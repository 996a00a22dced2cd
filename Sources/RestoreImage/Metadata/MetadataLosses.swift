extension ImageMetadata {
    /// What a file of a format cannot hold of this and what writing therefore leaves out, a line each.
    ///
    /// JPEG: EXIF of more than 64 KiB, a color profile of more than 16 MiB, coding-independent code points, a
    /// resolution of more than 65,535 pixels a unit, parts of XMP without the packet, chunks of a PNG that are unknown here. PNG:
    /// keywords that are none there, NUL within texts, XMP in parts that do not fit together, segments of makers. Both: what no
    /// output keeps (`omissions`).
    public func losses(in format: ImageFormat) -> [String] {
        switch format {
        case .png: omissions + pngLosses
        case .jpeg: omissions + jpegLosses
        }
    }

    private var pngLosses: [String] {
        var lines: [String] = []
        if texts.contains(where: { !$0.hasPNGKeyword }) {
            lines.append("a text is left out: its keyword is none that a PNG can have")
        }
        if texts.contains(where: \.hasNULInside) {
            lines.append("a text has spaces in the place of NUL, which a PNG's texts do not have")
        }
        if !jpegSegments.isEmpty {
            let names = Self.list(jpegSegments.map(\.name))
            lines.append("segments of makers and programs (\(names)) are left out: a PNG has none")
        }
        if !extendedXMP.isEmpty, xmp.flatMap({ ExtendedXMP.whole(main: $0, parts: extendedXMP) }) == nil {
            lines.append("parts of the XMP packet are left out: they do not fit together")
        }
        return lines
    }

    private var jpegLosses: [String] {
        var lines: [String] = []
        if let exif, exif.count > JPEGSegmentList.exifSize {
            lines.append("the EXIF block is left out: a JPEG has room for \(JPEGSegmentList.exifSize) bytes of it")
        }
        if !extendedXMP.isEmpty, xmp == nil {
            lines.append("parts of the XMP packet are left out: what they are parts of is missing")
        }
        let profileSize = 255 * JPEGSegmentList.profilePartSize
        if let colorProfile, colorProfile.count > profileSize {
            lines.append("the color profile is left out: a JPEG has room for \(profileSize) bytes of it")
        }
        if colorProfile == nil, pngColor?.codingIndependentCodePoints != nil {
            lines.append("the coding-independent code points (cICP) are left out: a JPEG has color profiles only")
        }
        if pngColor?.masteringDisplay != nil || pngColor?.lightLevels != nil {
            lines.append("the mastering display and light levels (mDCV, cLLI) are left out: a JPEG has none")
        }
        if !pngChunks.isEmpty {
            lines.append("the chunks \(Self.list(pngChunks.map(\.name))) are left out: a JPEG has no chunks")
        }
        if let resolution, JPEGDensity(resolution).x == 0 {
            lines.append("the resolution is left out: a JPEG has at most 65535 pixels a unit")
        }
        return lines
    }

    /// Each name once, in the order in which they occur; the first few only.
    private static func list(_ names: [String]) -> String {
        var once: [String] = []
        for name in names where !once.contains(name) {
            if once.count == 8 { return once.joined(separator: ", ") + " and others" }
            once.append(name)
        }
        return once.joined(separator: ", ")
    }
}
