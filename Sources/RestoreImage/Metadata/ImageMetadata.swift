/// The contents of an image file other than the pixels, in a form that both PNG and JPEG can store.
///
/// The blocks are the file's original bytes; only what processing invalidates is edited (`ImageMetadata.upright`).
public struct ImageMetadata: Sendable, Equatable {
    /// Complete ICC profile: PNG `iCCP` inflated, JPEG APP2 `ICC_PROFILE` joined.
    public var colorProfile: [UInt8]?
    /// Color space that a PNG describes without a profile.
    public var pngColor: PNGColor?
    /// EXIF: a TIFF structure starting with its byte order mark. PNG `eXIf`, JPEG APP1 after `Exif\0\0`.
    public var exif: [UInt8]?
    /// XMP packet, UTF-8: PNG `iTXt` `XML:com.adobe.xmp`, JPEG APP1.
    public var xmp: [UInt8]?
    /// Parts of an XMP packet that did not fit in one JPEG segment: payloads of APP1 after
    /// `http://ns.adobe.com/xmp/extension/\0`, in file order.
    public var extendedXMP: [[UInt8]]
    /// Photoshop's image resource blocks, joined, which contain IPTC: JPEG APP13 after `Photoshop 3.0\0`.
    public var photoshop: [UInt8]?
    /// Pixel density: PNG `pHYs`, JPEG JFIF.
    public var resolution: Resolution?
    /// Text: PNG `tEXt`, `zTXt`, `iTXt`; JPEG comments with the keyword `Comment`.
    public var texts: [Text]
    /// Segments of a JPEG that are specific to camera vendors and programs, in file order.
    public var jpegSegments: [JPEGSegment]
    /// Unknown chunks of a PNG that are marked as safe to copy, in file order.
    public var pngChunks: [PNGChunk]
    /// Contents of the file that no output preserves, one line each: signatures of the original file, and chunks that
    /// are marked as applying only to the original pixels.
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

    /// Pixel density, or the shape of a pixel if there is no unit.
    public struct Resolution: Sendable, Equatable {
        public enum Unit: Sendable { case none, inch, metre }

        /// Pixels per unit; without a unit only their ratio matters. At least 1.
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
        /// Latin-1, 1…79 bytes, as required by PNG.
        public var keyword: [UInt8]
        /// Whether `value` is UTF-8 (`iTXt`) or Latin-1; unknown for JPEG comments.
        public var isUTF8: Bool
        public var value: [UInt8]
        /// `iTXt`: the language of the text, as in RFC 5646; empty if unspecified.
        public var language: [UInt8]
        /// `iTXt`: the keyword in that language, UTF-8; empty if unspecified.
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

    /// The chunks with which a PNG describes its colors without an ICC profile (PNG 3rd edition, 11.3.2).
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
        /// `cLLI`: the 8 bytes of the chunk (the maximum and average light level; CTA-861.3).
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
