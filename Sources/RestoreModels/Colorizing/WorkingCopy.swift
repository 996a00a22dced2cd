import RestoreConcurrency
import RestoreImage
import RestoreNN

/// The reduced luma of a picture, as a colorizer sees it.
struct WorkingCopy {
    let width: Int
    let height: Int
    private let luma: [Float]

    /// - Parameter longSide: at most; a smaller picture keeps its size.
    init(of image: Image, longSide: Int, pool: WorkerPool) {
        let most = max(image.width, image.height)
        let scale = min(1, Double(longSide) / Double(most))
        width = max(1, Int((scale * Double(image.width)).rounded()))
        height = max(1, Int((scale * Double(image.height)).rounded()))
        let reduced = image.resized(width: width, height: height, filter: .area, pool: pool)
        let colors = reduced.colors
        luma = (0..<(width * height)).map { Luma.of(colors[3 * $0], colors[3 * $0 + 1], colors[3 * $0 + 2]) }
    }

    /// The luma in another size.
    func luma(width: Int, height: Int) -> [Float] {
        if (width, height) == (self.width, self.height) { return luma }
        return Resizing(
            fromWidth: self.width, height: self.height, toWidth: width, height: height, filter: .area
        ).resized(luma)
    }

    /// The network's input, continued by mirroring to the padded size; luma, and with four channels the hints.
    func input(_ padded: PaddedSize, channels: Int, hints: [ColorHint]) -> [Float] {
        var values = [Float](repeating: 0, count: channels * padded.width * padded.height)
        for y in 0..<padded.height {
            for x in 0..<padded.width {
                let source = Self.mirrored(y, height) * width + Self.mirrored(x, width)
                values[channels * (y * padded.width + x)] = luma[source]
            }
        }
        guard channels == 4 else { return values }
        for hint in hints where (0..<width).contains(hint.x) && (0..<height).contains(hint.y) {
            let place = channels * (hint.y * padded.width + hint.x)
            (values[place + 1], values[place + 2], values[place + 3]) = (hint.chroma.x, hint.chroma.y, 1)
        }
        return values
    }

    private static func mirrored(_ index: Int, _ count: Int) -> Int {
        let period = 2 * count
        let place = index % period
        return place < count ? place : period - 1 - place
    }
}

/// A size rounded up to multiples of an alignment.
struct PaddedSize {
    let width: Int
    let height: Int

    init(width: Int, height: Int, alignment: Int) {
        self.width = (width + alignment - 1) / alignment * alignment
        self.height = (height + alignment - 1) / alignment * alignment
    }

    func shape(channels: Int) -> Shape { Shape(batch: 1, height: height, width: width, channels: channels) }

    static func half(_ width: Int, _ height: Int) -> (width: Int, height: Int) { (width / 2, height / 2) }
}
