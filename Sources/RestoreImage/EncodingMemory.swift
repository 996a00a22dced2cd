// A JPEG is mostly written as its rows arrive. Optimized Huffman codes, and progressive scans, need all of its
// coefficients first.

extension ImageEncoding {
    /// Memory limit for the coefficients when the caller has not chosen whether to optimize the codes: 11 megapixels
    /// with full color resolution, 22 with a quarter. Optimization saves 4% of the bytes at quality 95 and 0.5 to 2% at
    /// 75; for 24 megapixels it takes 0.1 s and 140 MB.
    private static let freeCoefficientBytes = 64 << 20

    /// Memory allocated during encoding, besides the image and its file; 0 if it is written as its rows arrive.
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

    /// Whether a JPEG written by quality gets optimized Huffman codes.
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
