import RestoreImage

/// A color that the user gives to a place of a picture.
public struct ColorHint: Hashable, Sendable {
    /// The pixel, counted from the top left.
    public let x: Int
    public let y: Int
    /// Cb and Cr (`Chroma`), −0.5…0.5.
    public let chroma: SIMD2<Float>

    public init(x: Int, y: Int, chroma: SIMD2<Float>) {
        self.x = x
        self.y = y
        self.chroma = chroma
    }

    /// - Parameters:
    ///   - red: of an encoded sRGB color, 0…1, as are the others.
    public init(x: Int, y: Int, red: Float, green: Float, blue: Float) {
        self.init(x: x, y: y, chroma: Chroma.of(red, green, blue))
    }
}

extension ColorHint {
    /// The hints of a layer that is transparent where there is none: at most one for each pixel of a copy of the given
    /// size, the mean of the opaque pixels there.
    ///
    /// - Precondition: the layer has alpha.
    public static func hints(of layer: Image, longSide: Int) -> [ColorHint] {
        precondition(layer.channelLayout.hasAlpha, "a layer without alpha")
        let step = max(1, (max(layer.width, layer.height) + longSide - 1) / longSide)
        var hints: [ColorHint] = []
        for top in stride(from: 0, to: layer.height, by: step) {
            let rows = min(step, layer.height - top)
            let band = LayerBand(of: layer, top: top, rows: rows)
            for left in stride(from: 0, to: layer.width, by: step) {
                let columns = left..<min(left + step, layer.width)
                guard let color = band.mean(of: columns) else { continue }
                hints.append(
                    ColorHint(
                        x: left + columns.count / 2, y: top + rows / 2, red: color.x, green: color.y, blue: color.z))
            }
        }
        return hints
    }
}

/// Some rows of a layer of hints.
private struct LayerBand {
    private let width: Int
    private let rows: Int
    private var colors: [Float]
    private var opacities: [Float]

    /// Less opaque pixels are the soft edges of a brush.
    private static let leastOpacity: Float = 0.5

    init(of layer: Image, top: Int, rows: Int) {
        (width, self.rows) = (layer.width, rows)
        colors = [Float](repeating: 0, count: 3 * layer.width * rows)
        opacities = [Float](repeating: 0, count: layer.width * rows)
        colors.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            layer.copyColors(of: ImageRegion(x: 0, y: top, width: layer.width, height: rows), to: base)
        }
        for row in 0..<rows {
            layer.forEachOpacity(in: ImageRegion(x: 0, y: top + row, width: layer.width, height: 1)) { x, opacity in
                opacities[row * layer.width + x] = opacity
            }
        }
    }

    /// The mean color of the opaque pixels; nil if there is none.
    func mean(of columns: Range<Int>) -> SIMD3<Float>? {
        var (sum, count) = (SIMD3<Float>(), Float(0))
        for row in 0..<rows {
            for x in columns where opacities[row * width + x] >= Self.leastOpacity {
                let place = 3 * (row * width + x)
                sum += SIMD3(colors[place], colors[place + 1], colors[place + 2])
                count += 1
            }
        }
        return count == 0 ? nil : sum / count
    }
}
