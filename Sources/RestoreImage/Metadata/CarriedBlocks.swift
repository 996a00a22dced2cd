// Blocks of vendors and programs that are copied unread to a file of the same format.

extension ImageMetadata {
    /// An application segment of a JPEG file (ITU-T T.81, B.2.4.6) that contains none of the known kinds of metadata.
    public struct JPEGSegment: Sendable, Equatable {
        /// The marker's second byte: 0xE1…0xEF are APP1…APP15.
        public let marker: UInt8
        /// At most 65,533 bytes.
        public let payload: [UInt8]

        /// - Precondition: `marker` is 0xE1…0xEF and `payload` fits in a segment.
        public init(marker: UInt8, payload: [UInt8]) {
            precondition((0xE1...0xEF).contains(marker), "an application segment is 0xE1…0xEF, found \(marker)")
            precondition(payload.count <= JPEGSegmentList.payloadSize, "\(payload.count) bytes do not fit in a segment")
            (self.marker, self.payload) = (marker, payload)
        }

        /// "APP1" to "APP15".
        var name: String { "APP\(marker - 0xE0)" }
    }

    /// A chunk of a PNG file that is ancillary and safe to copy (PNG 3rd edition, 5.4 and 14.2): it remains valid when
    /// the pixels change.
    public struct PNGChunk: Sendable, Equatable {
        /// Four ASCII letters, the first and the last of them lower case.
        public let name: String
        public let payload: [UInt8]
        /// Whether it follows the pixels; such chunks must not be moved across them.
        public let followsPixels: Bool

        /// - Precondition: `name` is the name of a chunk that is ancillary and safe to copy.
        public init(name: String, payload: [UInt8], followsPixels: Bool = false) {
            let kind = PNGChunkKind(name)
            precondition(kind == .safeToCopy, "a safe-to-copy chunk has a name such as abCd, found \(name)")
            (self.name, self.payload, self.followsPixels) = (name, payload, followsPixels)
        }
    }

    /// C2PA signs the bytes of a file: in another file the signature would only indicate tampering.
    static let lostCredentials =
        "content credentials (C2PA) are not kept: the picture is no longer the one that was signed"
}

/// The kind of a chunk according to its name (PNG 3rd edition, 5.4).
enum PNGChunkKind: Equatable {
    case critical, safeToCopy, unsafeToCopy
    /// Ancillary, and no loss that needs to be reported: hints for displaying the original pixels, the layout of the
    /// file, the frames of an animation.
    case ofTheOldFile
    /// Not a valid chunk name.
    case impossible

    /// `iDOT` is Apple's: where to split the file for two threads.
    private static let ofTheOldFileNames: Set<String> = [
        "tRNS", "bKGD", "hIST", "sBIT", "sPLT", "tIME", "acTL", "fcTL", "fdAT", "iDOT",
    ]

    init(_ name: String) {
        let letters = Array(name.utf8)
        guard letters.count == 4, letters.allSatisfy({ (0x41...0x5A).contains($0 & 0xDF) && $0 < 0x80 }) else {
            self = .impossible
            return
        }
        let isSmall = letters.map { $0 & 0x20 != 0 }
        if Self.ofTheOldFileNames.contains(name) {
            self = .ofTheOldFile
        } else if !isSmall[0] {
            self = .critical
        } else {
            self = isSmall[3] ? .safeToCopy : .unsafeToCopy
        }
    }
}

/// How an application segment is treated that contains none of the known kinds of metadata.
enum ApplicationSegmentKind: Equatable {
    /// Specific to a vendor or a program: thermal images (FLIR), settings (Kodak's Meta, Ducky, Ricoh's RMETA),
    /// positions (GoPro).
    case carried
    /// Describes the original file: its layout, further versions of its pixels.
    case ofTheOldFile
    /// Boxes of JPEG Systems (ISO/IEC 19566-5), one of which is C2PA's; the parts of a box share its number.
    case box(number: Int, isCredentials: Bool)

    /// The first bytes of segments that would be wrong in another file.
    private static let headers: [(marker: UInt8, header: [UInt8])] = [
        // An index of further images with their offsets (CIPA DC-007).
        (0xE2, Array("MPF\0".utf8)),
        // Gain maps (ISO 21496-1) and their predecessors: Apple's, Dolby's.
        (0xE2, Array("urn:iso:std:iso:ts:21496:-1\0".utf8)),
        (0xEA, Array("AROT\0".utf8)),
        (0xEB, Array("HDR_RI".utf8)),
        // Offsets of rows within the compressed data (Scalado).
        (0xE4, Array("SCALADO\0".utf8)),
        // Dimensions, coding and thumbnails of a SPIFF file (ITU-T T.84).
        (0xE8, Array("SPIFF\0".utf8)),
        // How the colors are coded: written anew.
        (0xEE, Array("Adobe".utf8)),
    ]

    init(marker: UInt8, payload: ArraySlice<UInt8>) {
        if marker == 0xEB, payload.starts(with: Array("JP".utf8)), let number = payload.bigEndian16(at: 2) {
            let isCredentials = payload.prefix(128).firstIndex(of: Array("c2pa".utf8)) != nil
            self = .box(number: number, isCredentials: isCredentials)
            return
        }
        // Some cameras store a smaller image here.
        let isPicture = payload.starts(with: [0xFF, 0xD8, 0xFF])
        let isOfTheOldFile = Self.headers.contains { $0.marker == marker && payload.starts(with: $0.header) }
        self = isPicture || isOfTheOldFile || !(0xE1...0xEF).contains(marker) ? .ofTheOldFile : .carried
    }
}
