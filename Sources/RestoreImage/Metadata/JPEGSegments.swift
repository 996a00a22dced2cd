/// Headers of the payloads of JPEG segments that contain metadata.
enum JPEGHeader {
    static let jfif = Array("JFIF\0".utf8)
    static let exif = Array("Exif\0\0".utf8)
    static let xmp = Array("http://ns.adobe.com/xap/1.0/\0".utf8)
    static let extendedXMP = Array("http://ns.adobe.com/xmp/extension/\0".utf8)
    static let colorProfile = Array("ICC_PROFILE\0".utf8)
    static let photoshop = Array("Photoshop 3.0\0".utf8)
}

/// The marker segments of a JPEG file before its first scan, in order (ITU-T T.81, B.1.1), up to the first truncated
/// one.
struct JPEGSegments: Sequence, IteratorProtocol {
    struct Segment {
        /// The marker's second byte.
        let marker: UInt8
        let payload: ArraySlice<UInt8>
    }

    private let bytes: [UInt8]
    private var position = 2  // after the start-of-image marker

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func next() -> Segment? {
        while let marker = nextMarker() {
            switch marker {
            case 0x01, 0xD0...0xD8: continue  // no payload
            case 0xD9, 0xDA: return nil  // end of image, start of scan
            default: break
            }
            guard let length = bytes.bigEndian16(at: position), length >= 2, length <= bytes.count - position else {
                return nil
            }
            let payload = bytes[position + 2..<position + length]
            position += length
            return Segment(marker: marker, payload: payload)
        }
        return nil
    }

    /// Advances past the next marker, skipping anything before it that is not a marker, as libjpeg does, and fill bytes
    /// (any number of 0xFF).
    private mutating func nextMarker() -> UInt8? {
        while let start = bytes[position...].firstIndex(of: 0xFF),
            let code = bytes[start...].firstIndex(where: { $0 != 0xFF })
        {
            position = code + 1
            if bytes[code] != 0 { return bytes[code] }
        }
        return nil
    }
}
