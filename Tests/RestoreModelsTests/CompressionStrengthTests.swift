import RestoreImage
import RestoreModels
import TestSupport
import Testing

@Suite struct CompressionStrengthTests {
    private func strength(quality: Int, subsamples: Bool, _ layout: Image.ChannelLayout = .rgb) throws
        -> CompressionStrength
    {
        var encoding = ImageEncoding(format: .jpeg, jpegQuality: quality)
        encoding.jpegSubsamplesColor = subsamples
        let image = Image.scene(width: 32, height: 32, layout)
        let decoded = try decodeImage(encodeImage(image, as: encoding, path: "x"), path: "x")
        return CompressionStrength(try #require(decoded.jpeg))
    }

    /// The fifteen lowest frequencies of libjpeg's tables at quality 50 (ITU-T T.81, tables K.1 and K.2) have the mean
    /// 226/15 for luminance; other qualities scale them.
    @Test func itIsTheRootOfTheMeanStep() throws {
        let half = try strength(quality: 50, subsamples: true)
        #expect(abs(half.luminance - (226.0 / 15 / 255).squareRoot()) < 1e-3, "\(half.luminance)")
        let strengths = try [95, 85, 75, 50, 30, 10].map { try strength(quality: $0, subsamples: true) }
        for (better, worse) in zip(strengths, strengths.dropFirst()) {
            #expect(better.luminance < worse.luminance && better.color < worse.color)
        }
        #expect(strengths.allSatisfy { $0.color > $0.luminance && (0...1).contains($0.color) })
    }

    @Test func droppedColorIsTold() throws {
        #expect(try strength(quality: 75, subsamples: true).droppedColor == 0.75)
        #expect(try strength(quality: 75, subsamples: false).droppedColor == 0)
        let gray = try strength(quality: 75, subsamples: true, .gray)
        #expect(gray.color == 0 && gray.droppedColor == 0 && gray.luminance > 0)
    }

    @Test func incompleteParametersAreNoCompression() {
        #expect(CompressionStrength(JPEGParameters(quantizationTables: [], components: [])) == .none)
        let component = JPEGParameters.Component(horizontalSampling: 1, verticalSampling: 1, tableIndex: 3)
        let missing = JPEGParameters(quantizationTables: [[UInt16](repeating: 9, count: 64)], components: [component])
        #expect(CompressionStrength(missing) == .none)
        let huge = JPEGParameters(
            quantizationTables: [[UInt16](repeating: 65535, count: 64)],
            components: [.init(horizontalSampling: 1, verticalSampling: 1, tableIndex: 0)])
        #expect(CompressionStrength(huge).luminance == 1)
    }
}
