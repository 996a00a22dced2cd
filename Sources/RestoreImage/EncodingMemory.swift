// Most of a JPEG is written as its rows come. Huffman codes that are made for the picture, and scans that go over it again and
// again, need all of its coefficients first.

extension ImageEncoding {
    /// What the coefficients may take where nothing says whether codes are to be made for the picture: 11 megapixels with all
    /// of their colors, 22 with a quarter. They save 4 % of the bytes at quality 95 and 0.5 to 2 % at 75; 24 megapixels take
    /// 0.1 s for it, and 140 MB.
    private static let freeCoefficientBytes = 64 << 20

    /// Bytes that writing a picture holds at once beside the picture and its file; 0 where it is written as its rows come.
    public func workingBytes(for image: Image) -> Int {
        workingBytes(width: image.width, height: image.height, channelLayout: image.channelLayout)
    }

    /// The same for a picture that is not made yet.
    public func workingBytes(width: Int, height: Int, channelLayout: Image.ChannelLayout) -> Int {
        guard format == .jpeg else { return 0 }
        let channels = channelLayout.colorChannelCount
        guard let parameters = jpegParameters, parameters.storable(channelCount: channels) != nil else {
            return optimizesCodes(width: width, height: height, colorChannelCount: channels)
                ? coefficientBytes(width: width, height: height, colorChannelCount: channels) : 0
        }
        guard parameters.optimizesCodes || parameters.isProgressive else { return 0 }
        return Self.coefficientBytes(width: width, height: height, parameters.components)
    }

    /// Whether a JPEG that is written by its quality gets Huffman codes of its own.
    func optimizesCodes(width: Int, height: Int, colorChannelCount channels: Int) -> Bool {
        coefficientBytes(width: width, height: height, colorChannelCount: channels) <= Self.freeCoefficientBytes
    }

    private func coefficientBytes(width: Int, height: Int, colorChannelCount channels: Int) -> Int {
        let factor = channels == 3 && subsamplesColor ? 2 : 1
        let components = (0..<channels).map {
            JPEGParameters.Component(
                horizontalSampling: $0 == 0 ? factor : 1, verticalSampling: $0 == 0 ? factor : 1, tableIndex: 0)
        }
        return Self.coefficientBytes(width: width, height: height, components)
    }

    /// 64 coefficients of 16 bits for each block of each component, in whole interleaved units.
    private static func coefficientBytes(width: Int, height: Int, _ components: [JPEGParameters.Component]) -> Int {
        let widest = components.map(\.horizontalSampling).max() ?? 1
        let tallest = components.map(\.verticalSampling).max() ?? 1
        let units = ((width - 1) / (8 * widest) + 1) * ((height - 1) / (8 * tallest) + 1)
        return 128 * units * components.reduce(0) { $0 + $1.horizontalSampling * $1.verticalSampling }
    }
}
