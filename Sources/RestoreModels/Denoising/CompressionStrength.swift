import RestoreImage

/// How strongly JPEG has quantized an image, in the form in which a network is told: three numbers in 0…1, the same for
/// all pixels.
///
/// Quantization tables say what no pixel shows for certain: the interval in which each coefficient was. FBCNN (Jiang,
/// Zhang & Timofte, "Towards Flexible Blind JPEG Artifacts Removal", ICCV 2021) passes its network one quality factor;
/// luminance, color and the resolution of the color are told apart here because programs choose them separately.
public struct CompressionStrength: Hashable, Sendable {
    /// The root of the mean quantization step of the luminance's low frequencies, relative to 255: 0 without
    /// compression, 0.08 at libjpeg's quality 95, 0.17 at 75, 0.24 at 50, 0.54 at 10.
    public var luminance: Float
    /// The same of the color.
    public var color: Float
    /// The share of the color's samples that were dropped: 0 for 4:4:4, ½ for 4:2:2, ¾ for 4:2:0.
    public var droppedColor: Float

    /// Not compressed, or not known to be.
    public static let none = CompressionStrength(luminance: 0, color: 0, droppedColor: 0)

    /// Number of input channels that hold it.
    static let channelCount = 3

    /// Coefficients (u, v) with u + v below this count as low frequencies: those that quantization usually leaves.
    private static let lowFrequencies = 5

    public init(luminance: Float, color: Float, droppedColor: Float) {
        self.luminance = luminance
        self.color = color
        self.droppedColor = droppedColor
    }

    /// The strength of a file's compression. Files with one component have no color, those with four or in RGB are
    /// judged by their first three components.
    public init(_ parameters: JPEGParameters) {
        func strength(_ index: Int) -> Float {
            guard index < parameters.components.count else { return 0 }
            let table = parameters.components[index].tableIndex
            guard parameters.quantizationTables.indices.contains(table) else { return 0 }
            let steps = parameters.quantizationTables[table]
            let low = steps.indices.filter { $0 / 8 + $0 % 8 < Self.lowFrequencies }
            guard !low.isEmpty else { return 0 }
            let mean = low.reduce(Float(0)) { $0 + Float(steps[$1]) } / Float(low.count)
            return min(1, mean / 255).squareRoot()
        }
        let hasColor = parameters.components.count >= 3
        luminance = strength(0)
        color = hasColor ? max(strength(1), strength(2)) : 0
        droppedColor = hasColor ? Self.droppedShare(parameters.components[0], parameters.components[1]) : 0
    }

    /// The strength of the compression of a file that has been read; `none` unless it is a JPEG.
    public init(of picture: DecodedImage) {
        self = picture.jpeg.map { CompressionStrength($0) } ?? .none
    }

    private static func droppedShare(_ first: JPEGParameters.Component, _ other: JPEGParameters.Component) -> Float {
        let own = Float(other.horizontalSampling * other.verticalSampling)
        let full = Float(max(1, first.horizontalSampling * first.verticalSampling))
        return min(max(1 - own / full, 0), 1)
    }

    /// Writes it to the channels of one pixel.
    @inlinable
    package func write(to channels: UnsafeMutablePointer<Float>) {
        (channels[0], channels[1], channels[2]) = (luminance, color, droppedColor)
    }
}
