import RestoreFiles
import RestoreImage
import TestSupport
import Testing

@Suite struct TolerantTests {
    private func read(_ bytes: [UInt8]) throws -> DecodedImage { try decodeImage(bytes, path: "p", tolerant: true) }

    @Test func wholeFilesAreReadAsEver() throws {
        for format in Fixtures.formats {
            #expect(try readImage(format.path, tolerant: true) == readImage(format.path), "\(format.name)")
        }
    }

    @Test func aPNGKeepsTheRowsThatAreThere() throws {
        let image = Image.random(width: 40, height: 64, .rgbAlpha, bitDepth: 16, seed: 9)
        let bytes = try encodeImage(image, as: ImageEncoding(format: .png, pngCompression: 0), path: "p")
        let part = Array(bytes[..<(bytes.count / 2)])
        #expect(throws: ImageError.self) { try decodeImage(part, path: "p") }
        let decoded = try read(part)
        let rows = decoded.image.values.lastIndex { $0 != 0 }.map { $0 / 160 + 1 } ?? 0
        #expect((28...32).contains(rows))
        #expect(decoded.image.values[..<(rows * 160)] == image.values[..<(rows * 160)])
        #expect(decoded.warnings == ["the file ends too early; \(rows) of 64 rows are there"])
    }

    /// A file whose pixels are complete and whose zlib checksum is wrong, or missing in whole or in part.
    @Test(arguments: [false, true], [0, 1, 3, 4])
    func theChecksumOfThePixelsIsNoPixel(_ isInterlaced: Bool, missing: Int) throws {
        for name in isInterlaced ? ["rgb8-interlaced", "palette8-interlaced"] : ["rgb8", "gray16", "palette8-alpha"] {
            let bytes = try readFile(Fixtures.path("images/formats/\(name).png"))
            let whole = try decodeImage(bytes, path: "p").image
            // The chunks before the pixels, and the compressed pixels.
            var (start, stream, place) = ([UInt8](), [UInt8](), 8)
            while place < bytes.count {
                let length = bytes[place..<(place + 4)].reduce(0) { $0 << 8 + Int($1) }
                let next = place + 12 + length
                if bytes[(place + 4)..<(place + 8)].elementsEqual("IDAT".utf8) {
                    stream += bytes[(place + 8)..<(next - 4)]
                } else if stream.isEmpty {
                    start += bytes[place..<next]
                }
                place = next
            }
            if missing == 0 { stream[stream.count - 1] ^= 1 } else { stream.removeLast(missing) }
            let file = Array(bytes[..<8]) + start + chunk("IDAT", stream) + chunk("IEND", [])
            #expect(throws: ImageError.self) { try decodeImage(file, path: "p") }
            let decoded = try read(file)
            #expect(decoded.image == whole, "\(name)")
            let count = "\(whole.height) of \(whole.height) rows are there"
            // libpng may notice a wrong checksum after the last row.
            let endings = [count, "IDAT: incorrect data check"]
            #expect(
                decoded.warnings.count == 1 && endings.contains { decoded.warnings[0].hasSuffix($0) },
                "\(decoded.warnings)")
            // The same at the end of the file, without IEND.
            let cut = try read(Array(file.dropLast(12 + 4)))
            #expect(cut.image == whole && cut.warnings.last?.hasSuffix(count) == true, "\(name): \(cut.warnings)")
        }
    }

    @Test func palettesAndInterlacedRowsAreFilled() throws {
        for name in ["palette8-alpha", "palette8-interlaced", "rgb8-interlaced", "gray1-interlaced", "palette2"] {
            let bytes = try readFile(Fixtures.path("images/formats/\(name).png"))
            let whole = try decodeImage(bytes, path: "p").image
            var best = 0
            for count in 0..<bytes.count {
                guard let decoded = try? read(Array(bytes[..<count])) else { continue }
                #expect(decoded.image.channelLayout == whole.channelLayout && decoded.warnings.count == 1)
                best = max(best, zip(decoded.image.values, whole.values).count { $0 == $1 })
            }
            #expect(best == whole.values.count, "\(name)")
        }
    }

    /// Three quarters of a file, and what must be there of it: rows at the top to the last bit; of the others, colors
    /// that are within some distance of their own where coarse scans of the whole picture are there.
    @Test(
        arguments: [
            ("testorig", 95, nil), ("arithmetic", 95, nil), ("progressive-restart", 16, 33), ("scans-apart", 0, nil),
        ] as [(String, Int, Int?)])
    func aJPEGKeepsWhatIsThere(name: String, wholeRows: Int, distance: Int?) throws {
        let bytes = try readFile(Fixtures.path("jpeg/\(name).jpg"))
        let whole = try decodeImage(bytes, path: "p").image
        let part = Array(bytes[..<(bytes.count * 3 / 4)])
        #expect(throws: ImageError.self) { try decodeImage(part, path: "p") }
        let decoded = try read(part)
        #expect((decoded.image.width, decoded.image.height) == (whole.width, whole.height))
        #expect(decoded.image.channelLayout == whole.channelLayout && decoded.warnings.first?.contains("end") == true)
        let differences = zip(decoded.image.values, whole.values).map { abs($0 - $1) }
        #expect(differences.prefix { $0 == 0 }.count / (3 * whole.width) == wholeRows)
        if let distance { #expect(try #require(differences.max()) <= distance) }
        guard name == "scans-apart" else { return }
        // The scan of the luma comes first: what is missing is color, but for four rows at the lower edge.
        #expect(decoded.warnings.contains("a color component is missing"))
        func luma(_ image: Image) -> [Double] {
            let values = image.values.map { Double($0) }
            return stride(from: 0, to: values.count, by: 3).map { Luma.of(values[$0], values[$0 + 1], values[$0 + 2]) }
        }
        let errors = zip(luma(decoded.image), luma(whole)).map { abs($0 - $1) }
        // Rounding of the colors to whole numbers makes up to half a step.
        #expect(Double(errors.count { $0 <= 0.5 }) > 0.95 * Double(errors.count))
    }

    @Test func nothingAtAllIsAnErrorAllTheSame() throws {
        for name in [
            "empty.png", "text.jpg", "png-signature-only.png", "png-no-pixels.png", "png-no-deflate-stream.png",
            "png-zero-width.png", "jpeg-start-only.jpg", "jpeg-header-only.jpg", "jpeg-no-rows.jpg", "jpeg-12-bits.jpg",
            "jpeg-600-scans.jpg", "png-claims-100000x100000.png",
        ] {
            #expect(throws: ImageError.self, "\(name)") {
                try readImage(Fixtures.path("corrupt/\(name)"), tolerant: true)
            }
        }
        let header = try Array(readFile(Fixtures.path("jpeg/testorig.jpg"))[..<623])
        #expect(throws: ImageError.self) { try read(header) }
    }

    @Test(.timeLimit(.minutes(1)), arguments: Fixtures.corrupt)
    func whatIsReadComesWithAWarning(_ path: String) throws {
        guard let decoded = try? readImage(path, tolerant: true) else { return }
        #expect(!decoded.warnings.isEmpty)
        #expect(decoded.warnings.allSatisfy { !$0.contains("\n") })
    }

    @Test func warningsThatAreNoDamage() throws {
        let bytes = try readFile(Fixtures.path("jpeg/testorig.jpg"))
        let whole = try decodeImage(bytes, path: "p")
        // Cameras fill up behind the last scan; anything else there is what a decoder left over that lost its place.
        let end: [UInt8] = [0xFF, 0xD9]
        let padded = try decodeImage(bytes.dropLast(2) + [UInt8](repeating: 0, count: 1000) + end, path: "p")
        #expect(padded.image == whole.image && padded.warnings.count == 1)
        #expect(throws: ImageError.self) {
            try decodeImage(bytes.dropLast(2) + [UInt8](repeating: 7, count: 1000) + end, path: "p")
        }
        // A scan's spectral range means nothing in a sequential file.
        var ranged = bytes
        let scan = try #require((0..<bytes.count - 1).first { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xDA })
        ranged[scan + 2 + 2 + 1 + 6 + 1] = 0
        let decoded = try decodeImage(ranged, path: "p")
        #expect(decoded.image == whole.image && decoded.warnings.count == 1)
    }

    @Test func dataBeyondTheRowsAreLimited() throws {
        let header = bigEndian(16) + bigEndian(16) + [8, 2, 0, 0, 0]
        func file(_ extra: Int) -> [UInt8] {
            [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + chunk("IHDR", header)
                + chunk("IDAT", deflated([UInt8](repeating: 0, count: 16 * 49 + extra))) + chunk("IEND", [])
        }
        #expect(try decodeImage(file(0), path: "p").warnings == [])
        #expect(try decodeImage(file(1000), path: "p").warnings.count == 1)
        #expect(throws: ImageError.self) { try decodeImage(file(100 << 20), path: "p") }
    }
}
