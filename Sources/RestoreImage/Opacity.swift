extension Image {
    /// Whether every pixel is fully opaque: alpha is the largest sample value everywhere, or there is no alpha.
    public var isOpaque: Bool {
        guard channelLayout.hasAlpha else { return true }
        switch storage {
        case .uint8(let values): return leastAlpha(values, 0..<height) == .max
        case .uint16(let values): return leastAlpha(values, 0..<height) == .max
        }
    }

    /// The same image without alpha.
    func withoutAlpha() -> Image {
        guard channelLayout.hasAlpha else { return self }
        let colors = channelLayout.colorChannelCount
        func kept<Sample: FixedWidthInteger>(_ values: [Sample]) -> [Sample] {
            [Sample](unsafeUninitializedCapacity: pixelCount * colors) { target, count in
                count = pixelCount * colors
                values.withUnsafeBufferPointer { values in
                    for pixel in 0..<pixelCount {
                        for channel in 0..<colors {
                            target.initializeElement(
                                at: pixel * colors + channel, to: values[pixel * (colors + 1) + channel])
                        }
                    }
                }
            }
        }
        let samples: Samples =
            switch storage {
            case .uint8(let values): .uint8(kept(values))
            case .uint16(let values): .uint16(kept(values))
            }
        var result = Image(
            width: width, height: height, channelLayout: colors == 1 ? .gray : .rgb, samples: samples)
        result.colorSpace = colorSpace
        return result
    }

    /// The minimum alpha of some rows.
    func leastAlpha<Sample: FixedWidthInteger>(_ values: [Sample], _ rows: Range<Int>) -> Sample {
        let channels = channelLayout.channelCount
        return values.withUnsafeBufferPointer { values in
            guard let base = values.baseAddress else { return 0 }
            var least = Sample.max
            // No early exit, which would prevent vectorization.
            for pixel in (rows.lowerBound * width)..<(rows.upperBound * width) {
                least = min(least, base[pixel * channels + channels - 1])
            }
            return least
        }
    }
}
