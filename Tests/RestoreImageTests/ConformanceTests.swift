import CZlib
import RestoreFiles
import RestoreImage
import TestSupport
import Testing

/// Published test files, and small ones of every kind, beside what libpng's and libjpeg-turbo's own tools make of them.
@Suite struct ConformanceTests {
    @Test(arguments: Expected.lines(of: "pngsuite", count: 6))
    func readsThePNGSuite(_ expected: Expected) throws {
        let decoded = try readImage(expected.path)
        let image = decoded.image
        #expect(
            [image.width, image.height, image.channelLayout.channelCount, image.bitDepth] == expected.numbers.dropLast()
        )
        #expect(image.checksumAsRGBA == expected.numbers.last)
        #expect(decoded.warnings == [])
        let encoded = try encodeImage(
            image, metadata: decoded.metadata, as: ImageEncoding(format: .png), path: expected.name)
        #expect(try decodeImage(encoded, path: expected.name) == decoded)
    }

    @Test func theFilesAreThere() throws {
        #expect(Expected.lines(of: "jpeg", count: 5).count == 24)
        let files = try listFilesRecursively(Fixtures.path("pngsuite"), extensions: ["png"])
        let damaged = files.filter { lastPathComponent(of: $0).hasPrefix("x") }
        #expect(files.count == 175 && damaged.count == 14)
        #expect(Expected.lines(of: "pngsuite", count: 6).count == 161)
        for path in damaged {
            #expect(throws: ImageError.self, "\(path)") { try readImage(path) }
        }
    }

    @Test(arguments: Expected.lines(of: "jpeg", count: 5))
    func readsEveryKindOfJPEG(_ expected: Expected) throws {
        let decoded = try readImage(expected.path)
        let image = decoded.image
        #expect([image.width, image.height, image.channelLayout.channelCount] == expected.numbers.dropLast())
        #expect(crc(image.bytes) == expected.numbers.last)
        #expect(decoded.warnings.count == (expected.name == "two-pictures.jpg" ? 1 : 0))
    }

    @Test(arguments: Expected.lines(of: "jpeg", count: 5))
    func writesAJPEGAsItWas(_ expected: Expected) throws {
        let decoded = try readImage(expected.path)
        let parameters = try #require(decoded.jpeg)
        var encoding = ImageEncoding(format: .jpeg, jpegQuality: 1)
        encoding.jpegParameters = parameters
        let again = try decodeImage(encodeImage(decoded.image, as: encoding, path: "a.jpg"), path: "a.jpg")
        #expect(again.jpeg == parameters)
        // Rounding and halved colors move a sample a little each time; other tables would move it much more.
        #expect(try peakSignalToNoiseRatio(again.image, decoded.image) > 28)
    }

    @Test func jpegParametersAreThoseOfTheFile() throws {
        func parameters(_ name: String) throws -> JPEGParameters {
            try #require(readImage(Fixtures.path("jpeg/\(name).jpg")).jpeg)
        }
        func factors(_ name: String) throws -> [[Int]] {
            try parameters(name).components.map { [$0.horizontalSampling, $0.verticalSampling] }
        }
        #expect(try factors("testorig") == [[2, 2], [1, 1], [1, 1]])
        #expect(try factors("sampling-411") == [[4, 1], [1, 1], [1, 1]])
        #expect(try factors("sampling-uneven") == [[2, 2], [2, 1], [1, 2]])
        #expect(try parameters("stored-rgb").storesRGB && !parameters("testorig").storesRGB)
        #expect(try parameters("arithmetic-progressive").isProgressive && !parameters("arithmetic").isProgressive)
        // Quality 3 multiplies the first divisor of ITU-T T.81, table K.1, which is 16, by 1666 %.
        #expect(try parameters("coarse-tables").quantizationTables[0][0] == 267)
        #expect(try parameters("testorig").components.map(\.tableIndex) == [0, 1, 1])
        #expect(try readImage(Fixtures.path("images/formats/rgb8.png")).jpeg == nil)
    }

    @Test func parametersThatDoNotFitGiveWayToTheQuality() throws {
        let image = Image.random(width: 20, height: 20, .rgb, bitDepth: 8, seed: 1)
        let plain = try encodeImage(image, as: ImageEncoding(format: .jpeg), path: "a.jpg")
        let table = [UInt16](repeating: 3, count: 64)
        func component(_ across: Int, _ down: Int, _ index: Int = 0) -> JPEGParameters.Component {
            .init(horizontalSampling: across, verticalSampling: down, tableIndex: index)
        }
        let one = component(1, 1)
        let wrong = [
            JPEGParameters(quantizationTables: [table], components: [one]),
            JPEGParameters(quantizationTables: [table], components: [one, one, one, one]),
            JPEGParameters(quantizationTables: [table], components: [component(3, 1), component(2, 1), one]),
            JPEGParameters(quantizationTables: [table], components: [component(4, 3), one, one]),
            JPEGParameters(quantizationTables: [table], components: [component(1, 1, 1), one, one]),
            JPEGParameters(quantizationTables: [table], components: [component(0, -1), one, one]),
            JPEGParameters(quantizationTables: [Array(table.dropLast())], components: [one, one, one]),
            JPEGParameters(quantizationTables: [[0] + table.dropLast()], components: [one, one, one]),
            JPEGParameters(quantizationTables: [[8192] + table.dropLast()], components: [one, one, one]),
            JPEGParameters(quantizationTables: [], components: []),
        ]
        for parameters in wrong {
            var encoding = ImageEncoding(format: .jpeg)
            encoding.jpegParameters = parameters
            #expect(try encodeImage(image, as: encoding, path: "a.jpg") == plain, "\(parameters)")
        }
        var encoding = ImageEncoding(format: .jpeg)
        let right = JPEGParameters(
            quantizationTables: [[8191] + table.dropLast(), table], components: [one, component(1, 1, 1), one])
        encoding.jpegParameters = right
        #expect(try decodeImage(encodeImage(image, as: encoding, path: "a.jpg"), path: "a.jpg").jpeg == right)
    }

    /// Codes that suit any picture stay so, codes for the picture become such; arithmetic coding becomes the latter.
    @Test func codesAreMadeForThePictureWhereTheyWere() throws {
        func picture(_ name: String) throws -> DecodedImage { try readImage(Fixtures.path("jpeg/\(name).jpg")) }
        for name in ["testorig", "sampling-411", "restart-every-block", "gray", "scans-apart"] {
            #expect(try picture(name).jpeg?.optimizesCodes == false, "\(name)")
        }
        for name in ["optimized", "arithmetic", "progressive-restart"] {
            #expect(try picture(name).jpeg?.optimizesCodes == true, "\(name)")
        }
        let (standard, optimized) = (try picture("testorig"), try picture("optimized"))
        #expect(standard.image == optimized.image)
        func size(_ picture: DecodedImage) throws -> Int {
            var encoding = ImageEncoding(format: .jpeg)
            encoding.jpegParameters = picture.jpeg
            return try encodeImage(picture.image, as: encoding, path: "a.jpg").count
        }
        #expect(try size(optimized) < size(standard))
    }

    /// The number of rows behind the scan (DNL), which libjpeg passes over.
    @Test func rowsThatAreSaidLateAreRead() throws {
        let late = try readFile(Fixtures.path("jpeg/late-rows.jpg"))
        #expect(readImageHeader(Fixtures.path("jpeg/late-rows.jpg"))?.height == 149)
        let place = late.count - 4  // of the number, before the end marker
        func with(rows: Int) -> [UInt8] { Array(late[..<place]) + bigEndian(rows, bytes: 2) + late[(place + 2)...] }
        let original = try readImage(Fixtures.path("jpeg/testorig.jpg")).image
        #expect(try decodeImage(with(rows: 149), path: "p").image == original)
        // None, more than there are, less than there are, and none where the segment is cut or another one comes first.
        let other = Array(late[..<(place - 4)]) + segment(0xFE, [1]) + late[(place - 4)...]
        let wrong = [with(rows: 0), with(rows: 300), with(rows: 40), Array(late[..<place]), other]
        for file in wrong { #expect(throws: ImageError.self) { try decodeImage(file, path: "p") } }
    }

    @Test func ofAnAnimationTheDefaultPictureIsRead() throws {
        let file = try readFile(Fixtures.path("images/formats/rgb8.png"))
        let control = bigEndian(0) + bigEndian(11) + bigEndian(9) + bigEndian(0) + bigEndian(0) + [0, 1, 0, 1, 0, 0]
        let frames = chunk("acTL", bigEndian(2) + bigEndian(0)) + chunk("fcTL", control)
        // A frame of more bytes than libpng would take memory for.
        let second = chunk("fdAT", bigEndian(1) + [UInt8](repeating: 1, count: 9 << 20))
        let animation = Array(png(file, with: frames).dropLast(12)) + second + chunk("IEND", [])
        #expect(try decodeImage(animation, path: "p").image == decodeImage(file, path: "p").image)
    }

    @Test func theContentDecidesNotTheExtension() throws {
        let png = try readFile(Fixtures.path("pngsuite/basn2c08.png"))
        #expect(try decodeImage(png, path: "a.jpg").format == .png)
    }
}

/// A line of an `expected.txt`.
struct Expected: Sendable, CustomTestStringConvertible {
    let name: String
    let folder: String
    let numbers: [Int]

    var path: String { Fixtures.path("\(folder)/\(name)") }
    var testDescription: String { name }

    static func lines(of folder: String, count: Int) -> [Expected] {
        let text = (try? readFile(Fixtures.path("\(folder)/expected.txt"))) ?? []
        return String(decoding: text, as: UTF8.self).split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            let numbers = words.dropFirst().compactMap { Int($0) }
            return words.count == count && numbers.count == count - 1
                ? Expected(name: String(words[0]), folder: folder, numbers: numbers) : nil
        }
    }
}

private func crc(_ bytes: [UInt8]) -> Int { Int(crc32(0, bytes, UInt32(bytes.count))) }

extension Image {
    /// The samples in a file's byte order, the higher byte first.
    fileprivate var bytes: [UInt8] {
        bitDepth == 8 ? values.map { UInt8($0) } : values.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }
    }

    fileprivate var checksumAsRGBA: Int {
        let channels = channelLayout.channelCount
        let all = values
        var result: [Int] = []
        for start in stride(from: 0, to: all.count, by: channels) {
            let color = channels >= 3 ? Array(all[start..<start + 3]) : [all[start], all[start], all[start]]
            result += color + [channelLayout.hasAlpha ? all[start + channels - 1] : maximumSample]
        }
        let samples: Samples = bitDepth == 8 ? .uint8(result.map { UInt8($0) }) : .uint16(result.map { UInt16($0) })
        return crc(Image(width: width, height: height, channelLayout: .rgbAlpha, samples: samples).bytes)
    }
}
