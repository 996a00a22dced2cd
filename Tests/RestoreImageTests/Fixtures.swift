import RestoreFiles
import RestoreImage
import TestSupport
import Testing

extension Fixtures {
    /// A line of Fixtures/images/formats/expected.txt: a file and where its pixels are in expected.bin.
    struct Format: Sendable, CustomTestStringConvertible {
        let name: String
        let width: Int
        let height: Int
        let channelCount: Int
        let bitDepth: Int
        let offset: Int

        var path: String { Fixtures.path("images/formats/\(name)") }
        var testDescription: String { name }

        init?(_ line: Substring) {
            let words = line.split(separator: " ")
            let numbers = words.dropFirst().compactMap { Int($0) }
            guard words.count == 6, numbers.count == 5 else { return nil }
            name = String(words[0])
            (width, height, channelCount) = (numbers[0], numbers[1], numbers[2])
            (bitDepth, offset) = (numbers[3], numbers[4])
        }

        /// The picture that reading the file must give.
        func expected() throws -> Image {
            let all = try readFile(Fixtures.path("images/formats/expected.bin"))
            let count = width * height * channelCount
            let bytes = all[offset..<offset + count * bitDepth / 8]
            let layout = try #require(Image.ChannelLayout.allCases.first { $0.channelCount == channelCount })
            guard bitDepth == 16 else {
                return Image(
                    width: width, height: height, channelLayout: layout, samples: .uint8(Array(bytes)))
            }
            let words = (0..<count).map { index in
                UInt16(bytes[offset + 2 * index]) | UInt16(bytes[offset + 2 * index + 1]) << 8
            }
            return Image(width: width, height: height, channelLayout: layout, samples: .uint16(words))
        }
    }

    static let formats: [Format] = {
        let text = (try? readFile(path("images/formats/expected.txt"))) ?? []
        return String(decoding: text, as: UTF8.self).split(separator: "\n").compactMap { Format($0) }
    }()

    /// The damaged pictures.
    static let corrupt: [String] = {
        (try? listFilesRecursively(path("corrupt"), extensions: ImageFormat.allFileExtensions)) ?? []
    }()
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers for the same seed everywhere.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}

extension Image {
    /// A picture of seeded noise.
    static func random(
        width: Int, height: Int, _ layout: ChannelLayout, bitDepth: Int, seed: UInt64
    ) -> Image {
        var generator = SeededGenerator(seed: seed)
        let count = width * height * layout.channelCount
        let samples: Samples =
            bitDepth == 8
            ? .uint8((0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
            : .uint16((0..<count).map { _ in UInt16.random(in: .min ... .max, using: &generator) })
        return Image(width: width, height: height, channelLayout: layout, samples: samples)
    }

    /// All samples, whatever the depth.
    var values: [Int] {
        switch samples {
        case .uint8(let values): return values.map { Int($0) }
        case .uint16(let values): return values.map { Int($0) }
        }
    }
}
