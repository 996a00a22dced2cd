import RestoreImage

extension NoiseEstimator {
    /// Pixels that are looked at, at most; larger pictures are sampled in pieces, square where they are wide and high
    /// enough, spread evenly over them.
    private static let mostPixels = 2048 * 2048
    private static let pieceSide = 256

    /// The noise level of a picture in units of 1/255.
    public func estimate(_ image: Image) -> Double {
        let channels = image.channelLayout.colorChannelCount
        guard image.pixelCount > Self.mostPixels else {
            return estimate(image, pieces: bands(of: image), channels: channels)
        }
        let (width, height) = (min(Self.pieceSide, image.width), min(Self.pieceSide, image.height))
        let mostPieces = Self.mostPixels / (width * height)
        let columns = min(image.width / width, mostPieces, 8 * max(1, image.width / image.height))
        let rows = max(1, min(image.height / height, mostPieces / columns))
        let pieces = (0..<rows).map { row in
            (0..<columns).map { column in
                ImageRegion(
                    x: column * (image.width - width) / max(1, columns - 1),
                    y: row * (image.height - height) / max(1, rows - 1), width: width, height: height)
            }
        }
        return estimate(image, pieces: pieces, channels: channels)
    }

    /// The whole picture in pieces of its width.
    private func bands(of image: Image) -> [[ImageRegion]] {
        stride(from: 0, to: image.height, by: Self.pieceSide).map { y in
            [ImageRegion(x: 0, y: y, width: image.width, height: min(Self.pieceSide, image.height - y))]
        }
    }

    /// Lays pieces, rows of equal ones, side by side and estimates the whole.
    private func estimate(_ image: Image, pieces: [[ImageRegion]], channels: Int) -> Double {
        let width = pieces[0].reduce(0) { $0 + $1.width }
        var tops = [0]
        for row in pieces { tops.append(tops[tops.count - 1] + row[0].height) }
        let height = tops[pieces.count]
        let colors = [Float](unsafeUninitializedCapacity: 3 * width * height) { colors, count in
            guard let base = colors.baseAddress else { return }
            runner.run(taskCount: pieces.count) { row in
                var x = 0
                for piece in pieces[row] {
                    image.copyColors(of: piece, to: base + 3 * (tops[row] * width + x), rowStride: 3 * width)
                    x += piece.width
                }
            }
            count = 3 * width * height
        }
        return estimate(colors: colors, width: width, height: height, isGrey: channels == 1)
    }

    /// The noise level of interleaved RGB floats (0…1 where they are not clipped) in units of 1/255.
    ///
    /// - Parameter isGrey: the three channels are the same, noise included.
    public func estimate(colors: [Float], width: Int, height: Int, isGrey: Bool) -> Double {
        if isGrey {
            let grey = (0..<(width * height)).map { colors[3 * $0] }
            return grey.withUnsafeBufferPointer { estimate($0, width: width, height: height, channels: 1) }
        }
        return colors.withUnsafeBufferPointer { estimate($0, width: width, height: height, channels: 3) }
    }
}
