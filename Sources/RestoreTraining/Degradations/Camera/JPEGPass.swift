import RestoreImage
import RestoreNN

/// One round of JPEG compression.
package struct JPEGPass: Equatable, Sendable {
    /// libjpeg's quality.
    package let quality: Int
    /// Whether color is stored at half resolution (4:2:0) or at full resolution (4:4:4).
    package let subsamplesColor: Bool
    /// How far the file's block grid begins to the left of and above the image, 0…15: the blocks of 4:2:0 are 16 wide.
    package let columnOffset: Int
    package let rowOffset: Int

    /// Side of the largest block.
    package static let block = 16

    package init(quality: Int, subsamplesColor: Bool, columnOffset: Int = 0, rowOffset: Int = 0) {
        precondition((1...100).contains(quality), "quality \(quality)")
        let range = 0..<Self.block
        precondition(range.contains(columnOffset) && range.contains(rowOffset), "\(columnOffset), \(rowOffset)")
        self.quality = quality
        self.subsamplesColor = subsamplesColor
        self.columnOffset = columnOffset
        self.rowOffset = rowOffset
    }

    /// The qualities of camera files: 50…95 lies between the ranges of Guo et al. (CVPR 2019, section 3.1: 60…100) and
    /// Zhang et al. (ICCV 2021: 30…95).
    package static let cameraQualities = 50...95

    /// A random quality and block grid; the equal probabilities for color subsampling are ours.
    package init(qualities: ClosedRange<Int>, using generator: inout SeededGenerator) {
        self.init(
            quality: qualities.lowerBound + generator.index(below: qualities.count),
            subsamplesColor: generator.happens(0.5),
            columnOffset: generator.index(below: Self.block), rowOffset: generator.index(below: Self.block))
    }

    /// The same with the blocks starting at the image's corner, as in a file that is read whole.
    package var atCorner: JPEGPass { JPEGPass(quality: quality, subsamplesColor: subsamplesColor) }

    /// None, one, or two in a row, as when a photograph or a crop of it is saved again: the second has a different
    /// block grid.
    ///
    /// Three in four images go through JPEG, and three in ten of these twice; the probabilities are ours.
    package static func randomPasses(
        qualities: ClosedRange<Int>, using generator: inout SeededGenerator
    ) -> [JPEGPass] {
        guard generator.happens(0.75) else { return [] }
        let first = JPEGPass(qualities: qualities, using: &generator)
        return generator.happens(0.3) ? [first, JPEGPass(qualities: qualities, using: &generator)] : [first]
    }

    /// Encodes and decodes an 8-bit image without alpha. Beyond its edges it is continued by mirroring, up to the ends of
    /// the blocks.
    ///
    /// - Returns: the image, and what its file says about the compression.
    /// - Throws: `ImageError.cannotEncode` if image and offset together exceed the limits of JPEG (65500 pixels per
    ///   side).
    package func apply(to image: Image) throws(ImageError) -> (image: Image, parameters: JPEGParameters?) {
        let extended = image.extended(
            left: columnOffset, top: rowOffset,
            width: Self.roundedUp(image.width + columnOffset), height: Self.roundedUp(image.height + rowOffset))
        var encoding = ImageEncoding(format: .jpeg, jpegQuality: quality)
        encoding.jpegSubsamplesColor = subsamplesColor
        let name = "a JPEG in memory"
        let decoded = try decodeImage(
            encodeImage(extended, as: encoding, path: name), path: name, limits: ImageLimits(maximumPixels: .max))
        let cropped = decoded.image.cropped(
            to: ImageRegion(x: columnOffset, y: rowOffset, width: image.width, height: image.height))
        return (cropped, decoded.jpeg)
    }

    private static func roundedUp(_ length: Int) -> Int { (length + block - 1) / block * block }
}

extension Image {
    /// The 8-bit image within a larger one, extended by mirroring.
    fileprivate func extended(left: Int, top: Int, width: Int, height: Int) -> Image {
        guard case .uint8(let values) = samples else { preconditionFailure("\(bitDepth) bits a sample") }
        let channels = channelLayout.channelCount
        let columns = (0..<width).map { channels * mirrored($0 - left, self.width) }
        let filled = [UInt8](unsafeUninitializedCapacity: channels * width * height) { buffer, count in
            values.withUnsafeBufferPointer { source in
                var target = 0
                for y in 0..<height {
                    let row = channels * self.width * mirrored(y - top, self.height)
                    for column in columns {
                        for channel in 0..<channels {
                            buffer[target] = source[row + column + channel]
                            target += 1
                        }
                    }
                }
            }
            count = channels * width * height
        }
        return Image(width: width, height: height, channelLayout: channelLayout, samples: .uint8(filled))
    }
}
