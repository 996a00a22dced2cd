/// A sensor with a Bayer pattern records one color per pixel; the other two are interpolated from its neighbors.
///
/// Only noise is processed this way here. Both demosaicking methods are linear, so the noise of a demosaicked
/// photograph is the demosaicked noise. Their effect on the image itself is excluded: a clean photograph has been
/// demosaicked as well, and a network trained on sharper targets would learn to sharpen.
package struct BayerMosaic: Equatable, Sendable {
    /// Maximum distance of the pixels from which a pixel's colors are interpolated.
    package static let reach = 2

    /// Interpolation with the same weights everywhere.
    package enum Demosaicking: CaseIterable, Sendable {
        /// The mean of the two or four nearest pixels of that color.
        case bilinear
        /// Malvar, He & Cutler, "High-quality linear interpolation for demosaicing of Bayer-patterned color images"
        /// (ICASSP 2004), figure 2: bilinear interpolation with a correction by the gradient of the pixel's own color.
        case gradientCorrected
    }

    /// Weights of the pixel itself and of the sums over its horizontal and vertical neighbors, its diagonal neighbors,
    /// and the pixels at a distance of two horizontally and vertically.
    struct Weights: Sendable {
        let center, horizontal, vertical, diagonal, farHorizontal, farVertical: Float
    }

    /// Whether the top left pixel is at an odd column and an odd row of the pattern R G / G B.
    package let columnPhase: Int
    package let rowPhase: Int
    package let demosaicking: Demosaicking

    /// - Parameters:
    ///   - columnPhase: 0 or 1.
    ///   - rowPhase: 0 or 1.
    package init(columnPhase: Int, rowPhase: Int, demosaicking: Demosaicking) {
        precondition((0...1).contains(columnPhase) && (0...1).contains(rowPhase), "\(columnPhase), \(rowPhase)")
        self.columnPhase = columnPhase
        self.rowPhase = rowPhase
        self.demosaicking = demosaicking
    }

    /// The color recorded by the pixel: 0 red, 1 green, 2 blue.
    @inline(__always)
    package func color(column: Int, row: Int) -> Int { ((column + columnPhase) & 1) + ((row + rowPhase) & 1) }

    /// Computes the three planes from the mosaic.
    ///
    /// - Parameter mosaic: one value per pixel; beyond the edges it is mirrored about the outermost pixels, which
    ///   preserves the pattern.
    package func interpolate(_ mosaic: UnsafePointer<Float>, to planes: inout NoisePlanes) {
        let (width, height) = (planes.width, planes.height)
        let green = demosaicking.green
        let (alongRow, alongColumn, opposite) = (demosaicking.alongRow, demosaicking.alongColumn, demosaicking.opposite)
        planes.withPlanes { first, second, third in
            let planes = (first, second, third)
            for y in 0..<height {
                let isRedRow = (y + rowPhase) & 1 == 0
                for x in 0..<width {
                    let near = Neighborhood(of: mosaic, x, y, width, height)
                    let index = y * width + x
                    switch color(column: x, row: y) {
                    case 0:
                        planes.0[index] = near.center
                        planes.1[index] = near.sum(green)
                        planes.2[index] = near.sum(opposite)
                    case 2:
                        planes.0[index] = near.sum(opposite)
                        planes.1[index] = near.sum(green)
                        planes.2[index] = near.center
                    default:
                        planes.0[index] = near.sum(isRedRow ? alongRow : alongColumn)
                        planes.1[index] = near.center
                        planes.2[index] = near.sum(isRedRow ? alongColumn : alongRow)
                    }
                }
            }
        }
    }

    /// The values to which the weights of a pixel apply.
    private struct Neighborhood {
        let center, horizontal, vertical, diagonal, farHorizontal, farVertical: Float

        @inline(__always)
        init(of mosaic: UnsafePointer<Float>, _ x: Int, _ y: Int, _ width: Int, _ height: Int) {
            let isInside = x >= 2 && y >= 2 && x < width - 2 && y < height - 2
            let row = mosaic + y * width + x
            let left = isInside ? -1 : reflected(x - 1, width) - x
            let right = isInside ? 1 : reflected(x + 1, width) - x
            let farLeft = isInside ? -2 : reflected(x - 2, width) - x
            let farRight = isInside ? 2 : reflected(x + 2, width) - x
            let above = row + (isInside ? -1 : reflected(y - 1, height) - y) * width
            let below = row + (isInside ? 1 : reflected(y + 1, height) - y) * width
            let farAbove = row + (isInside ? -2 : reflected(y - 2, height) - y) * width
            let farBelow = row + (isInside ? 2 : reflected(y + 2, height) - y) * width
            center = row[0]
            horizontal = row[left] + row[right]
            vertical = above[0] + below[0]
            diagonal = above[left] + above[right] + below[left] + below[right]
            farHorizontal = row[farLeft] + row[farRight]
            farVertical = farAbove[0] + farBelow[0]
        }

        @inline(__always)
        func sum(_ weights: Weights) -> Float {
            weights.center * center + weights.horizontal * horizontal + weights.vertical * vertical
                + weights.diagonal * diagonal + weights.farHorizontal * farHorizontal + weights.farVertical
                * farVertical
        }
    }
}

extension BayerMosaic.Demosaicking {
    /// Green where red or blue is recorded.
    var green: BayerMosaic.Weights {
        switch self {
        case .bilinear: weights(0, 2, 2, 0, 0, 0)
        case .gradientCorrected: weights(4, 2, 2, 0, -1, -1)
        }
    }

    /// Red or blue where green is recorded, from neighbors in the row.
    var alongRow: BayerMosaic.Weights {
        switch self {
        case .bilinear: weights(0, 4, 0, 0, 0, 0)
        case .gradientCorrected: weights(5, 4, 0, -1, -1, 0.5)
        }
    }

    /// Red or blue where green is recorded, from neighbors in the column.
    var alongColumn: BayerMosaic.Weights {
        switch self {
        case .bilinear: weights(0, 0, 4, 0, 0, 0)
        case .gradientCorrected: weights(5, 0, 4, -1, 0.5, -1)
        }
    }

    /// Red where blue is recorded, and vice versa.
    var opposite: BayerMosaic.Weights {
        switch self {
        case .bilinear: weights(0, 0, 0, 2, 0, 0)
        case .gradientCorrected: weights(6, 0, 0, 2, -1.5, -1.5)
        }
    }

    /// In eighths, as in the paper.
    private func weights(
        _ center: Float, _ horizontal: Float, _ vertical: Float, _ diagonal: Float, _ farHorizontal: Float,
        _ farVertical: Float
    ) -> BayerMosaic.Weights {
        BayerMosaic.Weights(
            center: center / 8, horizontal: horizontal / 8, vertical: vertical / 8, diagonal: diagonal / 8,
            farHorizontal: farHorizontal / 8, farVertical: farVertical / 8)
    }
}

/// Mirrored about the outermost pixel, … 2 1 | 0 1 2 …, which keeps even and odd positions separate if there are at
/// least two.
@inline(__always)
private func reflected(_ index: Int, _ count: Int) -> Int {
    guard count > 1 else { return 0 }
    let period = 2 * (count - 1)
    let place = ((index % period) + period) % period
    return place < count ? place : period - place
}
