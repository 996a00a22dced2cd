import RestoreConcurrency
import RestoreImage
import TestSupport
import Testing

@Suite struct VisibleColorsTests {
    /// A picture whose alpha and colors are given by functions of the place; colors where alpha is 0 are random.
    static func picture(
        width: Int, height: Int, bitDepth: Int = 8, hidden seed: UInt64, alpha: (Int, Int) -> Double,
        color: (Int, Int) -> [Double]
    ) -> Image {
        var generator = SeededGenerator(seed: seed)
        let maximum = bitDepth == 8 ? 255.0 : 65535.0
        var values: [Double] = []
        for y in 0..<height {
            for x in 0..<width {
                let opacity = alpha(x, y)
                values += opacity == 0 ? (0..<3).map { _ in Double.random(in: 0...1, using: &generator) } : color(x, y)
                values.append(opacity)
            }
        }
        let samples: Image.Samples =
            bitDepth == 8
            ? .uint8(values.map { UInt8(($0 * maximum).rounded()) })
            : .uint16(values.map { UInt16(($0 * maximum).rounded()) })
        return Image(width: width, height: height, channelLayout: .rgbAlpha, samples: samples)
    }

    private func colors(_ visible: VisibleColors, _ image: Image, pixelStride: Int = 3) -> [Float] {
        var floats = [Float](repeating: 7, count: image.pixelCount * pixelStride)
        visible.copyColors(of: image.bounds, to: &floats, pixelStride: pixelStride)
        return floats
    }

    @Test(arguments: Image.ChannelLayout.allCases, [8, 16])
    func whatIsVisibleNeedsNoExtension(_ layout: Image.ChannelLayout, _ bitDepth: Int) {
        var image = Image.random(width: 30, height: 200, layout, bitDepth: bitDepth, seed: 41)
        if layout.hasAlpha {
            // Faint, but colors of their own.
            for place in stride(from: layout.channelCount - 1, to: image.sampleCount, by: layout.channelCount) {
                switch image.samples {
                case .uint8(var values): values[place] = max(values[place], 32); image.samples = .uint8(values)
                case .uint16(var values): values[place] = max(values[place], 8192); image.samples = .uint16(values)
                }
            }
        }
        #expect(VisibleColors(image) == nil)
    }

    @Test(arguments: [(1, 1), (1, 9), (8, 1), (37, 23), (64, 64), (130, 7)])
    func hiddenColorsHaveNoInfluence(_ width: Int, _ height: Int) throws {
        var generator = SeededGenerator(seed: 42)
        let kinds: [Double] = [0, 0, 1, 0.05, 0.6]
        let alphas: [Double] = (0..<(width * height)).map { _ in kinds.randomElement(using: &generator) ?? 0 }
        let made = (1...2).map { seed in
            Self.picture(width: width, height: height, hidden: UInt64(seed)) { x, y in
                x == 0 && y == 0 ? 0 : alphas[y * width + x]
            } color: { x, y in
                [Double(x) / Double(width), Double(y) / Double(height), 0.3]
            }
        }
        let found = try made.map { colors(try #require(VisibleColors($0)), $0) }
        #expect(found[0] == found[1])
        #expect(found[0].allSatisfy { $0 >= 0 && $0 <= 1 })
        let own = made[0].floats()
        for pixel in 0..<(width * height) where pixel > 0 && alphas[pixel] >= 0.125 {
            for i in (3 * pixel)..<(3 * pixel + 3) { #expect(found[0][i] == own[i]) }
        }
    }

    /// One color is extended as it is, whatever the shape of what is visible, and across the whole picture.
    @Test func aConstantColorStaysConstant() throws {
        for (width, height) in [(50, 40), (257, 129), (3, 300)] {
            let image = Self.picture(width: width, height: height, hidden: 3) { x, y in
                x == width / 2 && y % 40 == 20 ? 1 : 0
            } color: { _, _ in
                [0.2, 0.4, 0.8]
            }
            let found = colors(try #require(VisibleColors(image)), image, pixelStride: 4)
            for pixel in 0..<image.pixelCount {
                for (channel, expected) in ([51.0 / 255, 102.0 / 255, 204.0 / 255] as [Float]).enumerated() {
                    #expect(abs(found[4 * pixel + channel] - expected) < 1e-5)
                }
                #expect(found[4 * pixel + 3] == 7)
            }
        }
    }

    /// Next to an edge the extension is what is visible there, not what is far away.
    @Test func theExtensionIsLocal() throws {
        let image = Self.picture(width: 256, height: 64, hidden: 4) { x, _ in
            x < 64 || x >= 192 ? 1 : 0
        } color: { x, _ in
            x < 64 ? [1, 0, 0] : [0, 0, 1]
        }
        let found = colors(try #require(VisibleColors(image)), image)
        for y in 0..<64 {
            let row = 3 * 256 * y
            #expect(found[row + 3 * 64] > 0.95 && found[row + 3 * 191 + 2] > 0.95)
            // And smooth in between.
            for x in 64..<191 { #expect(abs(found[row + 3 * x] - found[row + 3 * x + 3]) < 0.06) }
        }
    }

    @Test(arguments: [8, 16])
    func doesNotDependOnTheWorkersNorThePiece(_ bitDepth: Int) throws {
        let image = Self.picture(width: 613, height: 403, bitDepth: bitDepth, hidden: 5) { x, y in
            (x / 7 + y / 11) % 3 == 0 ? 0 : Double((x + y) % 20) / 19
        } color: { x, y in
            [Double(x) / 613, Double(y) / 403, 0.5]
        }
        let visible = try #require(VisibleColors(image))
        let whole = colors(visible, image)
        for workers in [2, 5] {
            let shared = try #require(VisibleColors(image, pool: WorkerPool(workerCount: workers)))
            #expect(colors(shared, image) == whole, "\(workers) workers")
        }
        for x in [0, 17, 612] {
            var column = [Float](repeating: 0, count: 3 * 403)
            visible.copyColors(of: ImageRegion(x: x, y: 0, width: 1, height: 403), to: &column)
            for i in 0..<(3 * 403) { #expect(column[i] == whole[3 * (i / 3 * 613 + x) + i % 3]) }
        }
    }

    @Test func aPictureOfWhichNothingIsVisibleHasAColor() throws {
        let image = Self.picture(width: 20, height: 10, hidden: 6) { _, _ in
            0
        } color: { _, _ in
            []
        }
        let found = colors(try #require(VisibleColors(image)), image)
        #expect(found.allSatisfy { $0 == 0 })
    }
}
