import RestoreImage

/// A PNG's metadata with corrected checksums, which hardly any mutation would get past.
@Sendable func readMetadataOfPNG(_ bytes: [UInt8]) { readMetadata(withChecksums(bytes)) }

/// The metadata of any image through both formats; color descriptions only occasionally, as they take most of the time.
@Sendable func readMetadata(_ bytes: [UInt8]) {
    let small = ImageLimits(maximumPixels: 1 << 12)
    guard let decoded = try? decodeImage(bytes, path: "fuzz", limits: small, tolerant: true) else { return }
    _ = decoded.metadata.stripped
    _ = decoded.metadata.describingSRGB
    var metadata = decoded.metadata
    if !bytes.count.isMultiple(of: 8) { (metadata.colorProfile, metadata.pngColor) = (nil, nil) }
    for format in ImageFormat.allCases { passOn(metadata, decoded.image.channelLayout, through: format) }
}

@Sendable func editEXIF(_ block: [UInt8]) {
    let metadata = ImageMetadata(exif: block)
    for orientation in [1, 6] {
        let upright = metadata.upright(from: orientation, width: 640, height: 70_000)
        guard let edited = upright.exif, edited.count <= block.count else { preconditionFailure("the block has grown") }
        precondition(edited.prefix(4) == block.prefix(4), "the byte order mark has changed")
        precondition(upright.describingSRGB.exif?.count == edited.count, "the block has a different length")
    }
    for format in ImageFormat.allCases { passOn(metadata, .rgb, through: format) }
}

/// A packet of a multiple of 16 bytes that ends with a space is enlarged beyond what a JPEG segment can hold: rarely,
/// as that is slow.
@Sendable func editXMP(_ packet: [UInt8]) {
    let isLong = packet.last == 0x20 && packet.count.isMultiple(of: 16)
    let metadata = ImageMetadata(xmp: packet + [UInt8](repeating: 0x20, count: isLong ? 70_000 : 0))
    for orientation in [1, 6, 7] { _ = metadata.upright(from: orientation, width: 640, height: 70_000) }
    editExtendedXMP(packet)
    _ = metadata.describingSRGB
    passOn(metadata, .gray, through: .png)
    if !isLong { return passOn(metadata, .gray, through: .jpeg) }
    // Split, joined, and split again.
    let parts = read(written(metadata, .gray, .jpeg)).metadata
    _ = read(written(parts, .gray, .png))
    passOn(parts, .gray, through: .jpeg)
}

/// The packet as the extended one of another, in parts whose name is not a valid MD5.
private func editExtendedXMP(_ packet: [UInt8]) {
    let name = [UInt8](repeating: 0x41, count: 32)
    let main = Array("<a xmpNote:HasExtendedXMP=\"".utf8) + name + Array("\"/>".utf8)
    func number(_ value: Int) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } }
    let middle = packet.count / 2
    let parts = [(0, packet[..<middle]), (middle, packet[middle...])].filter { !$0.1.isEmpty }
        .map { name + number(packet.count) + number($0.0) + $0.1 }
    let metadata = ImageMetadata(xmp: main, extendedXMP: parts)
    let (alone, together) = (
        ImageMetadata(xmp: packet).upright(from: 6, width: 640, height: 70_000),
        metadata.upright(from: 6, width: 640, height: 70_000)
    )
    let edited = together.extendedXMP.flatMap { $0.dropFirst(40) }
    precondition(edited == alone.xmp ?? [], "an extended packet is edited differently from a main one")
    precondition(edited != packet || together == metadata, "metadata that needed no edit has changed")
    passOn(together, .gray, through: .jpeg)
}

@Sendable func editPhotoshopResources(_ blocks: [UInt8]) {
    let metadata = ImageMetadata(photoshop: blocks)
    for orientation in [1, 6] {
        let upright = metadata.upright(from: orientation, width: 1, height: 1)
        precondition(upright.photoshop?.count ?? 0 <= blocks.count, "the blocks have grown")
        precondition(upright.upright(from: 1, width: 1, height: 1) == upright, "a thumbnail was left")
    }
    _ = metadata.describingSRGB
    for format in ImageFormat.allCases { passOn(metadata, .rgb, through: format) }
}

// MARK: Through a format

/// Writes metadata with a small image and reads it again: it must be the same, or the loss must be reported.
private func passOn(_ metadata: ImageMetadata, _ layout: Image.ChannelLayout, through format: ImageFormat) {
    let losses = metadata.losses(in: format)
    let decoded = read(written(metadata, layout, format))
    let again = decoded.metadata
    // Reading rotates the image and reports it.
    let expected = metadata.upright(from: metadata.orientation, width: 1, height: 1)
    func require(_ isRight: Bool, _ what: String, unless loss: String? = nil) {
        let isNamed = loss.map { loss in losses.contains { $0.contains(loss) } } ?? false
        precondition(isRight || isNamed, "\(what) through \(format): \(losses), \(decoded.warnings)")
    }
    if isEXIF(metadata.exif) { require(again.exif == expected.exif, "EXIF", unless: "the EXIF block") }
    if metadata.colorProfile != nil {
        require(again.colorProfile == expected.colorProfile, "the profile", unless: "the color profile")
    }
    // A packet that does not fit in a segment is split.
    if format == .png || metadata.xmp?.count ?? 0 <= 65_504 {
        if metadata.extendedXMP.isEmpty || format == .jpeg { require(again.xmp == expected.xmp, "XMP") }
        if format == .jpeg || !metadata.extendedXMP.isEmpty {
            let isKept = format == .jpeg ? again.extendedXMP == expected.extendedXMP : again.xmp != metadata.xmp
            require(isKept, "parts of XMP", unless: "the XMP packet")
        }
    }
    if expected.photoshop?.starts(with: Array("8BIM".utf8)) ?? true {
        require(again.photoshop == expected.photoshop, "Photoshop's blocks")
    }
    requireCarriedBlocks(metadata, again, format, require)
    requireTexts(metadata, again, format, require)
    requireResolution(metadata.resolution, again.resolution, format, require)
    guard format == .png, metadata.colorProfile == nil else { return }
    require(again.pngColor == metadata.pngColor, "the colors of a PNG")
}

private typealias Requirement = (Bool, String, String?) -> Void

/// Blocks that are copied unread must be identical, and in the same order, in a file of the same format.
private func requireCarriedBlocks(
    _ metadata: ImageMetadata, _ again: ImageMetadata, _ format: ImageFormat, _ require: Requirement
) {
    let (segments, chunks) = (metadata.jpegSegments, metadata.pngChunks)
    require(again.jpegSegments == (format == .jpeg ? segments : []), "segments", nil)
    require(again.pngChunks == (format == .png ? chunks : []), "chunks", nil)
    require(format == .jpeg || segments.isEmpty, "segments", "segments of vendors")
    require(format == .png || chunks.isEmpty, "chunks", "the chunks")
    // Contents that no output preserves must not be in one.
    require(again.omissions.isEmpty, "signatures and the like", nil)
}

/// A PNG preserves text except for NUL in short texts, a JPEG the parts that fit in a comment.
private func requireTexts(
    _ metadata: ImageMetadata, _ again: ImageMetadata, _ format: ImageFormat, _ require: Requirement
) {
    if format == .png {
        let storable = metadata.texts.filter { (1...79).contains($0.keyword.count) && !$0.keyword.contains(0) }
        require(again.texts.count == storable.count, "the number of texts", nil)
        for (text, other) in zip(storable, again.texts) {
            require(text.keyword == other.keyword && text.language == other.language, "a text's keyword", nil)
            require(
                text.translatedKeyword == other.translatedKeyword && text.isUTF8 == other.isUTF8, "a text's kind", nil)
            require(text.value.filter { $0 > 32 } == other.value.filter { $0 > 32 }, "a text", nil)
        }
        require(storable.count == metadata.texts.count, "a text", "a text is dropped")
    } else {
        let comments = metadata.texts.flatMap { text in
            text.keyword == ImageMetadata.Text.comment ? text.value : text.keyword + Array(": ".utf8) + text.value
        }
        require(again.texts.flatMap(\.value) == comments, "comments", nil)
    }
}

private func requireResolution(
    _ resolution: ImageMetadata.Resolution?, _ again: ImageMetadata.Resolution?, _ format: ImageFormat,
    _ require: Requirement
) {
    guard let resolution else { return require(again == nil, "a resolution out of nothing", nil) }
    // Square pixels without a unit carry no information.
    if format == .jpeg, resolution.unit == .none { return }
    require(again != nil, "the resolution", "the resolution")
}

private func isEXIF(_ block: [UInt8]?) -> Bool {
    guard let block else { return true }
    return block.starts(with: [0x49, 0x49, 0x2A, 0]) || block.starts(with: [0x4D, 0x4D, 0, 0x2A])
}

private func written(_ metadata: ImageMetadata, _ layout: Image.ChannelLayout, _ format: ImageFormat) -> [UInt8] {
    let dot = Image(width: 1, height: 1, channelLayout: layout.colorChannelCount == 1 ? .gray : .rgb)
    do {
        return try encodeImage(dot, metadata: metadata, as: ImageEncoding(format: format), path: "fuzz")
    } catch {
        preconditionFailure("\(error)")
    }
}

private func read(_ bytes: [UInt8]) -> DecodedImage {
    do {
        return try decodeImage(bytes, path: "written")
    } catch {
        preconditionFailure("\(error)")
    }
}
