// The contents of a JPEG file other than the pixels: JFIF (ITU-T T.871), EXIF (CIPA DC-008), ICC (ICC.1, annex B.4),
// XMP (part 3, 1.1.3), Photoshop resources.

/// Reads the metadata of a JPEG file: that of the first image, if there are several.
func readJPEGMetadata(_ bytes: [UInt8]) -> (metadata: ImageMetadata, warnings: [String]) {
    var reader = JPEGMetadataReader()
    for segment in JPEGSegments(bytes) {
        do throws(MetadataProblem) {
            try reader.read(segment)
        } catch {
            reader.collector.warn(error.reason)
        }
    }
    reader.joinColorProfile()
    return (reader.collector.metadata, reader.collector.warnings)
}

private struct JPEGMetadataReader {
    var collector = MetadataCollector()
    /// Numbers of boxes that contain C2PA data; their further parts do not identify themselves.
    private var credentials: Set<Int> = []
    private var profileParts: [(number: Int, count: Int, content: ArraySlice<UInt8>)] = []

    mutating func read(_ segment: JPEGSegments.Segment) throws(MetadataProblem) {
        let payload = segment.payload
        switch segment.marker {
        case 0xE0 where payload.starts(with: JPEGHeader.jfif):
            readDensity(payload.dropFirst(JPEGHeader.jfif.count))
        case 0xE1:
            try readApplication1(segment)
        case 0xE2 where payload.starts(with: JPEGHeader.colorProfile):
            try collectColorProfile(payload.dropFirst(JPEGHeader.colorProfile.count))
        case 0xED where payload.starts(with: JPEGHeader.photoshop):
            let resources = payload.dropFirst(JPEGHeader.photoshop.count)
            try count(resources.count, of: "Photoshop's data")
            if collector.metadata.photoshop == nil { collector.metadata.photoshop = [] }
            collector.metadata.photoshop?.append(contentsOf: resources)
        case 0xFE:
            try count(payload.count, of: "a comment")
            let isUTF8 = payload.contains { $0 > 0x7F } && String(validating: payload, as: UTF8.self) != nil
            let comment = ImageMetadata.Text(
                keyword: ImageMetadata.Text.comment, isUTF8: isUTF8, value: Array(payload))
            collector.metadata.texts.append(comment)
        default:
            try carry(segment)
        }
    }

    private mutating func carry(_ segment: JPEGSegments.Segment) throws(MetadataProblem) {
        switch ApplicationSegmentKind(marker: segment.marker, payload: segment.payload) {
        case .ofTheOldFile:
            break
        case .box(let number, let isCredentials):
            if isCredentials { credentials.insert(number) }
            let isKnown = credentials.contains(number)
            collector.omit(isKnown ? ImageMetadata.lostCredentials : "boxes of APP11 (JUMBF, JPEG XT) are not kept")
        case .carried:
            try count(segment.payload.count, of: "a segment APP\(segment.marker - 0xE0)")
            collector.metadata.jpegSegments.append(
                ImageMetadata.JPEGSegment(marker: segment.marker, payload: Array(segment.payload)))
        }
    }

    private mutating func count(_ size: Int, of name: String) throws(MetadataProblem) {
        do throws(MetadataProblem) {
            try collector.count(size)
        } catch {
            throw MetadataProblem(reason: "\(name) \(error.reason) and is dropped")
        }
    }

    /// Version (2 bytes), unit, horizontal and vertical density.
    private mutating func readDensity(_ payload: ArraySlice<UInt8>) {
        guard let x = payload.bigEndian16(at: 3), let y = payload.bigEndian16(at: 5), x > 0, y > 0 else { return }
        switch payload[payload.startIndex + 2] {
        case 0 where (x, y) != (1, 1):
            collector.metadata.resolution = .init(x: UInt32(x), y: UInt32(y), unit: .none)
        case 1:
            collector.metadata.resolution = .init(x: UInt32(x), y: UInt32(y), unit: .inch)
        case 2:
            collector.metadata.resolution = .init(x: UInt32(x) * 100, y: UInt32(y) * 100, unit: .metre)
        default:
            break  // pixels are square: nothing is known about their size
        }
    }

    private mutating func readApplication1(_ segment: JPEGSegments.Segment) throws(MetadataProblem) {
        let payload = segment.payload
        if payload.starts(with: JPEGHeader.exif.dropLast()) {  // the last byte is padding, not always zero
            let block = payload.dropFirst(JPEGHeader.exif.count)
            guard isTIFF(block) else { throw MetadataProblem(reason: "the EXIF block is damaged and is dropped") }
            try keep(block, as: \.exif, name: "the EXIF block")
        } else if payload.starts(with: JPEGHeader.xmp) {
            try keep(payload.dropFirst(JPEGHeader.xmp.count), as: \.xmp, name: "the XMP packet")
        } else if payload.starts(with: JPEGHeader.extendedXMP) {
            let part = payload.dropFirst(JPEGHeader.extendedXMP.count)
            guard ExtendedXMP.isPart(part) else {
                throw MetadataProblem(reason: "a part of the XMP packet is damaged and is dropped")
            }
            try count(part.count, of: "a part of the XMP packet")
            collector.metadata.extendedXMP.append(Array(part))
        } else {
            try carry(segment)
        }
    }

    private mutating func keep(
        _ block: ArraySlice<UInt8>, as place: WritableKeyPath<ImageMetadata, [UInt8]?>, name: String
    ) throws(MetadataProblem) {
        do throws(MetadataProblem) {
            try collector.keep(Array(block), as: place)
        } catch {
            throw MetadataProblem(reason: "\(name) \(error.reason)")
        }
    }

    /// The part's number, from 1, the number of parts, and its bytes.
    private mutating func collectColorProfile(_ payload: ArraySlice<UInt8>) throws(MetadataProblem) {
        guard let number = payload.first, let count = payload.dropFirst().first else {
            throw MetadataProblem(reason: "a part of the color profile is damaged")
        }
        try self.count(payload.count, of: "the color profile")
        profileParts.append((Int(number), Int(count), payload.dropFirst(2)))
    }

    /// Parts may come in any order. With one too many or one too few, the meaning of the others is uncertain.
    mutating func joinColorProfile() {
        guard let first = profileParts.first else { return }
        let parts = profileParts.sorted { $0.number < $1.number }
        guard parts.allSatisfy({ $0.count == first.count }), parts.map({ $0.number }) == Array(1...max(1, first.count))
        else {
            collector.warn("the color profile is dropped: a part of it is missing or occurs twice")
            return
        }
        let profile = Array(parts.map { $0.content }.joined())
        guard isColorProfile(profile) else {
            collector.warn("the color profile is damaged and is dropped")
            return
        }
        collector.metadata.colorProfile = profile
    }
}
