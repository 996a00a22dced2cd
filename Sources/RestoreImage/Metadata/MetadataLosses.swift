extension ImageMetadata {
    /// What a file of a format cannot hold of this and what writing therefore leaves out, a line each.
    ///
    /// JPEG: EXIF of more than 64 KiB, a color profile of more than 16 MiB, coding-independent code points, a
    /// resolution of more than 65,535 pixels a unit, parts of XMP without the packet. PNG: keywords that are none there,
    /// XMP in parts that do not fit together.
    public func losses(in format: ImageFormat) -> [String] {
        switch format {
        case .png: pngLosses
        case .jpeg: jpegLosses
        }
    }

    private var pngLosses: [String] {
        var lines: [String] = []
        if texts.contains(where: { !$0.hasPNGKeyword }) {
            lines.append("a text is left out: its keyword is none that a PNG can have")
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
        if let resolution, JPEGDensity(resolution).x == 0 {
            lines.append("the resolution is left out: a JPEG has at most 65535 pixels a unit")
        }
        return lines
    }
}
