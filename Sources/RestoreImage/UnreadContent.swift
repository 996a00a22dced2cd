// Detects content besides the image that is not read: further images, a video, anything else after the end. It would
// otherwise be lost silently when the image is written again.

/// Describes the content of a file that is not read, one line each: further frames of an animation, further images
/// (CIPA DC-007), a phone's video, other bytes after the image. A few bytes, and padding, are not reported.
///
/// - Parameter pictureSize: where the image of a JPEG ends; nil if it was only partially read.
func unreadContent(of bytes: [UInt8], _ format: ImageFormat, pictureSize: Int?) -> [String] {
    switch format {
    case .png:
        return [lostFrames(of: bytes)].compactMap { $0 } + trailer(of: bytes, from: pngSize(bytes), pictureCount: nil)
    case .jpeg:
        return trailer(of: bytes, from: pictureSize, pictureCount: pictureCount(ofJPEG: bytes))
    }
}

/// Number of bytes after the image that are not worth reporting: cameras round up sizes, and some programs append a
/// line break.
private let fewBytes = 64

private func trailer(of bytes: [UInt8], from start: Int?, pictureCount: PictureCount?) -> [String] {
    guard let start, start < bytes.count, let content = withoutPadding(bytes[start...]) else { return [] }
    var lines: [String] = []
    if let pictureCount {
        lines.append(pictureCount.loss)
    } else if ImageFormat.detect(content) != nil {
        lines.append("only the first of several images in the file is kept")
    }
    // The video's first bytes may be zero.
    if let video = videoStart(in: bytes[start..<content.endIndex]) {
        lines.append("the video after the image is not kept (\(content.endIndex - video) bytes)")
    }
    if lines.isEmpty, content.count > fewBytes {
        lines.append("data after the image is not kept (\(content.count) bytes)")
    }
    return lines
}

/// From the first to the last byte that is not padding; nil if there is none.
private func withoutPadding(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    func fills(_ byte: UInt8) -> Bool { byte == 0 || byte == 0xFF || byte == 0x0A || byte == 0x0D || byte == 0x20 }
    guard var first = bytes.firstIndex(where: { !fills($0) }), let last = bytes.lastIndex(where: { !fills($0) }) else {
        return nil
    }
    // The marker that starts an image.
    if bytes[first] == 0xD8, first > bytes.startIndex, bytes[first - 1] == 0xFF { first -= 1 }
    return bytes[first...last]
}

/// The first box of an MP4 or QuickTime file (ISO/IEC 14496-12, 4.3): its size, `ftyp`.
private func videoStart(in bytes: ArraySlice<UInt8>) -> Int? {
    var place: Int? = bytes.startIndex
    while let found = bytes.firstIndex(of: Array("ftyp".utf8), from: place) {
        let size = bytes.bigEndian32(at: found - 4 - bytes.startIndex)
        if let size, (8...4096).contains(size) { return found - 4 }
        place = found + 4
    }
    return nil
}

// MARK: Several images in a JPEG

/// The index of a file with several images (CIPA DC-007, 5.2.3).
private struct PictureCount {
    let all: Int
    /// Smaller versions of the first image, for screens.
    let previews: Int

    var loss: String {
        guard previews == all - 1 else { return "only the first of \(all) images in the file is kept" }
        return "the preview\(previews == 1 ? "" : "s") after the image \(previews == 1 ? "is" : "are") not kept"
    }
}

/// nil if there is no index, or it lists only one image.
private func pictureCount(ofJPEG bytes: [UInt8]) -> PictureCount? {
    let header = Array("MPF\0".utf8)
    let segment = JPEGSegments(bytes).first { $0.marker == 0xE2 && $0.payload.starts(with: header) }
    guard let payload = segment?.payload, let block = TIFFBlock(Array(payload.dropFirst(header.count))),
        let directory = block.first, let count = directory.entries.first(where: { $0.tag == 0xB001 }),
        let all = block.value(of: count), all > 1
    else { return nil }
    let list = directory.entries.first { $0.tag == 0xB002 }.flatMap { block.range(of: $0) }
    // Sixteen bytes per image, the first four of which contain its type.
    let places = list.map { stride(from: $0.lowerBound, to: $0.upperBound, by: 16) }
    let kinds = places?.dropFirst().compactMap { block.read32($0) } ?? []
    let previews = kinds.filter { [0x010001, 0x010002].contains($0 & 0xFFFFFF) }.count
    return PictureCount(all: all, previews: previews)
}

// MARK: PNG

/// The end of the end chunk; nil if there is none.
private func pngSize(_ bytes: [UInt8]) -> Int? {
    var size = 8
    for chunk in PNGChunks(bytes) {
        size += 12 + chunk.payload.count
        if chunk.name == "IEND" { return size }
    }
    return nil
}

/// Frames of an animation (PNG 3rd edition, 11.3.6). The default image is one of them if a frame control chunk precedes
/// its pixels.
private func lostFrames(of bytes: [UInt8]) -> String? {
    var count: Int?
    var isDefaultAFrame = false
    for chunk in PNGChunks(bytes) {
        if chunk.name == "IDAT" { break }
        if chunk.name == "acTL", chunk.payload.count == 8 { count = chunk.payload.bigEndian32() }
        if chunk.name == "fcTL" { isDefaultAFrame = true }
    }
    guard let count else { return nil }
    let lost = count - (isDefaultAFrame ? 1 : 0)
    guard lost > 0 else { return nil }
    return "only the default image of the animation is kept: \(lost) frame\(lost == 1 ? " is" : "s are") lost"
}
