extension Image {
    /// The pixels of a rectangle as a separate image.
    ///
    /// - Precondition: `region` is inside the image and not empty.
    public func cropped(to region: ImageRegion) -> Image {
        precondition(
            region.x >= 0 && region.y >= 0 && region.width >= 1 && region.height >= 1
                && region.width <= width - region.x && region.height <= height - region.y,
            "\(region) is not inside \(width)×\(height) pixels")
        func rows<Sample>(_ values: [Sample]) -> [Sample] {
            let channels = channelLayout.channelCount
            var cropped: [Sample] = []
            cropped.reserveCapacity(region.width * region.height * channels)
            for y in region.y..<(region.y + region.height) {
                let start = (y * width + region.x) * channels
                cropped.append(contentsOf: values[start..<(start + region.width * channels)])
            }
            return cropped
        }
        let samples: Samples =
            switch samples {
            case .uint8(let values): .uint8(rows(values))
            case .uint16(let values): .uint16(rows(values))
            }
        var result = Image(width: region.width, height: region.height, channelLayout: channelLayout, samples: samples)
        result.colorSpace = colorSpace
        return result
    }
}

extension Image {
    /// This image and another one of the same kind and height, side by side, in the color space of this one.
    ///
    /// - Precondition: channel layout, bit depth and height are equal.
    public func beside(_ other: Image) -> Image {
        precondition(
            channelLayout == other.channelLayout && bitDepth == other.bitDepth && height == other.height,
            "pictures of different kinds or heights side by side")
        func rows<Sample>(_ left: [Sample], _ right: [Sample]) -> [Sample] {
            let (leftCount, rightCount) = (width * channelLayout.channelCount, other.width * channelLayout.channelCount)
            var joined: [Sample] = []
            joined.reserveCapacity(left.count + right.count)
            for y in 0..<height {
                joined.append(contentsOf: left[(y * leftCount)..<((y + 1) * leftCount)])
                joined.append(contentsOf: right[(y * rightCount)..<((y + 1) * rightCount)])
            }
            return joined
        }
        let samples: Samples =
            switch (samples, other.samples) {
            case (.uint8(let left), .uint8(let right)): .uint8(rows(left, right))
            case (.uint16(let left), .uint16(let right)): .uint16(rows(left, right))
            default: preconditionFailure("bit depths \(bitDepth) and \(other.bitDepth)")
            }
        var result = Image(width: width + other.width, height: height, channelLayout: channelLayout, samples: samples)
        result.colorSpace = colorSpace
        return result
    }
}

extension Image {
    /// This image with margins from its opposite borders, as if it were repeated to all sides; margins may be larger than
    /// the image.
    ///
    /// - Parameters:
    ///   - x: columns added on the left and on the right each, at least 0.
    ///   - y: rows added at the top and at the bottom each.
    public func wrapped(x: Int, y: Int) -> Image {
        precondition(x >= 0 && y >= 0, "margins of \(x)×\(y) pixels")
        let (wide, high) = (width + 2 * x, height + 2 * y)
        func extended<Sample>(_ values: [Sample]) -> [Sample] {
            let channels = channelLayout.channelCount
            var result: [Sample] = []
            result.reserveCapacity(wide * high * channels)
            for row in -y..<(height + y) {
                let start = wrap(row, height) * width
                var column = -x
                while column < width + x {
                    // To the right border of the image, or of the margin.
                    let source = wrap(column, width)
                    let count = min(width - source, width + x - column)
                    result.append(
                        contentsOf: values[((start + source) * channels)..<((start + source + count) * channels)])
                    column += count
                }
            }
            return result
        }
        let samples: Samples =
            switch samples {
            case .uint8(let values): .uint8(extended(values))
            case .uint16(let values): .uint16(extended(values))
            }
        var result = Image(width: wide, height: high, channelLayout: channelLayout, samples: samples)
        result.colorSpace = colorSpace
        return result
    }
}

/// The remainder of a division, at least 0.
private func wrap(_ place: Int, _ count: Int) -> Int {
    let rest = place % count
    return rest < 0 ? rest + count : rest
}
