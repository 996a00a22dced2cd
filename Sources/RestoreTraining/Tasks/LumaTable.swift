import RestoreImage
import RestoreNN

/// The mean color of the training pictures' pixels for each luma: the simplest colorizer there is, which others have to
/// beat. Model files hold it as text.
public struct LumaTable: Equatable, Sendable {
    /// Luma is divided into this many equal ranges.
    public static let count = 64

    /// R, G and B of each range, 0…255.
    private let colors: [SIMD3<UInt8>]

    private static let pictureCount = 4000
    private static let pixelsOfPicture = 64

    init(of pictures: PictureSet, seed: UInt64) {
        var sums = [SIMD4<Double>](repeating: SIMD4(), count: Self.count)
        if !pictures.pictures.isEmpty {
            var generator = SeededGenerator(seed: seed, path: 0x10A)
            for _ in 0..<Self.pictureCount {
                let image = pictures.pictures[pictures.drawIndex(using: &generator)].image
                for _ in 0..<Self.pixelsOfPicture {
                    let color = image.color(
                        x: generator.index(below: image.width), y: generator.index(below: image.height))
                    let luma = Luma.of(color.x, color.y, color.z)
                    sums[Self.index(of: luma)] += SIMD4(Double(color.x), Double(color.y), Double(color.z), 1)
                }
            }
        }
        colors = sums.enumerated().map { index, sum in
            // A luma that does not occur stays gray.
            let gray = (Double(index) + 0.5) / Double(Self.count)
            let mean = sum.w == 0 ? SIMD3(repeating: gray) : SIMD3(sum.x, sum.y, sum.z) / sum.w
            let scaled = (255 * mean).rounded(.toNearestOrAwayFromZero)
            return SIMD3(UInt8(scaled.x), UInt8(scaled.y), UInt8(scaled.z))
        }
    }

    private static func index(of luma: Float) -> Int { min(max(Int(luma * Float(count)), 0), count - 1) }

    /// The color for a luma in 0…1; also 0…1.
    public subscript(luma: Float) -> SIMD3<Float> {
        let color = colors[Self.index(of: luma)]
        return SIMD3(Float(color.x), Float(color.y), Float(color.z)) / 255
    }

    /// Six hexadecimal digits for each color.
    var text: String {
        colors.map { color in
            (0..<3).map { channel in
                let digits = String(color[channel], radix: 16)
                return digits.count == 1 ? "0" + digits : digits
            }.joined()
        }.joined()
    }

    /// Nil for a text that does not hold a table.
    public init?(text: String) {
        let digits = Array(text.utf8)
        guard digits.count == 6 * Self.count else { return nil }
        var bytes: [UInt8] = []
        for start in stride(from: 0, to: digits.count, by: 2) {
            guard let byte = UInt8(String(decoding: digits[start..<(start + 2)], as: UTF8.self), radix: 16) else {
                return nil
            }
            bytes.append(byte)
        }
        colors = (0..<Self.count).map { SIMD3(bytes[3 * $0], bytes[3 * $0 + 1], bytes[3 * $0 + 2]) }
    }
}

extension Image {
    /// The color of a pixel, in sRGB.
    func color(x: Int, y: Int) -> SIMD3<Float> {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 3) { color in
            guard let base = color.baseAddress else { return SIMD3() }
            copyColors(of: ImageRegion(x: x, y: y, width: 1, height: 1), to: base)
            return SIMD3(base[0], base[1], base[2])
        }
    }
}
