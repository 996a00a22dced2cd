import CImageCodecs

extension CodedImage {
    /// A gray JPEG with the color of an image: its luma coefficients and their table stay as they are; chroma is added at
    /// half the resolution (4:2:0), quantized as strongly as the luma.
    ///
    /// - Parameters:
    ///   - image: in color and of the same size; its luma is not used.
    ///   - gray: how the gray file is coded.
    ///   - path: used in error messages.
    /// - Returns: nil unless this is a JPEG of one component.
    /// - Throws: `ImageError.cannotEncode`.
    public func colored(by image: Image, gray: JPEGParameters, path: String) throws(ImageError) -> CodedImage? {
        guard format == .jpeg, gray.components.count == 1, let color = gray.withChroma else { return nil }
        var encoding = ImageEncoding(format: .jpeg)
        encoding.jpegParameters = color
        let colors = try encodeImage(image, as: encoding, path: path)
        var output = RestoreBytes()
        defer { restore_bytes_free(&output) }
        do throws(CodecFailure) {
            try checked { restore_jpeg_join(file, file.count, colors, colors.count, &output, $0) }
        } catch {
            throw .cannotEncode(path: path, reason: error.reason)
        }
        return CodedImage(Array(UnsafeBufferPointer(start: output.bytes, count: output.count)), .jpeg)
    }
}

extension JPEGParameters {
    /// Those of a gray file with chroma beside the luma: at half the resolution, by the standard's table for chrominance in
    /// the proportion of the luma's table to the standard's; nil without a table for the luma.
    var withChroma: JPEGParameters? {
        guard let component = components.first, quantizationTables.indices.contains(component.tableIndex) else {
            return nil
        }
        let luma = quantizationTables[component.tableIndex]
        let scale =
            zip(luma, Self.standardLuminance).reduce(0.0) { $0 + Double($1.0) / Double($1.1) }
            / Double(Self.standardLuminance.count)
        let chroma = Self.standardChrominance.map { UInt16(min(max((scale * Double($0)).rounded(), 1), 255)) }
        let sampled = [2, 1, 1].enumerated().map {
            Component(horizontalSampling: $1, verticalSampling: $1, tableIndex: min($0, 1))
        }
        return JPEGParameters(
            quantizationTables: [luma, chroma], components: sampled, isProgressive: isProgressive,
            optimizesCodes: true)
    }

    /// ITU-T T.81, table K.1.
    private static let standardLuminance: [UInt16] = [
        16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29,
        51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121,
        120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
    ]

    /// ITU-T T.81, table K.2.
    private static let standardChrominance: [UInt16] =
        [17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66]
        + [UInt16](repeating: 99, count: 38)
}
