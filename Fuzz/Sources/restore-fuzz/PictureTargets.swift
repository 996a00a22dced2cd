import RestoreImage

/// Decodes a PNG or JPEG, and passes the result through the encoder and back.
@Sendable func readPicture(_ bytes: [UInt8]) {
    guard let image = try? decodeImage(bytes, path: "fuzz", limits: limits).image else { return }
    guard let encoded = try? encodeImage(image, as: ImageEncoding(format: .png), path: "fuzz"),
        let again = try? decodeImage(encoded, path: "fuzz").image
    else { preconditionFailure("a picture of \(image.width)×\(image.height) is not written or not read again") }
    precondition(
        again.samples == image.samples && again.channelLayout == image.channelLayout && again.width == image.width,
        "a picture of \(image.width)×\(image.height) is read otherwise than it was written")
}

/// The header used for planning must match what is read.
@Sendable func readHeader(_ bytes: [UInt8]) {
    guard let path = file(of: bytes) else { return }
    let header = readImageHeader(path)
    _ = readImageHeader(path, maximumBytes: bytes.count / 2)
    guard let picture = try? decodeImage(bytes, path: "fuzz", limits: limits) else { return }
    guard let header else { preconditionFailure("a picture that can be read has no header") }
    let sides = [picture.image.width, picture.image.height]
    precondition(sides.sorted() == [header.width, header.height].sorted(), "\(header) is read as \(sides)")
    precondition(header.format == picture.format && header.bitDepth == picture.image.bitDepth, "\(header)")
}

/// A profile: applied to the colors of small images, which must come back unchanged, and to CMYK.
@Sendable func readProfile(_ bytes: [UInt8]) {
    let metadata = ImageMetadata(colorProfile: bytes)
    for layout in [Image.ChannelLayout.gray, .rgb] {
        let space = metadata.colorSpace(of: layout).space
        guard case .converted = space else { continue }
        for depth in [8, 16] {
            var image = ramp(layout, bitDepth: depth)
            image.colorSpace = space
            keepColors(of: image)
        }
    }
    // Segments of a CMYK image, after its start.
    guard bytes.count <= 65_000 else { return }
    let payload = Array("ICC_PROFILE\0".utf8) + [1, 1] + bytes
    let length = payload.count + 2
    let segment = [0xFF, 0xE2, UInt8(length >> 8), UInt8(length & 0xFF)] + payload
    guard (try? decodeImage(inks[..<2] + segment + inks[2...], path: "fuzz")) != nil else {
        preconditionFailure("a profile made a picture unreadable")
    }
}

private func keepColors(of image: Image) {
    var copy = image
    var colors = [Float](repeating: 0, count: 3 * image.pixelCount)
    copy.copyColors(of: image.bounds, to: &colors)
    do {
        try copy.setColors(of: image.bounds, from: colors)
    } catch {
        preconditionFailure("\(error), of a profile that is used")
    }
    precondition(copy == image, "colors that nobody changed have changed")
    // Arbitrary colors must have samples.
    for index in colors.indices { colors[index] = Float(index % 7) - 3 }
    guard (try? copy.setColors(of: image.bounds, from: colors)) != nil else {
        preconditionFailure("finite colors are refused")
    }
}

/// An image with every 8-bit sample.
private func ramp(_ layout: Image.ChannelLayout, bitDepth: Int) -> Image {
    let count = 16 * 16 * layout.channelCount
    let values = (0..<count).map { $0 * 37 % 256 }
    let samples: Image.Samples =
        bitDepth == 8 ? .uint8(values.map { UInt8($0) }) : .uint16(values.map { UInt16(($0 * 257 + 1) % 65_536) })
    return Image(width: 16, height: 16, channelLayout: layout, samples: samples)
}

let limits = ImageLimits(maximumPixels: 1 << 16)

/// A small CMYK image.
private let inks: [UInt8] = {
    guard let bytes = contents(of: "Fixtures/images/formats/cmyk-plain.jpg") else {
        preconditionFailure("the fuzzer runs in the repository's root, where Fixtures is")
    }
    return bytes
}()
