import RestoreImage

/// Kinds of pictures that compressors treat differently.
enum Content: CaseIterable {
    /// Nothing but zeros.
    case black
    /// Nothing that could be made smaller.
    case noise
    /// A slope with some noise on it, as a photograph has.
    case scene
    /// Few values, in shapes that come again and again.
    case drawing

    func image(width: Int, height: Int, _ layout: Image.ChannelLayout, bitDepth: Int) -> Image {
        switch self {
        case .black: Image(width: width, height: height, channelLayout: layout, bitDepth: bitDepth)
        case .noise: .random(width: width, height: height, layout, bitDepth: bitDepth, seed: 21)
        case .scene:
            made(width, height, layout, bitDepth) { x, y, channel, random in
                0.1 + Double((x + 2 * y) % 2000) / 3000 + 0.05 * Double(channel) + Double(random % 8) / 255
            }
        case .drawing:
            made(width, height, layout, bitDepth) { x, y, channel, _ in
                (x * x / 7 + y % 13 * (x % 37)) % 5 == 0 ? 0.2 * Double(channel + 1) : 1
            }
        }
    }

    private func made(
        _ width: Int, _ height: Int, _ layout: Image.ChannelLayout, _ bitDepth: Int,
        value: (_ x: Int, _ y: Int, _ channel: Int, _ random: UInt64) -> Double
    ) -> Image {
        var generator = SeededGenerator(seed: 22)
        var values: [Double] = []
        values.reserveCapacity(width * height * layout.channelCount)
        for y in 0..<height {
            for x in 0..<width {
                for channel in 0..<layout.channelCount {
                    values.append(min(1, value(x, y, channel, generator.next() >> 40)))
                }
            }
        }
        let samples: Image.Samples =
            bitDepth == 8 ? .uint8(values.map { UInt8($0 * 255) }) : .uint16(values.map { UInt16($0 * 65535) })
        return Image(width: width, height: height, channelLayout: layout, samples: samples)
    }
}
