import RestoreConcurrency
import RestoreImage

/// Chroma of low resolution that follows the edges of a luma of high resolution.
///
/// The guided filter (He, Sun & Tang, "Guided image filtering", TPAMI 2013) explains chroma in each small window by a
/// line, a·Y′ + b, whose coefficients are found at the low resolution and interpolated to the high one (He & Sun, "Fast
/// guided filter", 2015). Where the luma has an edge, so has the chroma.
package struct GuidedChroma: Sendable {
    /// Sides of the low resolution.
    let width: Int
    let height: Int
    /// a of Cb, a of Cr, b of Cb, b of Cr of every pixel.
    private let coefficients: [SIMD4<Float>]

    /// Pixels from the center of a window to its border, and the variance of luma below which a window counts as flat.
    /// Chosen on training photographs.
    private static let radius = 2
    private static let epsilon: Float = 1e-3

    /// - Parameters:
    ///   - chroma: Cb, Cr of every pixel.
    ///   - luma: Y′ of every pixel.
    package init(_ chroma: [SIMD2<Float>], luma: [Float], width: Int, height: Int) {
        precondition(chroma.count == width * height && luma.count == chroma.count, "\(width)×\(height) pixels")
        self.width = width
        self.height = height
        // Y′, Y′², Cb, Cr, Y′Cb, Y′Cr.
        let products = zip(luma, chroma).map { luma, chroma in
            SIMD8<Float>(luma, luma * luma, chroma.x, chroma.y, luma * chroma.x, luma * chroma.y, 0, 0)
        }
        let lines = Self.windowMeans(products, width: width, height: height).map { mean in
            let variance = max(0, mean[1] - mean[0] * mean[0])
            let slope = SIMD2(mean[4] - mean[0] * mean[2], mean[5] - mean[0] * mean[3]) / (variance + Self.epsilon)
            let offset = SIMD2(mean[2], mean[3]) - slope * mean[0]
            return SIMD8<Float>(slope.x, slope.y, offset.x, offset.y, 0, 0, 0, 0)
        }
        coefficients = Self.windowMeans(lines, width: width, height: height).map { $0.lowHalf }
    }

    /// Means over the windows around every pixel, cut off at the edges.
    private static func windowMeans(_ values: [SIMD8<Float>], width: Int, height: Int) -> [SIMD8<Float>] {
        func means(_ values: [SIMD8<Float>], count: Int, step: Int, lines: Int, lineStep: Int) -> [SIMD8<Float>] {
            var result = values
            for line in 0..<lines {
                for place in 0..<count {
                    let window = max(0, place - radius)...min(count - 1, place + radius)
                    var sum = SIMD8<Float>()
                    for other in window { sum += values[line * lineStep + other * step] }
                    result[line * lineStep + place * step] = sum / Float(window.count)
                }
            }
            return result
        }
        let rows = means(values, count: width, step: 1, lines: height, lineStep: width)
        return means(rows, count: height, step: width, lines: width, lineStep: 1)
    }

    /// The chroma of a row of the high resolution.
    ///
    /// - Parameters:
    ///   - y: the row, of `fullHeight`.
    ///   - luma: the row's Y′, `fullWidth` floats.
    ///   - chroma: as many pairs are written.
    package func write(
        row y: Int, of fullHeight: Int, luma: UnsafePointer<Float>, fullWidth: Int,
        to chroma: UnsafeMutablePointer<SIMD2<Float>>
    ) {
        let (upper, lower, down) = Self.neighbors(y, of: fullHeight, in: height)
        coefficients.withUnsafeBufferPointer { coefficients in
            for x in 0..<fullWidth {
                let (left, right, across) = Self.neighbors(x, of: fullWidth, in: width)
                let above = Self.mix(coefficients[upper * width + left], coefficients[upper * width + right], across)
                let below = Self.mix(coefficients[lower * width + left], coefficients[lower * width + right], across)
                let line = Self.mix(above, below, down)
                chroma[x] = line.lowHalf * luma[x] + line.highHalf
            }
        }
    }

    @inline(__always)
    private static func mix(_ a: SIMD4<Float>, _ b: SIMD4<Float>, _ share: Float) -> SIMD4<Float> {
        a + share * (b - a)
    }

    /// The two pixels of the low resolution around a position of the high one, and the share of the second.
    @inline(__always)
    private static func neighbors(_ place: Int, of full: Int, in low: Int) -> (Int, Int, Float) {
        let position = max(0, (Float(place) + 0.5) * Float(low) / Float(full) - 0.5)
        let first = min(Int(position), low - 1)
        return (first, min(first + 1, low - 1), min(position - Float(first), 1))
    }
}
