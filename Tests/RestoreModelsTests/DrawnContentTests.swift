import Glibc
import RestoreImage
import RestoreModels
import RestoreNN
import Testing

/// Drawn and computed pictures, in which nothing is noise: they are left as they are, and noise that is added is found.
@Suite struct DrawnContentTests {
    /// Kinds of content; values of 0…255 by column, row and channel.
    enum Content: String, CaseIterable, CustomTestStringConvertible {
        case text, lightText, smallText, zonePlate, lowZonePlate, checkerboard, grayCheckerboard, stripes, pixelArt,
            dither
        case halftone, gradient, steps, stars, lattice, lines

        var testDescription: String { rawValue }

        static let (width, height) = (300, 220)

        func value(_ x: Int, _ y: Int) -> Double {
            let (dx, dy) = (Double(x - Self.width / 2), Double(y - Self.height / 2))
            switch self {
            case .text: return 255 - 255 * Self.ink(x, y, size: 3)
            case .lightText: return 40 + 190 * Self.ink(x, y, size: 3)
            case .smallText: return 255 - 255 * Self.ink(x, y, size: 2)
            case .zonePlate: return 127.5 + 127.5 * cos(Double.pi * (dx * dx + dy * dy) / 256)
            case .lowZonePlate: return 127.5 + 100 * cos(Double.pi * (dx * dx + dy * dy) / 400)
            case .checkerboard: return (x + y) % 2 == 0 ? 0 : 255
            case .grayCheckerboard: return (x / 2 + y / 2) % 2 == 0 ? 80 : 170
            case .stripes: return x % 2 == 0 ? 20 : 220
            case .pixelArt: return Self.palette[Self.hash(x / 2, y / 3) % Self.palette.count]
            case .dither:
                let tone = 0.5 + 0.35 * sin(Double(x) / 50) * cos(Double(y) / 40)
                return Double(Self.hash(x, y) % 1000) < 1000 * tone ? 255 : 0
            case .halftone: return 127.5 + 127.5 * sin(0.9 * Double(x) + 0.3 * Double(y)) * sin(0.9 * Double(y))
            case .gradient: return 20 + 0.7 * Double(x)
            case .steps: return Double(x / 20 * 16)
            case .stars: return Self.hash(x, y) % 300 == 0 ? Double(80 + Self.hash(y, x) % 176) : 0
            case .lattice: return 128 + 60 * sin(2.1 * Double(x) + 0.4 * Double(y)) + 50 * sin(1.9 * Double(y))
            case .lines:
                let distance = (dx * dx + dy * dy).squareRoot() / 40
                return 255 - 255 * max(0, 1 - 16 * abs(distance - distance.rounded()))
            }
        }

        private static let palette = [20.0, 60, 120, 180, 200, 240]

        /// Glyphs of 5×7 random dots with gaps and smooth edges, `size` pixels a dot.
        private static func ink(_ x: Int, _ y: Int, size: Int) -> Double {
            var sum = 0.0
            for (sx, sy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                let (dotX, dotY) = ((2 * x + sx) / size, (2 * y + sy) / size)
                let isGap = dotX % 7 >= 5 || dotY % 10 >= 7
                let glyph = hash(dotX / 7, dotY / 10) % 12
                if !isGap, glyph > 1, hash(64 * glyph + dotX % 7, dotY % 10) % 5 < 2 { sum += 0.25 }
            }
            return sum
        }

        private static func hash(_ a: Int, _ b: Int) -> Int {
            var value = UInt64(bitPattern: Int64(a &* 73_856_093 ^ b &* 19_349_663)) &* 0x9E37_79B9_7F4A_7C15
            value ^= value >> 29
            value = value &* 0xBF58_476D_1CE4_E5B9
            return Int((value ^ value >> 32) & 0x7FFF_FFFF)
        }
    }

    private func image(
        _ layout: Image.ChannelLayout = .gray, sigma: Double = 0, _ value: (Int, Int, Int) -> Double
    ) -> Image {
        var generator = SeededGenerator(seed: 3)
        var samples: [UInt8] = []
        for y in 0..<Content.height {
            for x in 0..<Content.width {
                for channel in 0..<layout.channelCount {
                    let noise = sigma > 0 ? sigma * generator.normal() : 0
                    samples.append(UInt8(min(255, max(0, value(x, y, channel) + noise)).rounded()))
                }
            }
        }
        return Image(
            width: Content.width, height: Content.height, channelLayout: layout, samples: .uint8(samples))
    }

    @Test(arguments: Content.allCases, [Image.ChannelLayout.gray, .rgb])
    func drawnContentIsNotTakenForNoise(content: Content, layout: Image.ChannelLayout) {
        let drawn = image(layout) { x, y, _ in content.value(x, y) }
        #expect(PictureAnalysis(drawn).noise == .none)
    }

    /// The same with three different channels.
    @Test(arguments: Content.allCases) func coloredContentIsNotTakenForNoise(content: Content) {
        let drawn = image(.rgb) { x, y, channel in content.value(x + 5 * channel, y + 3 * channel) }
        #expect(PictureAnalysis(drawn).noise == .none)
    }

    /// Directions of a rough surface: noise, in a way, but of unit vectors.
    @Test func aNormalMapIsNotTakenForNoise() {
        var generator = SeededGenerator(seed: 11)
        let slopes = (0..<(2 * Content.width * Content.height)).map { _ in 0.25 * generator.normal() }
        let map = image(.rgb) { x, y, channel in
            let place = 2 * (y / 2 * Content.width + x / 2)
            let (a, b) = (slopes[place], slopes[place + 1])
            let length = (a * a + b * b + 1).squareRoot()
            return 127.5 + 127.5 * [a, b, 1][channel] / length
        }
        #expect(PictureAnalysis(map) == PictureAnalysis(noise: .none, isDrawn: true))
    }

    /// Where paper shows the noise, be it white, black or gray, its level is that of the paper. White and black paper clips
    /// half of it.
    @Test(arguments: [Content.text, .lightText, .steps, .gradient, .stars, .lines], [1, 3])
    func noiseOnPaperIsMeasured(content: Content, channels: Int) {
        let noisy = image(channels == 1 ? .gray : .rgb, sigma: 15) { x, y, _ in content.value(x, y) }
        let analysis = PictureAnalysis(noisy)
        #expect(analysis.kind == .gaussian)
        #expect(abs(analysis.levels.mean - 15) < 1, "\(analysis.levels.mean)")
    }
}
