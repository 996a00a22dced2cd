// The contents of a PNG file other than the pixels. https://www.w3.org/TR/png-3/, section 11.3.

/// Reads the metadata of a PNG file. Chunks after the pixels are included; a damaged chunk only produces a warning.
func readPNGMetadata(_ bytes: [UInt8]) -> (metadata: ImageMetadata, warnings: [String]) {
    var reader = PNGMetadataReader()
    for chunk in PNGChunks(bytes) {
        if chunk.name == "IEND" { break }
        reader.read(chunk)
    }
    reader.useRawProfiles()
    return (reader.collector.metadata, reader.collector.warnings)
}

private struct PNGMetadataReader {
    var collector = MetadataCollector()
    /// Blocks stored as text, which are used if there is no chunk for them.
    private var rawProfiles: [RawProfile] = []
    private var pixelsHaveBegun = false

    mutating func read(_ chunk: PNGChunks.Chunk) {
        if chunk.name == "IDAT" { pixelsHaveBegun = true }
        let parse = Self.parsers[chunk.name]
        let kind = PNGChunkKind(chunk.name)
        guard parse != nil || kind == .safeToCopy || kind == .unsafeToCopy else { return }
        guard chunk.isIntact else {
            collector.warn("the chunk \(chunk.name) has a wrong checksum and is dropped")
            return
        }
        do throws(MetadataProblem) {
            if let parse { return try parse(&self, chunk.payload) }
            try carry(chunk, kind)
        } catch {
            collector.warn("the chunk \(chunk.name) \(error.reason)")
        }
    }

    private mutating func carry(_ chunk: PNGChunks.Chunk, _ kind: PNGChunkKind) throws(MetadataProblem) {
        if chunk.name == "caBX" {
            collector.omit(ImageMetadata.lostCredentials)
        } else if kind == .unsafeToCopy {
            collector.omit("the chunk \(chunk.name) is not kept: its name marks it as tied to the old pixels")
        } else {
            do throws(MetadataProblem) {
                try collector.count(chunk.payload.count)
            } catch {
                throw MetadataProblem(reason: "\(error.reason) and is dropped")
            }
            collector.metadata.pngChunks.append(
                .init(name: chunk.name, payload: Array(chunk.payload), followsPixels: pixelsHaveBegun))
        }
    }

    private typealias Parser = @Sendable (inout PNGMetadataReader, ArraySlice<UInt8>) throws(MetadataProblem) -> Void

    private static let parsers: [String: Parser] = [
        "iCCP": { (reader, payload) throws(MetadataProblem) in try reader.readColorProfile(payload) },
        "sRGB": { (reader, payload) throws(MetadataProblem) in
            guard payload.count == 1, let intent = payload.first, intent < 4 else { throw .wrongLength }
            reader.describeColor { $0.renderingIntent = intent }
        },
        "gAMA": { (reader, payload) throws(MetadataProblem) in
            guard payload.count == 4, let gamma = payload.bigEndian32(), gamma > 0 else { throw .wrongLength }
            reader.describeColor { $0.gamma = UInt32(gamma) }
        },
        "cHRM": { (reader, payload) throws(MetadataProblem) in
            guard payload.count == 32 else { throw .wrongLength }
            let values = (0..<8).compactMap { payload.bigEndian32(at: 4 * $0) }.map { UInt32($0) }
            reader.describeColor { $0.chromaticities = values }
        },
        "cICP": { (reader, payload) throws(MetadataProblem) in
            guard payload.count == 4 else { throw .wrongLength }
            reader.describeColor { $0.codingIndependentCodePoints = Array(payload) }
        },
        "mDCV": { (reader, payload) throws(MetadataProblem) in
            guard payload.count == 24 else { throw .wrongLength }
            reader.describeColor { $0.masteringDisplay = Array(payload) }
        },
        "cLLI": { (reader, payload) throws(MetadataProblem) in
            guard payload.count == 8 else { throw .wrongLength }
            reader.describeColor { $0.lightLevels = Array(payload) }
        },
        "pHYs": { (reader, payload) throws(MetadataProblem) in try reader.readResolution(payload) },
        "eXIf": { (reader, payload) throws(MetadataProblem) in try reader.readEXIF(payload) },
        "tEXt": { (reader, payload) throws(MetadataProblem) in try reader.keep(PNGText(tEXt: payload)) },
        "zTXt": { (reader, payload) throws(MetadataProblem) in
            try reader.keep(PNGText(zTXt: payload, inflate: &reader.collector))
        },
        "iTXt": { (reader, payload) throws(MetadataProblem) in
            try reader.keep(PNGText(iTXt: payload, inflate: &reader.collector))
        },
    ]

    private mutating func describeColor(_ change: (inout ImageMetadata.PNGColor) -> Void) {
        var color = collector.metadata.pngColor ?? ImageMetadata.PNGColor()
        change(&color)
        collector.metadata.pngColor = color
    }

    private mutating func readColorProfile(_ payload: ArraySlice<UInt8>) throws(MetadataProblem) {
        // A name, its terminator, the compression method.
        guard let end = payload.prefix(80).firstIndex(of: 0), end + 1 < payload.endIndex, payload[end + 1] == 0 else {
            throw MetadataProblem(reason: "is damaged: it has no name or no known compression")
        }
        try keepColorProfile(collector.inflate(payload[(end + 2)...]))
    }

    private mutating func keepColorProfile(_ profile: [UInt8]) throws(MetadataProblem) {
        guard isColorProfile(profile) else { throw MetadataProblem(reason: "does not contain an ICC profile") }
        try collector.keep(profile, as: \.colorProfile)
    }

    private mutating func readResolution(_ payload: ArraySlice<UInt8>) throws(MetadataProblem) {
        guard payload.count == 9, let x = payload.bigEndian32(), let y = payload.bigEndian32(at: 4) else {
            throw .wrongLength
        }
        guard x > 0, y > 0, x <= Int32.max, y <= Int32.max, let unit = payload.last, unit < 2 else {
            throw MetadataProblem(reason: "has an impossible resolution")
        }
        collector.metadata.resolution = .init(x: UInt32(x), y: UInt32(y), unit: unit == 1 ? .metre : .none)
    }

    private mutating func readEXIF(_ payload: ArraySlice<UInt8>) throws(MetadataProblem) {
        // Some programs write the JPEG form of the block.
        let block = payload.starts(with: JPEGHeader.exif) ? payload.dropFirst(JPEGHeader.exif.count) : payload
        guard isTIFF(block) else { throw MetadataProblem(reason: "does not contain EXIF") }
        try collector.keep(Array(block), as: \.exif)
    }

    private mutating func keep(_ text: PNGText) throws(MetadataProblem) {
        if text.text.keyword.elementsEqual(PNGText.xmpKeyword.utf8) {
            try collector.keep(text.text.value, as: \.xmp)
        } else if let kind = RawProfile.Kind(keyword: text.text.keyword) {
            try collector.count(text.text.value.count)
            rawProfiles.append(try RawProfile(kind, text.text.value))
        } else {
            try collector.count(text.text.value.count)
            collector.metadata.texts.append(text.text)
        }
    }

    /// Takes from texts what has no chunk of its own.
    mutating func useRawProfiles() {
        for profile in rawProfiles {
            do throws(MetadataProblem) {
                try use(profile)
            } catch {
                collector.warn("the text \"\(RawProfile.keywordStart)\(profile.kind.rawValue)\" \(error.reason)")
            }
        }
    }

    private mutating func use(_ profile: RawProfile) throws(MetadataProblem) {
        let content = profile.content
        switch profile.kind {
        case .exif, .app1:
            if content.starts(with: JPEGHeader.xmp) {
                if collector.metadata.xmp == nil {
                    collector.metadata.xmp = Array(content.dropFirst(JPEGHeader.xmp.count))
                }
            } else if collector.metadata.exif == nil {
                try readEXIF(content[...])
            }
        case .xmp:
            if collector.metadata.xmp == nil { collector.metadata.xmp = content }
        case .icc, .icm:
            if collector.metadata.colorProfile == nil { try keepColorProfile(content) }
        case .photoshop, .iptc:
            if collector.metadata.photoshop == nil { collector.metadata.photoshop = photoshopResources(of: content) }
        }
    }
}

extension MetadataProblem {
    fileprivate static var wrongLength: MetadataProblem {
        MetadataProblem(reason: "has a wrong length or an impossible value")
    }
}
