import RestoreFiles
import RestoreImage
import TestSupport
import Testing

@Suite struct DecodingTests {
    @Test func fixturesAreThere() {
        #expect(Fixtures.formats.count == 57)
        #expect(Fixtures.corrupt.count >= 28)
    }

    @Test(arguments: Fixtures.formats)
    func decodesToTheExpectedPixels(_ format: Fixtures.Format) throws {
        let decoded = try readImage(format.path)
        let expected = try format.expected()
        #expect(decoded.format == ImageFormat.forPath(format.name))
        #expect(decoded.image.width == expected.width && decoded.image.height == expected.height)
        #expect(decoded.image.channelLayout == expected.channelLayout)
        #expect(decoded.image.bitDepth == expected.bitDepth)
        #expect(decoded.image == expected)
    }

    @Test(.timeLimit(.minutes(1)), arguments: Fixtures.corrupt)
    func refusesDamagedFiles(_ path: String) throws {
        do throws(ImageError) {
            _ = try readImage(path)
            Issue.record("\(path) was read")
        } catch {
            #expect(error.path == path)
            #expect("\(error)".hasPrefix(path + ": "))
            #expect(!"\(error)".contains("\n"))
        }
    }

    @Test func saysWhatIsWrong() throws {
        func message(_ name: String) -> String {
            let bytes = (try? readFile(Fixtures.path("corrupt/\(name)"))) ?? [1]
            do throws(ImageError) {
                _ = try decodeImage(bytes, path: "p")
                return "no error"
            } catch {
                return "\(error)"
            }
        }
        #expect(message("empty.png") == "p: is neither a PNG nor a JPEG image: found an empty file")
        #expect(message("gif.png") == "p: is neither a PNG nor a JPEG image: found a GIF")
        #expect(
            message("text.jpg")
                == "p: is neither a PNG nor a JPEG image: found bytes 54 68 69 73 20 69 73 20")
        #expect(message("png-truncated.png") == "p: is a damaged PNG file: the file ends too early")
        #expect(message("jpeg-truncated.jpg") == "p: is a damaged JPEG file: Premature end of JPEG file")
        #expect(message("jpeg-600-scans.jpg") == "p: is a damaged JPEG file: more than 500 progressive scans")
        #expect(message("jpeg-12-bits.jpg").hasPrefix("p: is not supported: "))
    }

    @Test func limitsPixelsBeforeTakingMemory() throws {
        let path = Fixtures.path("corrupt/png-claims-100000x100000.png")
        #expect(
            throws: ImageError.tooLarge(path: path, width: 100_000, height: 100_000, limit: 512_000_000)
        ) { try readImage(path) }
        for name in ["rgb8.png", "baseline-gray.jpg"] {
            let path = Fixtures.path("images/formats/\(name)")
            let image = try readImage(path).image
            let exact = ImageLimits(maximumPixels: image.pixelCount)
            #expect(try readImage(path, limits: exact).image == image)
            let less = ImageLimits(maximumPixels: image.pixelCount - 1)
            #expect(throws: ImageError.self) { try readImage(path, limits: less) }
            #expect(throws: ImageError.self) { try readImage(path, limits: ImageLimits(maximumPixels: 0)) }
        }
    }

    @Test func passesOnWhatTheFileSystemSays() {
        #expect(throws: ImageError.file(.notFound(path: "no/such.png"))) { try readImage("no/such.png") }
        #expect(throws: ImageError.file(.isDirectory(path: Fixtures.folder))) {
            try readImage(Fixtures.folder)
        }
    }

    @Test(arguments: Fixtures.formats)
    func refusesEveryTruncation(_ format: Fixtures.Format) throws {
        let bytes = try readFile(format.path)
        // A JPEG may lack its end marker.
        let least = format.name.hasSuffix(".jpg") ? bytes.count - 2 : bytes.count
        for count in 0..<least {
            #expect(throws: ImageError.self, "\(count) bytes of \(bytes.count)") {
                try decodeImage(Array(bytes[..<count]), path: format.name)
            }
        }
    }

    @Test func ignoresWhatFollowsThePicture() throws {
        for name in ["rgb8.png", "baseline-420.jpg", "progressive-420.jpg"] {
            let path = Fixtures.path("images/formats/\(name)")
            let bytes = try readFile(path)
            let decoded = try decodeImage(bytes + [0, 1, 2, 3], path: name)
            #expect(try decoded == readImage(path))
        }
    }

    @Test(arguments: Fixtures.formats)
    func survivesFlippedBits(_ format: Fixtures.Format) throws {
        let bytes = try readFile(format.path)
        let limits = ImageLimits(maximumPixels: 1_000_000)
        var generator = SeededGenerator(seed: 7)
        for round in 0..<200 {
            var damaged = bytes
            for _ in 0...round % 4 {
                let position = Int.random(in: 0..<bytes.count, using: &generator)
                damaged[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            }
            // A PNG has checksums; many flips in a JPEG give another valid JPEG.
            let decoded = try? decodeImage(damaged, path: format.name, limits: limits)
            if format.name.hasSuffix(".png") {
                #expect(decoded == nil || damaged == bytes, "round \(round)")
            }
        }
    }
}
