extension Image {
    /// The pixels of a rectangle as a picture of their own.
    ///
    /// - Precondition: `region` is inside the picture and not empty.
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
        return Image(width: region.width, height: region.height, channelLayout: channelLayout, samples: samples)
    }
}
