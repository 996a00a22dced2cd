/// Metadata as segments of a JPEG file, which precede the pixels.
struct JPEGSegmentList {
    /// Each segment: 0xFF, the marker, the length of the rest including these 2 bytes (big-endian), the payload.
    private(set) var bytes: [UInt8] = []

    /// The maximum size of a payload: the length has 16 bits and includes its own 2 bytes.
    static let payloadSize = 65_533
    /// The maximum size of EXIF.
    static let exifSize = payloadSize - JPEGHeader.exif.count
    /// The maximum size of a profile in each of at most 255 parts.
    static let profilePartSize = payloadSize - JPEGHeader.colorProfile.count - 2

    /// Omits what a JPEG cannot store; `ImageMetadata.losses(in:)` lists it.
    init(_ metadata: ImageMetadata) {
        // Directly after JFIF, where camera software looks for it.
        if let exif = metadata.exif, exif.count <= Self.exifSize { add(0xE1, JPEGHeader.exif, exif[...]) }
        addXMP(metadata)
        if let photoshop = metadata.photoshop {
            for part in photoshop.pieces(of: Self.payloadSize - JPEGHeader.photoshop.count) {
                add(0xED, JPEGHeader.photoshop, part)
            }
        }
        if let profile = metadata.colorProfile { addColorProfile(profile) }
        for segment in metadata.jpegSegments { add(segment.marker, [], segment.payload[...]) }
        for text in metadata.texts { addComment(text) }
    }

    private mutating func add(_ marker: UInt8, _ header: [UInt8], _ payload: ArraySlice<UInt8>) {
        bytes += [0xFF, marker]
        bytes.appendBigEndian16(header.count + payload.count + 2)
        bytes += header
        bytes += payload
    }

    private mutating func addXMP(_ metadata: ImageMetadata) {
        guard let xmp = metadata.xmp else { return }
        if xmp.count <= ExtendedXMP.mainSize {
            add(0xE1, JPEGHeader.xmp, xmp[...])
            for part in metadata.extendedXMP where ExtendedXMP.isWritable(part) {
                add(0xE1, JPEGHeader.extendedXMP, part[...])
            }
        } else if let whole = metadata.wholeXMP {
            let (main, parts) = ExtendedXMP.parts(of: whole)
            add(0xE1, JPEGHeader.xmp, main[...])
            for part in parts { add(0xE1, JPEGHeader.extendedXMP, part[...]) }
        }
    }

    private mutating func addColorProfile(_ profile: [UInt8]) {
        let parts = profile.pieces(of: Self.profilePartSize)
        guard let count = UInt8(exactly: parts.count) else { return }
        for (part, number) in zip(parts, 1...max(count, 1)) {
            add(0xE2, JPEGHeader.colorProfile + [number, count], part)
        }
    }

    /// A comment has no keyword: keywords other than `Comment` are placed before the text. A text that is too long
    /// becomes several comments.
    private mutating func addComment(_ text: ImageMetadata.Text) {
        let isComment = text.keyword == ImageMetadata.Text.comment
        let value = isComment ? text.value : text.keyword + Array(": ".utf8) + text.value
        for part in value.pieces(of: Self.payloadSize) { add(0xFE, [], part) }
    }
}

extension ExtendedXMP {
    /// Whether a part fits in a segment; one that was read from a segment does.
    static func isWritable(_ part: [UInt8]) -> Bool {
        part.count <= JPEGSegmentList.payloadSize - JPEGHeader.extendedXMP.count
    }
}

extension [UInt8] {
    fileprivate func pieces(of size: Int) -> [ArraySlice<UInt8>] {
        stride(from: 0, to: count, by: size).map { self[$0..<Swift.min(count, $0 + size)] }
    }
}

/// Resolution as stored in JFIF (ITU-T T.871, 10.1): two 16-bit numbers and a unit.
struct JPEGDensity: Equatable {
    /// 0 none, 1 inch, 2 centimeter.
    var unit: UInt8 = 0
    /// 0, like `y`, if there is nothing to store.
    var x: UInt16 = 0
    var y: UInt16 = 0

    init(_ resolution: ImageMetadata.Resolution?) {
        guard let resolution else { return }
        switch resolution.unit {
        case .none: set(0, ratio: resolution)
        case .inch: set(1, Double(resolution.x), Double(resolution.y))
        case .metre: setMetric(resolution)
        }
    }

    private mutating func set(_ unit: UInt8, _ x: Double, _ y: Double) {
        guard let x = UInt16(exactly: x.rounded()), let y = UInt16(exactly: y.rounded()), x > 0, y > 0 else { return }
        (self.unit, self.x, self.y) = (unit, x, y)
    }

    /// Without a unit only the ratio matters, which halving approximately preserves.
    private mutating func set(_ unit: UInt8, ratio: ImageMetadata.Resolution) {
        var (x, y) = (ratio.x, ratio.y)
        while max(x, y) > UInt16.max { (x, y) = (x / 2, y / 2) }
        set(unit, Double(x), Double(y))
    }

    /// Pixels per inch, if they convert back to the same number of pixels per meter, as is the case for most files.
    /// Otherwise pixels per centimeter, if they are whole numbers.
    private mutating func setMetric(_ resolution: ImageMetadata.Resolution) {
        let (x, y) = (Double(resolution.x), Double(resolution.y))
        let isInches = [x, y].allSatisfy { (($0 * 0.0254).rounded() / 0.0254).rounded() == $0 }
        let isCentimetres = resolution.x.isMultiple(of: 100) && resolution.y.isMultiple(of: 100)
        if !isInches, isCentimetres {
            set(2, x / 100, y / 100)
        } else {
            set(1, x * 0.0254, y * 0.0254)
        }
    }
}
