import RestoreConcurrency
import RestoreImage

extension NoiseEstimator {
    /// Maximum number of pixels examined; larger images are sampled in pieces, square if the image is wide and high
    /// enough, spread evenly over it.
    private static let mostPixels = 2048 * 2048
    private static let pieceSide = 256

    /// The noise level of an image in units of 1/255.
    public func estimate(_ image: Image) -> Double {
        let (colors, width, height) = sampled(image)
        return estimate(
            colors: colors, width: width, height: height, isGray: image.channelLayout.colorChannelCount == 1)
    }

    /// The level and the kind of the noise in an image.
    public func measure(_ image: Image) -> NoiseMeasurement {
        let (colors, width, height) = sampled(image)
        return measure(
            colors: colors, width: width, height: height, isGray: image.channelLayout.colorChannelCount == 1)
    }

    /// The level and the kind of the noise in a picture as read from its file.
    public func measure(_ picture: DecodedImage) -> NoiseMeasurement { measure(picture.image) }

    /// The colors of an image, or of pieces of a large one, placed side by side.
    private func sampled(_ image: Image) -> (colors: [Float], width: Int, height: Int) {
        var image = image
        image.colorSpace = image.colorSpace.inOwnPrimaries
        guard image.pixelCount > Self.mostPixels else { return joined(bands(of: image), of: image) }
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
        return joined(pieces, of: image)
    }

    /// The whole image in pieces of full width.
    private func bands(of image: Image) -> [[ImageRegion]] {
        stride(from: 0, to: image.height, by: Self.pieceSide).map { y in
            [ImageRegion(x: 0, y: y, width: image.width, height: min(Self.pieceSide, image.height - y))]
        }
    }

    /// Places pieces, given as rows of equally sized ones, side by side.
    private func joined(_ pieces: [[ImageRegion]], of image: Image) -> (colors: [Float], width: Int, height: Int) {
        let width = pieces[0].reduce(0) { $0 + $1.width }
        var tops = [0]
        for row in pieces { tops.append(tops[tops.count - 1] + row[0].height) }
        let height = tops[pieces.count]
        let colors = [Float](unsafeUninitializedCapacity: 3 * width * height) { colors, count in
            guard let base = colors.baseAddress else { return }
            pool.run(taskCount: pieces.count) { row, _ in
                var x = 0
                for piece in pieces[row] {
                    let place = base + 3 * (tops[row] * width + x)
                    image.copyColors(of: piece, to: place, rowStride: 3 * width)
                    prepare(place, of: piece, rowStride: 3 * width, in: image)
                    x += piece.width
                }
            }
            count = 3 * width * height
        }
        return (colors, width, height)
    }

    /// Converts colors to the form expected by the estimator. Fully transparent pixels become NaN, which the estimator
    /// skips: hidden colors say nothing about the visible ones.
    private func prepare(
        _ colors: UnsafeMutablePointer<Float>, of piece: ImageRegion, rowStride: Int, in image: Image
    ) {
        for y in 0..<piece.height {
            let row = colors + y * rowStride
            image.forEachOpacity(in: ImageRegion(x: piece.x, y: piece.y + y, width: piece.width, height: 1)) {
                x, opacity in
                guard opacity == 0 else { return }
                for i in (3 * x)..<(3 * x + 3) { row[i] = .nan }
            }
        }
    }

    /// The noise level of interleaved RGB floats (0…1 unless unclipped) in units of 1/255.
    ///
    /// - Parameter isGray: whether the three channels are identical, including the noise.
    public func estimate(colors: [Float], width: Int, height: Int, isGray: Bool) -> Double {
        planes(of: colors, isGray: isGray).withUnsafeBufferPointer {
            estimate($0, width: width, height: height, channels: isGray ? 1 : 3)
        }
    }

    /// The level and the kind of the noise in interleaved RGB floats; parameters as for `estimate`.
    public func measure(colors: [Float], width: Int, height: Int, isGray: Bool) -> NoiseMeasurement {
        planes(of: colors, isGray: isGray).withUnsafeBufferPointer {
            measure($0, width: width, height: height, channels: isGray ? 1 : 3)
        }
    }

    private func planes(of colors: [Float], isGray: Bool) -> [Float] {
        isGray ? stride(from: 0, to: colors.count, by: 3).map { colors[$0] } : colors
    }
}
