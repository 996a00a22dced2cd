import CZlib

/// An image as its file codes it, so that a file with the very same pixels, of the same kind and size, can be written
/// without decoding them: indexed PNGs stay indexed, and a JPEG loses nothing.
///
/// It holds the file's bytes, which it shares with the array that it was made from.
public struct CodedImage: Sendable, Equatable {
    public let format: ImageFormat
    let file: [UInt8]
    /// What precedes the metadata in a file: SOI, and a JPEG's Adobe segment; a PNG's signature and header.
    private let start: [Range<Int>]
    /// What follows: tables, palettes and pixels, to the end of the image.
    private let rest: [Range<Int>]
    /// Of a JPEG with a JFIF segment: where its version is, two bytes.
    private let versionOfJFIF: Int?

    /// Size of the file in bytes.
    public var byteCount: Int { file.count }

    /// Nil for a file whose parts are not where they belong; decoders are more patient.
    ///
    /// - Parameters:
    ///   - file: of an image that can be decoded.
    ///   - pictureSize: where the image of a JPEG ends, if known. If this is the end of the file, the end marker may be
    ///     missing; it is then added.
    init?(_ file: [UInt8], _ format: ImageFormat, pictureSize: Int? = nil) {
        var (file, parts) = (file, Parts?.none)
        switch format {
        case .png: parts = Parts(png: file)
        case .jpeg:
            parts = Parts(jpeg: file)
            if parts == nil, pictureSize == file.count {
                file += [0xFF, 0xD9]
                parts = Parts(jpeg: file)
            }
        }
        guard let parts else { return nil }
        (self.file, self.format) = (file, format)
        (start, rest, versionOfJFIF) = (parts.start, parts.rest, parts.versionOfJFIF)
    }

    /// A file with these pixels and other metadata. What the format does not support is omitted, as by `encodeImage`.
    public func bytes(with metadata: ImageMetadata) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(file.count)
        switch format {
        case .png:
            for part in start { result += file[part] }
            let chunks = PNGChunkList(metadata).bytes
            let place = result.appendChunks(chunks[...])
            for part in rest { result += file[part] }
            _ = result.appendChunks(chunks[place...])
            result.appendChunk("IEND", [])
        case .jpeg:
            result += [0xFF, 0xD8]
            if let versionOfJFIF { appendJFIF(version: versionOfJFIF, JPEGDensity(metadata.resolution), to: &result) }
            for part in start { result += file[part] }
            result += JPEGSegmentList(metadata).bytes
            for part in rest { result += file[part] }
        }
        return result
    }

    /// ITU-T T.871, 10.1, without a thumbnail.
    private func appendJFIF(version: Int, _ density: JPEGDensity, to bytes: inout [UInt8]) {
        bytes += [0xFF, 0xE0, 0, 16]
        bytes += JPEGHeader.jfif
        bytes += file[version..<(version + 2)]
        bytes.append(density.unit)
        // Square pixels where nothing is known.
        bytes.appendBigEndian16(max(1, Int(density.x)))
        bytes.appendBigEndian16(max(1, Int(density.y)))
        bytes += [0, 0]
    }
}

/// Where the parts of a file are that a decoder needs.
private struct Parts {
    var start: [Range<Int>] = []
    var rest: [Range<Int>] = []
    var versionOfJFIF: Int?

    /// The chunks that affect the samples; PNG 3rd edition, 5.6.
    init?(png file: [UInt8]) {
        var place = 8
        for chunk in PNGChunks(file) {
            let range = place..<(place + 12 + chunk.payload.count)
            place = range.upperBound
            switch chunk.name {
            case "IHDR": start = [0..<8, range]
            case "PLTE", "tRNS", "IDAT": rest.append(range)
            case "IEND":
                if start.isEmpty || rest.isEmpty { return nil }
                return
            default: continue
            }
        }
        return nil
    }

    /// All marker segments but those of applications and comments; of the former, Adobe's tells how colors are coded, and
    /// so does the presence of JFIF's. ITU-T T.81, B.1.1.
    init?(jpeg file: [UInt8]) {
        var place = 2
        while place + 1 < file.count, file[place] == 0xFF {
            let (begin, marker) = (place, file[place + 1])
            // A marker may be preceded by any number of fill bytes.
            guard marker != 0xFF else {
                place += 1
                continue
            }
            if marker == 0xD9 {
                rest.append(begin..<(begin + 2))
                return
            }
            guard let length = file[(begin + 2)...].bigEndian16(), length >= 2, length <= file.count - begin - 2 else {
                return nil
            }
            place = begin + 2 + length
            let payload = file[(begin + 4)..<place]
            switch marker {
            case 0xE0:
                let header = JPEGHeader.jfif
                if payload.starts(with: header), payload.count >= header.count + 2 {
                    versionOfJFIF = payload.startIndex + header.count
                }
            case 0xEE: if payload.starts(with: Array("Adobe".utf8)) { start.append(begin..<place) }
            case 0xE1...0xEF, 0xFE: break
            case 0xDA:
                place = Self.endOfScan(file, from: place)
                rest.append(begin..<place)
            default: rest.append(begin..<place)
            }
        }
        return nil
    }

    /// The next marker that does not belong to the scan, or the end.
    private static func endOfScan(_ file: [UInt8], from start: Int) -> Int {
        file.withUnsafeBufferPointer { file in
            var place = start
            while place + 1 < file.count {
                let next = file[place + 1]
                if file[place] == 0xFF, next != 0, next != 0xFF, !(0xD0...0xD7).contains(next) { return place }
                place += 1
            }
            return file.count
        }
    }
}

extension [UInt8] {
    /// Appends chunks of a `PNGChunkList` up to its mark for the pixels.
    ///
    /// - Returns: where the rest of the list begins.
    fileprivate mutating func appendChunks(_ list: ArraySlice<UInt8>) -> Int {
        var place = list.startIndex
        while let length = list[place...].bigEndian32(), length <= list.endIndex - place - 8 {
            let name = String(decoding: list[(place + 4)..<(place + 8)], as: UTF8.self)
            let payload = list[(place + 8)..<(place + 8 + length)]
            place = payload.endIndex
            if name == "IDAT", payload.isEmpty { return place }
            appendChunk(name, payload)
        }
        return place
    }

    fileprivate mutating func appendChunk(_ name: String, _ payload: ArraySlice<UInt8>) {
        appendBigEndian32(payload.count)
        let first = count
        self += name.utf8
        self += payload
        let checksum = self[first...].withUnsafeBufferPointer { crc32_z(0, $0.baseAddress, $0.count) }
        appendBigEndian32(Int(checksum))
    }
}
