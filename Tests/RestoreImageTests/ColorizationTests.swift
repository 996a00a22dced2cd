import RestoreImage
import TestSupport
import Testing

@Suite struct ColorizationTests {
    private static let layouts = Image.ChannelLayout.allCases

    @Test(arguments: layouts, [8, 16])
    func grayBecomesColorWithTheSameSamples(_ layout: Image.ChannelLayout, _ bitDepth: Int) {
        let image = Image.random(width: 31, height: 17, layout, bitDepth: bitDepth, seed: 61)
        let found = image.inColor()
        #expect(found.bitDepth == bitDepth && found.channelLayout == (layout.hasAlpha ? .rgbAlpha : .rgb))
        guard layout.colorChannelCount == 1 else {
            #expect(found == image)
            return
        }
        let values = image.values
        let expected = (0..<image.pixelCount).flatMap { pixel -> [Int] in
            let gray = values[pixel * layout.channelCount]
            return [gray, gray, gray] + (layout.hasAlpha ? [values[2 * pixel + 1]] : [])
        }
        #expect(found.values == expected)
    }

    /// Gray of another curve looks the same in sRGB.
    @Test(arguments: [Image.ChannelLayout.gray, .grayAlpha], [8, 16])
    func grayOfAnotherCurveComesOutInSRGB(_ layout: Image.ChannelLayout, _ bitDepth: Int) {
        var decoded = DecodedImage(
            image: .random(width: 31, height: 17, layout, bitDepth: bitDepth, seed: 62), format: .png,
            metadata: ImageMetadata(pngColor: .init(gamma: 55_000)))
        decoded.adoptColorSpace()
        let gray = decoded.image
        #expect(gray.colorSpace != .sRGB)
        decoded.makeColor()
        #expect(decoded.image.colorSpace == .sRGB && decoded.metadata == ImageMetadata())
        let step = Float(0.501) / Float(gray.maximumSample)
        expectClose(
            decoded.image.floats(), gray.floats(), "\(layout), \(bitDepth) bits",
            tolerance: Tolerance(absolute: step, relative: 0))
        guard layout.hasAlpha else { return }
        let alphas = (0..<gray.pixelCount).map { decoded.image.values[4 * $0 + 3] }
        #expect(alphas == (0..<gray.pixelCount).map { gray.values[2 * $0 + 1] })
    }

    @Test(arguments: layouts, [8, 16])
    func colorsAreTaken(_ layout: Image.ChannelLayout, _ bitDepth: Int) throws {
        let image = Image.random(width: 9, height: 11, layout, bitDepth: bitDepth, seed: 63)
        let colors = Image.random(width: 9, height: 11, .rgb, bitDepth: bitDepth, seed: 64)
        let found = try image.colorized(with: colors.floats())
        #expect(found.channelLayout == (layout.hasAlpha ? .rgbAlpha : .rgb) && found.bitDepth == bitDepth)
        #expect(found.floats() == colors.floats())
        if layout.hasAlpha {
            let channels = layout.channelCount
            let alphas = (0..<99).map { image.values[($0 + 1) * channels - 1] }
            #expect((0..<99).map { found.values[4 * $0 + 3] } == alphas)
        }
        var broken = colors.floats()
        broken[3 * (4 * 9 + 2) + 1] = .nan
        do throws(NonFinitePixel) {
            _ = try image.colorized(with: broken)
            Issue.record("a NaN was taken")
        } catch {
            #expect((error.x, error.y) == (2, 4))
        }
    }

    @Test(arguments: [Image.ChannelLayout.gray, .grayAlpha, .rgb], [8, 16])
    func chromaChangesNoLightness(_ layout: Image.ChannelLayout, _ bitDepth: Int) throws {
        let image = Image.random(width: 20, height: 13, layout, bitDepth: bitDepth, seed: 65)
        var generator = SeededGenerator(seed: 66)
        let chroma = (0..<(2 * 260)).map { _ in Float.random(in: -60...60, using: &generator) }
        let found = try image.colorized(withChroma: chroma)
        let (before, after) = (CIELAB.lab(fromSRGB: image.floats()), CIELAB.lab(fromSRGB: found.floats()))
        // A step of 8 bits is up to 0.46 of L* in each channel.
        let tolerance: Float = bitDepth == 8 ? 0.5 : 0.01
        var kept = 0
        for pixel in 0..<260 {
            #expect(abs(before[3 * pixel] - after[3 * pixel]) < tolerance)
            let wanted = (chroma[2 * pixel], chroma[2 * pixel + 1])
            let isClose =
                abs(after[3 * pixel + 1] - wanted.0) < 1.5 && abs(after[3 * pixel + 2] - wanted.1) < 1.5
            kept += isClose ? 1 : 0
        }
        #expect(kept > 100)
        // No chroma gives gray back, whatever the depth.
        guard layout.colorChannelCount == 1 else { return }
        #expect(try image.colorized(withChroma: [Float](repeating: 0, count: 520)) == image.inColor())
    }

    @Test func chromaOfAPieceChangesNothingElse() throws {
        let image = Image.random(width: 20, height: 13, .rgbAlpha, bitDepth: 8, seed: 67)
        let region = ImageRegion(x: 3, y: 2, width: 7, height: 5)
        var chroma = [Float](repeating: .nan, count: 5 * 25)
        for y in 0..<5 { for x in 0..<7 { for c in 0..<2 { chroma[y * 25 + 3 * x + c] = Float(10 * x - 5 * y) } } }
        var found = image
        try found.setChroma(of: region, from: chroma, pixelStride: 3, rowStride: 25)
        for y in 0..<13 {
            for x in 0..<20 {
                let pixel = (4 * (20 * y + x))..<(4 * (20 * y + x) + 4)
                let isInside = (3..<10).contains(x) && (2..<7).contains(y)
                if !isInside { #expect(found.values[pixel] == image.values[pixel]) }
                #expect(found.values[pixel].last == image.values[pixel].last)
            }
        }
        chroma[2 * 25 + 3 * 4] = .infinity
        do throws(NonFinitePixel) {
            try found.setChroma(of: region, from: chroma, pixelStride: 3, rowStride: 25)
            Issue.record("an infinity was taken")
        } catch {
            #expect((error.x, error.y) == (7, 4))
        }
    }

    // MARK: Metadata

    @Test(arguments: ["gray-gamma22", "gray-dot-gain", "gray-lightness", "gray-srgb", "linear", "cmyk", "falling"])
    func aProfileThatIsNotTrueOfColorGoes(_ name: String) throws {
        let text = ImageMetadata.Text(keyword: [65], isUTF8: true, value: [66])
        let metadata = ImageMetadata(
            colorProfile: try profile(name), pngColor: .init(gamma: 100_000),
            exif: try TIFFFixture(isLittleEndian: true).bytes, texts: [text])
        for layout in [Image.ChannelLayout.gray, .grayAlpha] {
            let color = metadata.describingColor(of: layout)
            #expect(color.colorProfile == nil && color.pngColor == nil && color.texts == [text])
            #expect(color.exif == metadata.describingSRGB.exif)
            #expect(color.colorSpace(of: .rgb) == (.sRGB, nil))
        }
        // A color picture keeps what describes it.
        #expect(metadata.describingColor(of: .rgb) == metadata)
        #expect(metadata.describingColor(of: .rgbAlpha) == metadata)
    }

    /// Through files: what is written is read as the same colors.
    @Test(arguments: [ImageFormat.png, .jpeg]) func aGrayFileBecomesAColorFile(_ format: ImageFormat) throws {
        let gray = Image.random(width: 24, height: 16, .gray, bitDepth: 8, seed: 68)
        let bytes = try encodeImage(
            gray, metadata: ImageMetadata(colorProfile: try profile("gray-gamma22")), as: ImageEncoding(format: format),
            path: "gray")
        var decoded = try decodeImage(bytes, path: "gray")
        #expect(decoded.image.colorSpace != .sRGB && decoded.image.channelLayout == .gray)
        decoded.makeColor()
        var encoding = ImageEncoding(format: format)
        encoding.jpegParameters = decoded.jpeg
        let written = try encodeImage(decoded.image, metadata: decoded.metadata, as: encoding, path: "color")
        let color = try decodeImage(written, path: "color")
        #expect(color.image.channelLayout == .rgb && color.image.colorSpace == .sRGB)
        #expect(color.metadata.colorProfile == nil && color.warnings.isEmpty)
        if format == .png { #expect(color.image == decoded.image) }
    }

    @Test func whatSaysSRGBOfAnyPictureStays() throws {
        for color in [
            ImageMetadata.PNGColor(renderingIntent: 0), .init(renderingIntent: 1, gamma: 45455), .init(gamma: 45455),
        ] {
            let metadata = ImageMetadata(pngColor: color, texts: [.init(keyword: [65], isUTF8: true, value: [66])])
            for layout in [Image.ChannelLayout.gray, .grayAlpha] {
                #expect(metadata.describingColor(of: layout) == metadata)
            }
        }
        let metadata = ImageMetadata(colorProfile: try profile("srgb"))
        #expect(metadata.describingColor(of: .gray) == metadata)
    }
}
