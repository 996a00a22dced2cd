import RestoreImage
import RestoreNN

/// Two digits over a photograph, with the class of every pixel: an example for the segmentation kind.
///
/// Each digit has a color of its own, whose luma differs from the photograph's mean by at least `leastContrast`, and its
/// values are its opacity. The second lies over the first, of which it covers little. A pixel is a digit's where the digit
/// is at least half opaque. The composition and its constants are ours.
public struct DigitScene: Sendable {
    /// Side × side × channels values in 0…1.
    public let picture: [Float]
    /// Side × side classes: 0 for the background, 1 + d for the digit d.
    public let classes: [Int]

    /// The background and ten digits.
    public static let classCount = 11

    /// Of lumas in 0…1.
    static let leastContrast: Float = 0.3
    /// Of the first digit's pixels, the greatest share that the second may cover where there is another place for it.
    private static let mostCovered = 0.1
    private static let attempts = 30
    /// The border of a digit that may lie outside, as a fraction of its side: in MNIST nothing is drawn there.
    private static let border = 7

    /// - Parameters:
    ///   - digits: gray pictures with labels 0…9, no larger than the scene.
    ///   - photograph: side × side × 3 values in 0…1.
    public init(
        _ digits: (PictureSet.Picture, PictureSet.Picture), over photograph: [Float], side: Int, channels: Int,
        using generator: inout SeededGenerator
    ) {
        precondition(photograph.count == 3 * side * side, "\(photograph.count) values of a side of \(side)")
        let background = Self.meanLuma(photograph)
        let first = Self.placed(digits.0, side, using: &generator)
        var second = Self.placed(digits.1, side, using: &generator)
        for _ in 0..<Self.attempts {
            let ink = first.indices.filter { first[$0] >= 0.5 }
            let covered = ink.count { second[$0] >= 0.5 }
            if Double(covered) <= Self.mostCovered * Double(ink.count) { break }
            second = Self.placed(digits.1, side, using: &generator)
        }
        var (colors, classes) = (photograph, [Int](repeating: 0, count: side * side))
        for (digit, opacity) in [(digits.0, first), (digits.1, second)] {
            let color = Self.color(background: background, using: &generator)
            for (pixel, alpha) in opacity.enumerated() where alpha > 0 {
                for channel in 0..<3 {
                    colors[3 * pixel + channel] += alpha * (color[channel] - colors[3 * pixel + channel])
                }
                if alpha >= 0.5 { classes[pixel] = 1 + (digit.label ?? 0) }
            }
        }
        self.classes = classes
        picture =
            channels == 3
            ? colors
            : (0..<(side * side)).map { Luma.of(colors[3 * $0], colors[3 * $0 + 1], colors[3 * $0 + 2]) }
    }

    /// The opacity of a digit at a random place, side × side values.
    private static func placed(
        _ digit: PictureSet.Picture, _ side: Int, using generator: inout SeededGenerator
    ) -> [Float] {
        let image = digit.image
        func start(_ length: Int) -> Int {
            let margin = length / border
            return generator.index(below: side - length + 2 * margin + 1) - margin
        }
        let (left, top) = (start(image.width), start(image.height))
        let ink = image.samples(ofGray: image.bounds)
        var opacity = [Float](repeating: 0, count: side * side)
        for y in max(0, -top)..<min(image.height, side - top) {
            for x in max(0, -left)..<min(image.width, side - left) {
                opacity[(top + y) * side + left + x] = ink[y * image.width + x]
            }
        }
        return opacity
    }

    private static func meanLuma(_ colors: [Float]) -> Float {
        let sum = stride(from: 0, to: colors.count, by: 3).reduce(0.0) {
            $0 + Double(Luma.of(colors[$1], colors[$1 + 1], colors[$1 + 2]))
        }
        return Float(sum / Double(max(1, colors.count / 3)))
    }

    private static func color(background: Float, using generator: inout SeededGenerator) -> SIMD3<Float> {
        for _ in 0..<attempts {
            let color = SIMD3(
                Float(generator.uniform()), Float(generator.uniform()), Float(generator.uniform()))
            if abs(Luma.of(color.x, color.y, color.z) - background) >= leastContrast { return color }
        }
        return SIMD3(repeating: background < 0.5 ? 1 : 0)
    }
}

extension Image {
    /// Luma of a region, in 0…1.
    fileprivate func samples(ofGray region: ImageRegion) -> [Float] {
        [Float](unsafeUninitializedCapacity: region.width * region.height) { values, count in
            guard let values = values.baseAddress else { return }
            copySamples(of: region, channels: 1, to: values)
            count = region.width * region.height
        }
    }
}

/// Scenes of digits and photographs.
public struct DigitScenes: Sendable {
    public let digits: PictureSet
    public let photographs: PictureSet
    public let side: Int
    public let channels: Int
    private let patches: PatchSampler

    /// - Throws: `ConfigurationError` unless all digits fit in a scene and have labels 0…9.
    public init(
        digits: PictureSet, photographs: PictureSet, side: Int, channels: Int
    ) throws(ConfigurationError) {
        for digit in digits.pictures {
            guard let label = digit.label, (0...9).contains(label) else {
                throw ConfigurationError(
                    reason: "\(digit.path): a segmentation needs digits with classes from 0 to 9, such as MNIST's")
            }
            guard digit.image.width <= side, digit.image.height <= side else {
                throw ConfigurationError(
                    reason: "\(digit.path): \(digit.image.width)×\(digit.image.height) does not fit in \(side)×\(side)")
            }
        }
        (self.digits, self.photographs, self.side, self.channels) = (digits, photographs, side, channels)
        patches = PatchSampler(pictures: photographs, side: side, seed: 0)
    }

    /// Scenes in which each digit appears once.
    public var count: Int { digits.pictures.count / 2 }

    /// A random scene, and the path of its first digit.
    func draw(using generator: inout SeededGenerator) -> (scene: DigitScene, path: String) {
        let (first, second) = (digits.drawIndex(using: &generator), digits.drawIndex(using: &generator))
        return (scene(first, second, using: &generator), digits.pictures[first].path)
    }

    /// One of `count` scenes that are always the same, with the digits 2·`index` and 2·`index` + 1.
    public func scene(_ index: Int, seed: UInt64) -> DigitScene {
        var generator = SeededGenerator(seed: seed, path: stableHash("scene"), UInt64(index))
        return scene(2 * index, 2 * index + 1, using: &generator)
    }

    private func scene(_ first: Int, _ second: Int, using generator: inout SeededGenerator) -> DigitScene {
        var photograph = [Float](repeating: 0, count: 3 * side * side)
        photograph.withUnsafeMutableBufferPointer { colors in
            guard let colors = colors.baseAddress else { return }
            patches.draw(&generator, into: colors)
        }
        return DigitScene(
            (digits.pictures[first], digits.pictures[second]), over: photograph, side: side, channels: channels,
            using: &generator)
    }
}
