import RestoreConcurrency
import RestoreImage
import TestSupport
import Testing

@Suite struct OrientationTests {
    /// Where the upright picture's pixel comes from, as EXIF defines the eight.
    private func source(_ orientation: Int, x: Int, y: Int, width: Int, height: Int) -> (x: Int, y: Int) {
        let (right, bottom) = (width - 1, height - 1)
        return switch orientation {
        case 1: (x, y)
        case 2: (right - x, y)
        case 3: (right - x, bottom - y)
        case 4: (x, bottom - y)
        case 5: (y, x)
        case 6: (y, bottom - x)
        case 7: (right - y, bottom - x)
        default: (right - y, x)
        }
    }

    @Test(arguments: 1...8, Image.ChannelLayout.allCases)
    func everyPixelComesFromWhereItShould(_ orientation: Int, _ layout: Image.ChannelLayout) {
        for bitDepth in [8, 16] {
            for (width, height) in [(1, 1), (1, 7), (7, 1), (33, 70), (64, 32), (95, 97)] {
                let image = Image.random(width: width, height: height, layout, bitDepth: bitDepth, seed: 51)
                let upright = image.upright(from: orientation)
                let turns = orientation >= 5
                #expect((upright.width, upright.height) == (turns ? height : width, turns ? width : height))
                #expect(upright.channelLayout == layout && upright.bitDepth == bitDepth)
                let (before, after, channels) = (image.values, upright.values, layout.channelCount)
                for y in 0..<upright.height {
                    for x in 0..<upright.width {
                        let from = source(orientation, x: x, y: y, width: width, height: height)
                        let place = (y * upright.width + x) * channels
                        let expected = (from.y * width + from.x) * channels
                        if after[place..<place + channels] != before[expected..<expected + channels] {
                            Issue.record("\(orientation): (\(x), \(y)) of \(width)×\(height)")
                            return
                        }
                    }
                }
            }
        }
    }

    /// 41 strips of 32 columns, the last one narrower: work enough that other threads than the caller's come to it.
    @Test(arguments: 1...8, Image.ChannelLayout.allCases)
    func workersDoNotMatter(_ orientation: Int, _ layout: Image.ChannelLayout) {
        for bitDepth in [8, 16] {
            let image = Image.random(width: 1291, height: 777, layout, bitDepth: bitDepth, seed: 54)
            let expected = image.upright(from: orientation)
            for workers in [2, 3, 8] {
                let found = image.upright(from: orientation, pool: WorkerPool(workerCount: workers))
                #expect(found == expected, "\(workers) workers, \(bitDepth) bits")
            }
        }
    }

    /// Each undoes itself or its counterpart, whoever shares the work.
    @Test(arguments: zip(1...8, [1, 2, 3, 4, 5, 8, 7, 6]))
    func theCounterpartUndoes(_ orientation: Int, _ counterpart: Int) throws {
        var image = Image.random(width: 131, height: 77, .rgb, bitDepth: 16, seed: 52)
        image.colorSpace = try space("adobe-rgb", .rgb)
        let turned = image.upright(from: orientation, pool: WorkerPool(workerCount: 3))
        #expect(turned.colorSpace == image.colorSpace)
        expectSame(turned.upright(from: counterpart), image)
    }

    @Test func aDecodedPictureIsTurnedOnce() throws {
        let stored = Image.random(width: 40, height: 30, .rgb, bitDepth: 8, seed: 53)
        let exif = try TIFFFixture(isLittleEndian: true).bytes
        var decoded = DecodedImage(image: stored, format: .jpeg, metadata: ImageMetadata(exif: exif))
        #expect(decoded.makeUpright() == nil)
        expectSame(decoded.image, stored.upright(from: 6))
        #expect(decoded.metadata.orientation == 1)
        let once = decoded
        #expect(decoded.makeUpright() == nil)
        let isSame = decoded == once
        #expect(isSame)
    }
}
