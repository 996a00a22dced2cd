import RestoreImage
import TestSupport
import Testing

@Suite struct ImageHeaderTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test(arguments: Image.ChannelLayout.allCases, [8, 16])
    func theHeaderSaysWhatDecodingGives(layout: Image.ChannelLayout, bitDepth: Int) throws {
        let image = Image(width: 37, height: 21, channelLayout: layout, bitDepth: bitDepth)
        try writeImage(image, to: folder("a.png"), overwrite: true)
        let header = try #require(readImageHeader(folder("a.png")))
        #expect((header.width, header.height, header.format) == (37, 21, .png))
        #expect((header.channelCount, header.bitDepth) == (layout.channelCount, bitDepth))
        #expect(header.decodedBytes == image.sampleCount * bitDepth / 8)
    }

    @Test func aFewBytesAreEnough() throws {
        try writeImage(Image(width: 400, height: 300, channelLayout: .rgb), to: folder("a.jpg"), overwrite: true)
        let header = try #require(readImageHeader(folder("a.jpg"), maximumBytes: 1000))
        #expect((header.width, header.height, header.channelCount, header.format) == (400, 300, 3, .jpeg))
    }

    @Test func whatIsNoPictureHasNone() throws {
        try folder.write([], "empty.png")
        try folder.write(Array("text".utf8), "text.png")
        try folder.write([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0], "cut.png")
        for name in ["empty.png", "text.png", "cut.png", "missing.png", ""] {
            #expect(readImageHeader(folder(name)) == nil, "\(name)")
        }
    }
}
