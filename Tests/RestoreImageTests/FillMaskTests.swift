import RestoreImage
import TestSupport
import Testing

@Suite struct FillMaskTests {
    private func mask(_ rows: [String]) -> FillMask {
        FillMask(width: rows[0].count, height: rows.count, isMissing: rows.joined().map { $0 == "#" })
    }

    private func text(_ mask: FillMask) -> [String] {
        (0..<mask.height).map { y in
            String((0..<mask.width).map { mask.isMissing[y * mask.width + $0] ? "#" : "." })
        }
    }

    private func picture(_ layout: Image.ChannelLayout, _ samples: [UInt8]) -> Image {
        Image(
            width: samples.count / layout.channelCount, height: 1, channelLayout: layout, samples: .uint8(samples))
    }

    @Test func grayIsMarkedFromHalfTheBrightnessOn() {
        #expect(FillMask(picture(.gray, [0, 127, 128, 255])).isMissing == [false, false, true, true])
        let deep = Image(
            width: 4, height: 1, channelLayout: .gray, samples: .uint16([0, 32767, 32768, 65535]))
        #expect(FillMask(deep).isMissing == [false, false, true, true])
    }

    /// By the luma of BT.601: green is bright, blue is not.
    @Test func colorIsMarkedByItsBrightness() {
        #expect(FillMask(picture(.rgb, [255, 255, 255, 0, 255, 0, 0, 0, 255])).isMissing == [true, true, false])
    }

    @Test func opaquePartsAreMarkedIfOthersAreTransparent() {
        let painted = picture(.rgbAlpha, [0, 0, 0, 255, 255, 255, 255, 0, 9, 9, 9, 128, 9, 9, 9, 127])
        #expect(FillMask(painted).isMissing == [true, false, true, false])
        let opaque = picture(.rgbAlpha, [0, 0, 0, 255, 255, 255, 255, 255])
        #expect(FillMask(opaque).isMissing == [false, true], "by the brightness")
        #expect(FillMask(picture(.grayAlpha, [255, 0, 0, 255])).isMissing == [false, true])
    }

    @Test func transparentPartsOfAPictureAreMissing() throws {
        let image = picture(.rgbAlpha, [1, 2, 3, 0, 4, 5, 6, 255])
        let mask = try #require(FillMask(transparencyOf: image))
        #expect(mask.isMissing == [true, false] && mask.count == 1)
        #expect(image.opaque(where: mask).values == [1, 2, 3, 255, 4, 5, 6, 255])
        #expect(FillMask(transparencyOf: picture(.rgb, [1, 2, 3])) == nil)
        let rgb = picture(.rgb, [1, 2, 3])
        #expect(rgb.opaque(where: FillMask(width: 1, height: 1, isMissing: [true])) == rgb)
    }

    @Test func itGrowsByADisc() {
        let small = mask([".......", ".......", ".......", "...#...", ".......", ".......", "......."])
        #expect(
            text(small.dilated(by: 1)) == [".......", ".......", "...#...", "..###..", "...#...", ".......", "......."])
        #expect(
            text(small.dilated(by: 3)) == ["...#...", ".#####.", ".#####.", "#######", ".#####.", ".#####.", "...#..."])
        #expect(small.dilated(by: 0) == small)
        #expect(text(mask(["#...", "....", "...."]).dilated(by: 200)) == ["####", "####", "####"])
    }

    @Test func holesAreConnectedDiagonallyToo() {
        let holes = mask(["#..#", ".#.#", "...."]).holes()
        #expect(holes.count == 2 && holes.numbers == [0, -1, -1, 1, -1, 0, -1, 1, -1, -1, -1, -1])
        #expect(mask(["..", ".."]).holes().count == 0)
    }

    /// In thirds of a pixel; the border of the picture is no edge.
    @Test func depthsAreDistancesFromWhatIsKnown() {
        let hole = mask([".....", ".###.", ".###.", ".####", "....#"])
        #expect(
            hole.depths(limit: 255) == [
                0, 0, 0, 0, 0, 0, 3, 3, 3, 0, 0, 3, 6, 3, 0, 0, 3, 3, 3, 3, 0, 0, 0, 0, 3,
            ])
        #expect(hole.depths(limit: 4).max() == 4)
        #expect(mask(["##", "##"]).depths(limit: 9) == [9, 9, 9, 9])
    }
}
