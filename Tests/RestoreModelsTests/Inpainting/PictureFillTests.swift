import ModelTestSupport
import RestoreConcurrency
import RestoreImage
import RestoreModels
import TestSupport
import Testing

@Suite struct PictureFillTests {
    private let pool = WorkerPool(workerCount: 2)

    private func mask(_ image: Image, _ isMissing: (Int, Int) -> Bool) -> FillMask {
        FillMask(
            width: image.width, height: image.height,
            isMissing: (0..<image.pixelCount).map { isMissing($0 % image.width, $0 / image.width) })
    }

    private func image(_ width: Int, _ height: Int, _ value: (Int, Int, Int) -> Double) -> Image {
        let samples = (0..<(3 * width * height)).map { index in
            UInt16(65535 * value(index / 3 % width, index / 3 / width, index % 3))
        }
        return Image(width: width, height: height, channelLayout: .rgb, samples: .uint16(samples))
    }

    private func network() -> PictureFill.Method { .network(TinyInpainter().inpainter()) }

    private func worst(_ a: Image, _ b: Image) -> Double {
        zip(a.values, b.values).reduce(0) { max($0, abs(Double($1.0 - $1.1))) } / Double(a.maximumSample)
    }

    /// A plane is harmonic, whatever the shape of the hole.
    @Test func bothClassicalFillsContinueAPlane() throws {
        let plane = image(90, 70) { x, y, channel in
            0.1 + 0.004 * Double(x) + 0.003 * Double(y) + 0.05 * Double(channel)
        }
        let holes = mask(plane) { x, y in
            (20...45).contains(x) && (15...50).contains(y) || y == 60 || (x - 70) * (x - 70) + (y - 30) * (y - 30) < 90
        }
        for method in [PictureFill.Method.harmonic, .biharmonic] {
            let filled = try PictureFill(method, pool: pool).fill(plane, holes)
            #expect(worst(filled, plane) < 0.006, "\(method)")
        }
    }

    /// A paraboloid is biharmonic but not harmonic: only the biharmonic fill finds its vertex.
    @Test func theBiharmonicFillContinuesSlopes() throws {
        let bowl = image(60, 60) { x, y, _ in
            0.1 + (Double((x - 30) * (x - 30)) + Double((y - 30) * (y - 30))) / 2500
        }
        let hole = mask(bowl) { x, y in (22...38).contains(x) && (22...38).contains(y) }
        #expect(try worst(PictureFill(.biharmonic, pool: pool).fill(bowl, hole), bowl) < 0.004)
        #expect(try worst(PictureFill(.harmonic, pool: pool).fill(bowl, hole), bowl) > 0.02)
    }

    /// A hole far deeper than the ring that is filled at full resolution, with the picture's border on one side.
    @Test func deepHolesAreFilledOverCoarserLevels() throws {
        let plane = image(500, 330) { x, y, _ in 0.1 + 0.001 * Double(x) + 0.001 * Double(y) }
        let hole = mask(plane) { x, y in (100..<400).contains(x) && (40..<330).contains(y) }
        for method in [PictureFill.Method.harmonic, .biharmonic] {
            let filled = try PictureFill(method, pool: pool).fill(plane, hole)
            // Below the hole there is nothing to lead the colors; they level out there.
            let error = try meanAbsoluteError(filled, plane, rows: 40..<150)
            #expect(error < 0.02, "\(method): \(error)")
        }
    }

    private func meanAbsoluteError(_ a: Image, _ b: Image, rows: Range<Int>) throws -> Double {
        let range = (3 * a.width * rows.lowerBound)..<(3 * a.width * rows.upperBound)
        let (x, y) = (a.values, b.values)
        return range.reduce(0) { $0 + abs(Double(x[$1] - y[$1])) } / Double(range.count) / Double(a.maximumSample)
    }

    /// Of every layout and depth, and whatever fills.
    @Test(arguments: [Image.ChannelLayout.gray, .grayAlpha, .rgb, .rgbAlpha], [8, 16])
    func whatIsKnownStaysBitForBit(layout: Image.ChannelLayout, depth: Int) throws {
        let scene = Image.scene(width: 200, height: 170, layout)
        let image = depth == 8 ? scene : scene.widened()
        let holes = mask(image) { x, y in x % 40 < 2 || (60..<150).contains(x) && (50..<130).contains(y) }
        for method in [network(), .harmonic, .biharmonic] {
            let filled = try PictureFill(method, pool: pool).fill(image, holes)
            #expect(filled.channelLayout == layout && filled.bitDepth == depth)
            let (before, after, channels) = (image.values, filled.values, layout.channelCount)
            var changed = 0
            for pixel in 0..<image.pixelCount {
                let range = (channels * pixel)..<(channels * (pixel + 1))
                if Array(before[range]) != Array(after[range]) {
                    changed += 1
                    #expect(holes.isMissing[pixel])
                }
                if layout.hasAlpha { #expect(after[range.upperBound - 1] == before[range.upperBound - 1]) }
            }
            #expect(changed > holes.count / 2)
        }
    }

    @Test func anEmptyMaskChangesNothing() throws {
        let image = Image.scene(width: 40, height: 30)
        #expect(try PictureFill(network(), pool: pool).fill(image, mask(image) { _, _ in false }) == image)
    }

    @Test func samplesDifferAndSeedsRepeat() throws {
        let image = Image.scene(width: 400, height: 200)
        let hole = mask(image) { x, y in (100..<260).contains(x) && (60..<120).contains(y) }
        let fill = PictureFill(network(), pool: pool)
        let first = try fill.fill(image, hole, options: .init(seed: 3))
        #expect(try fill.fill(image, hole, options: .init(seed: 3)) == first)
        #expect(try fill.fill(image, hole, options: .init(seed: 4)) != first)
        let plain = try fill.fill(image, hole)
        #expect(plain != first)
        #expect(try fill.fill(image, hole, options: .init(seed: 3, temperature: 0)) == plain)
        func distance(_ other: Image) -> Int { zip(plain.values, other.values).reduce(0) { $0 + abs($1.0 - $1.1) } }
        let half = try fill.fill(image, hole, options: .init(seed: 3, temperature: 0.5))
        #expect((1..<distance(first)).contains(distance(half)))
    }

    /// Cells of a large picture get the same codes as the picture in one piece, so that nothing is seen at their borders.
    @Test func codesOfNeighboringCellsAgree() throws {
        let inpainter = TinyInpainter().inpainter()
        func crop(_ x: Int) -> Inpainter.Crop {
            Inpainter.Crop(
                width: 64, height: 64, colors: .init(repeating: 0.5, count: 3 * 64 * 64),
                mask: .init(repeating: 1, count: 64 * 64), place: .init(level: 0, x: x, y: 0))
        }
        let (left, right) = (try inpainter.fill(crop(0), seed: 1), try inpainter.fill(crop(16), seed: 1))
        // Around the middle of both crops, far from their borders: the networks see no farther than that.
        for y in 28..<36 {
            for x in 28..<36 {
                for channel in 0..<3 {
                    let (a, b) = (left[3 * (64 * y + x + 4) + channel], right[3 * (64 * y + x - 12) + channel])
                    #expect(abs(a - b) < 0.02, "(\(x), \(y))")
                }
            }
        }
    }

    @Test func theNumberOfThreadsChangesNothing() throws {
        let image = Image.scene(width: 300, height: 200)
        let holes = mask(image) { x, y in x % 50 < 3 || (100..<200).contains(x) && (60..<150).contains(y) }
        let results = try [1, 3].map { workers in
            try PictureFill(
                .network(TinyInpainter().inpainter(workers: workers)), pool: WorkerPool(workerCount: workers)
            )
            .fill(image, holes)
        }
        #expect(results[0] == results[1])
    }

    /// At the edge of the mask the old colors count, a few pixels inside only the new ones.
    @Test func featheringMixesInward() throws {
        let image = image(40, 40) { x, _, _ in x < 20 ? 0.2 : 0.8 }
        let hole = mask(image) { x, y in (10..<30).contains(x) && (10..<30).contains(y) }
        let plain = try PictureFill(.harmonic, pool: pool).fill(image, hole)
        let mixed = try PictureFill(.harmonic, pool: pool).fill(image, hole, options: .init(feather: 3))
        for (depth, share) in [(0, 0.25), (1, 0.5), (2, 0.75), (3, 1), (6, 1)] {
            let index = 3 * (40 * 20 + 10 + depth)
            let (old, new) = (Double(image.values[index]), Double(plain.values[index]))
            #expect(abs(Double(mixed.values[index]) - (old + share * (new - old))) < 3, "\(depth)")
        }
    }

    /// A picture is filled whatever its size, and a hole may reach all of its borders but one pixel.
    @Test(arguments: [(1, 2), (2, 1), (3, 200), (17, 16), (129, 65)]) func picturesOfEverySizeAreFilled(
        width: Int, height: Int
    ) throws {
        let image = Image.scene(width: width, height: height)
        let hole = mask(image) { x, y in (x, y) != (0, 0) }
        for method in [network(), .harmonic, .biharmonic] {
            let filled = try PictureFill(method, pool: pool).fill(image, hole)
            #expect((filled.width, filled.height) == (width, height))
            #expect(Array(filled.values.prefix(3)) == Array(image.values.prefix(3)))
        }
    }
}

extension Image {
    /// The same in 16 bits.
    fileprivate func widened() -> Image {
        Image(
            width: width, height: height, channelLayout: channelLayout,
            samples: .uint16(values.map { UInt16(257 * $0) }))
    }
}
