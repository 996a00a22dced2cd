/// Metadata as chunks of a PNG file. https://www.w3.org/TR/png-3/, section 11.3.
struct PNGChunkList {
    /// Each chunk: the payload's length (4 bytes, big-endian), the name, the payload. An empty `IDAT` marks the
    /// position of the pixels if chunks follow them.
    private(set) var bytes: [UInt8] = []

    /// Shorter texts are not worth deflating.
    private static let shortText = 1024
    /// Longer texts are not deflated either: widespread readers (Pillow) reject a file with a text that inflates to more.
    private static let longText = 1 << 20

    /// Omits what a PNG cannot store; `ImageMetadata.losses(in:)` lists it.
    init(_ metadata: ImageMetadata) {
        addColor(metadata)
        if let resolution = metadata.resolution { addResolution(resolution) }
        if let exif = metadata.exif { add("eXIf", exif) }
        if let xmp = metadata.wholeXMP { addXMP(xmp) }
        if let photoshop = metadata.photoshop {
            add(
                text: .init(
                    keyword: Array((RawProfile.keywordStart + RawProfile.Kind.photoshop.rawValue).utf8), isUTF8: false,
                    value: RawProfile.text(.photoshop, photoshop)))
        }
        for text in metadata.texts where text.hasPNGKeyword { add(text: text) }
        for chunk in metadata.pngChunks where !chunk.followsPixels { add(chunk.name, chunk.payload) }
        let followers = metadata.pngChunks.filter(\.followsPixels)
        if !followers.isEmpty { add("IDAT", []) }
        for chunk in followers { add(chunk.name, chunk.payload) }
    }

    private mutating func add(_ name: String, _ payload: [UInt8]) {
        guard payload.count <= Int(Int32.max) else { return }
        bytes.appendBigEndian32(payload.count)
        bytes += name.utf8
        bytes += payload
    }

    /// A profile replaces `sRGB`; `gAMA` and `cHRM` remain for readers that do not support profiles.
    private mutating func addColor(_ metadata: ImageMetadata) {
        if let codes = metadata.pngColor?.codingIndependentCodePoints { add("cICP", codes) }
        if let profile = metadata.colorProfile, let deflated = ZlibStream.deflated(profile) {
            add("iCCP", Array("ICC profile".utf8) + [0, 0] + deflated)
        } else if let intent = metadata.pngColor?.renderingIntent {
            add("sRGB", [intent])
        }
        if let gamma = metadata.pngColor?.gamma {
            var payload: [UInt8] = []
            payload.appendBigEndian32(Int(gamma))
            add("gAMA", payload)
        }
        if let chromaticities = metadata.pngColor?.chromaticities {
            var payload: [UInt8] = []
            for value in chromaticities { payload.appendBigEndian32(Int(value)) }
            add("cHRM", payload)
        }
        if let display = metadata.pngColor?.masteringDisplay { add("mDCV", display) }
        if let levels = metadata.pngColor?.lightLevels { add("cLLI", levels) }
    }

    private mutating func addResolution(_ resolution: ImageMetadata.Resolution) {
        var payload: [UInt8] = []
        for pixels in [resolution.x, resolution.y] {
            // An inch is 0.0254 m.
            let perUnit = resolution.unit == .inch ? (Double(pixels) / 0.0254).rounded() : Double(pixels)
            payload.appendBigEndian32(Int(min(perUnit, Double(Int32.max))))
        }
        payload.append(resolution.unit == .none ? 0 : 1)
        add("pHYs", payload)
    }

    /// Not deflated, so that programs without PNG support can find it (XMP specification, part 3, 1.1.5).
    private mutating func addXMP(_ xmp: [UInt8]) {
        add("iTXt", Array(PNGText.xmpKeyword.utf8) + [0, 0, 0, 0, 0] + xmp)
    }

    private mutating func add(text: ImageMetadata.Text) {
        let start = text.keyword + [0]
        let value = text.valueWithoutNUL
        let deflated = (Self.shortText...Self.longText).contains(value.count) ? ZlibStream.deflated(value) : nil
        if text.isUTF8 {
            let flags: [UInt8] = [deflated == nil ? 0 : 1, 0]
            let strings = text.language + [0] + text.translatedKeyword + [0]
            add("iTXt", start + flags + strings + (deflated ?? value))
        } else if let deflated {
            add("zTXt", start + [0] + deflated)
        } else {
            add("tEXt", start + value)
        }
    }
}

extension ImageMetadata {
    /// The XMP packet including its extended parts, if there are any and they fit together; otherwise the packet alone.
    var wholeXMP: [UInt8]? {
        guard let xmp, !extendedXMP.isEmpty else { return xmp }
        return ExtendedXMP.whole(main: xmp, parts: extendedXMP) ?? xmp
    }
}

extension ImageMetadata.Text {
    /// Whether the keyword is valid in a PNG: 1…79 bytes without NUL.
    var hasPNGKeyword: Bool { (1...79).contains(keyword.count) && !keyword.contains(0) }

    /// PNG text cannot contain NUL (PNG 3rd edition, 11.3.3), and JPEG comments often end with one; a NUL inside
    /// becomes a space.
    fileprivate var valueWithoutNUL: [UInt8] {
        let content = contentBeforeFinalNULs
        return content.contains(0) ? content.map { $0 == 0 ? 0x20 : $0 } : Array(content)
    }

    /// Whether there is a NUL that does more than terminate the text.
    var hasNULInside: Bool { contentBeforeFinalNULs.contains(0) }

    private var contentBeforeFinalNULs: ArraySlice<UInt8> {
        value[..<(value.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0)]
    }
}
