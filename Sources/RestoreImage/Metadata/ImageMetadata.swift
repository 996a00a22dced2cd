/// What a picture's file says beside its pixels, in a form that both PNG and JPEG can store.
///
/// The blocks are the file's own bytes; only what processing makes untrue is edited (`ImageMetadata.upright`).
public struct ImageMetadata: Sendable, Equatable {
    /// ICC profile, whole: PNG `iCCP` inflated, JPEG APP2 `ICC_PROFILE` joined.
    public var colorProfile: [UInt8]?
    /// Color space that a PNG describes without a profile.
    public var pngColor: PNGColor?
    /// EXIF: a TIFF structure from its byte order mark on. PNG `eXIf`, JPEG APP1 after `Exif\0\0`.
    public var exif: [UInt8]?
    /// XMP packet, UTF-8: PNG `iTXt` `XML:com.adobe.xmp`, JPEG APP1.
    public var xmp: [UInt8]?
    /// Parts of an XMP packet that did not fit in one JPEG segment: payloads of APP1 after
    /// `http://ns.adobe.com/xmp/extension/\0`, in the file's order.
    public var extendedXMP: [[UInt8]]
    /// Photoshop's image resource blocks, joined, which hold IPTC: JPEG APP13 after `Photoshop 3.0\0`.
    public var photoshop: [UInt8]?
    /// Pixels along a length: PNG `pHYs`, JPEG JFIF.
    public var resolution: Resolution?
    /// Texts: PNG `tEXt`, `zTXt`, `iTXt`; JPEG comments with the keyword `Comment`.
    public var texts: [Text]
    /// Segments of a JPEG that makers of cameras and programs have for themselves, in the file's order.
    public var jpegSegments: [JPEGSegment]
    /// Chunks of a PNG that are unknown here and marked as safe to copy, in the file's order.
    public var pngChunks: [PNGChunk]
    /// What the file held and no output keeps, a line each: signatures of what the file was, chunks that are marked as true of
    /// the old pixels only.
    public var omissions: [String]

    public init(
        colorProfile: [UInt8]? = nil, pngColor: PNGColor? = nil, exif: [UInt8]? = nil, xmp: [UInt8]? = nil,
        extendedXMP: [[UInt8]] = [], photoshop: [UInt8]? = nil, resolution: Resolution? = nil, texts: [Text] = [],
        jpegSegments: [JPEGSegment] = [], pngChunks: [PNGChunk] = [], omissions: [String] = []
    ) {
        self.colorProfile = colorProfile
        self.pngColor = pngColor
        self.exif = exif
        self.xmp = xmp
        self.extendedXMP = extendedXMP
        self.photoshop = photoshop
        self.resolution = resolution
        self.texts = texts
        self.jpegSegments = jpegSegments
        self.pngChunks = pngChunks
        self.omissions = omissions
    }

    /// Pixels along a length, or the shape of a pixel where there is no unit.
    public struct Resolution: Sendable, Equatable {
        public enum Unit: Sendable { case none, inch, metre }

        /// Pixels a unit; without a unit their ratio counts. At least 1.
        public var x: UInt32
        public var y: UInt32
        public var unit: Unit

        public init(x: UInt32, y: UInt32, unit: Unit) {
            self.x = x
            self.y = y
            self.unit = unit
        }
    }

    /// A text with its keyword.
    public struct Text: Sendable, Equatable {
        /// Latin-1, 1…79 bytes, as PNG asks.
        public var keyword: [UInt8]
        /// Whether `value` is UTF-8 (`iTXt`) or Latin-1; of a JPEG comment nobody knows.
        public var isUTF8: Bool
        public var value: [UInt8]
        /// `iTXt`: the language of the text, as in RFC 5646; empty where it is not said.
        public var language: [UInt8]
        /// `iTXt`: the keyword in that language, UTF-8; empty where it is not said.
        public var translatedKeyword: [UInt8]

        /// The keyword of a JPEG comment.
        public static let comment = Array("Comment".utf8)

        public init(
            keyword: [UInt8], isUTF8: Bool, value: [UInt8], language: [UInt8] = [], translatedKeyword: [UInt8] = []
        ) {
            self.keyword = keyword
            self.isUTF8 = isUTF8
            self.value = value
            self.language = language
            self.translatedKeyword = translatedKeyword
        }
    }

    /// The chunks by which a PNG describes its colors without an ICC profile (PNG 3rd edition, 11.3.2).
    public struct PNGColor: Sendable, Equatable {
        /// `sRGB`: the rendering intent, 0…3.
        public var renderingIntent: UInt8?
        /// `gAMA`: the exponent of the file's samples, times 100,000; 45455 is 1/2.2.
        public var gamma: UInt32?
        /// `cHRM`: x and y, times 100,000, of white, red, green, blue.
        public var chromaticities: [UInt32]?
        /// `cICP`: the four bytes of the chunk (primaries, transfer, matrix, full range; ITU-T H.273).
        public var codingIndependentCodePoints: [UInt8]?
        /// `mDCV`: the 24 bytes of the chunk (the mastering display's primaries, white and luminance; SMPTE ST 2086).
        public var masteringDisplay: [UInt8]?
        /// `cLLI`: the 8 bytes of the chunk (the largest and the mean light level; CTA-861.3).
        public var lightLevels: [UInt8]?

        public init(
            renderingIntent: UInt8? = nil, gamma: UInt32? = nil, chromaticities: [UInt32]? = nil,
            codingIndependentCodePoints: [UInt8]? = nil, masteringDisplay: [UInt8]? = nil,
            lightLevels: [UInt8]? = nil
        ) {
            self.renderingIntent = renderingIntent
            self.gamma = gamma
            self.chromaticities = chromaticities
            self.codingIndependentCodePoints = codingIndependentCodePoints
            self.masteringDisplay = masteringDisplay
            self.lightLevels = lightLevels
        }
    }
}
