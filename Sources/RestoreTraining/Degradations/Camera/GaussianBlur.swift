import Glibc

/// A separable Gaussian filter, truncated at three standard deviations.
package struct GaussianBlur: Sendable {
    /// Weights from the center outwards.
    package let weights: [Float]
    package var radius: Int { weights.count - 1 }

    /// How the weights are normalized.
    package enum Scale: Sendable {
        /// They sum to 1: a constant is preserved.
        case unitSum
        /// Their squares sum to 1: the strength of white noise is preserved.
        case unitEnergy
    }

    /// - Parameter sigma: standard deviation in pixels, not negative; 0 has no effect.
    package init(sigma: Double, scale: Scale = .unitSum) {
        precondition(sigma >= 0, "sigma \(sigma)")
        let radius = Int((3 * sigma).rounded(.up))
        let values = (0...radius).map { $0 == 0 ? 1 : exp(-0.5 * pow(Double($0) / sigma, 2)) }
        func total(_ value: (Double) -> Double) -> Double { 2 * values.dropFirst().reduce(0) { $0 + value($1) } + 1 }
        let divisor = scale == .unitSum ? total { $0 } : total { $0 * $0 }.squareRoot()
        weights = values.map { Float($0 / divisor) }
    }

    /// Filters a plane in place; beyond its edges the outermost values are repeated.
    ///
    /// - Parameter scratch: as many floats as the plane has, which are overwritten.
    package func apply(
        to plane: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>, width: Int, height: Int
    ) {
        guard radius > 0 else { return }
        weights.withUnsafeBufferPointer { weights in
            filterRows(of: plane, to: scratch, width: width, height: height, weights)
            filterColumns(of: scratch, to: plane, width: width, height: height, weights)
        }
    }

    private func filterRows(
        of source: UnsafeMutablePointer<Float>, to target: UnsafeMutablePointer<Float>, width: Int, height: Int,
        _ weights: UnsafeBufferPointer<Float>
    ) {
        for y in 0..<height {
            let (from, to) = (source + y * width, target + y * width)
            for x in 0..<width { to[x] = weights[0] * from[x] }
            for k in 1..<weights.count {
                let weight = weights[k]
                let inner = min(k, width)..<max(width - k, min(k, width))
                for x in inner { to[x] += weight * (from[x - k] + from[x + k]) }
                for x in 0..<width where !inner.contains(x) {
                    to[x] += weight * (from[max(x - k, 0)] + from[min(x + k, width - 1)])
                }
            }
        }
    }

    private func filterColumns(
        of source: UnsafeMutablePointer<Float>, to target: UnsafeMutablePointer<Float>, width: Int, height: Int,
        _ weights: UnsafeBufferPointer<Float>
    ) {
        for y in 0..<height {
            let (from, to) = (source + y * width, target + y * width)
            for x in 0..<width { to[x] = weights[0] * from[x] }
            for k in 1..<weights.count {
                let weight = weights[k]
                let above = source + max(y - k, 0) * width
                let below = source + min(y + k, height - 1) * width
                for x in 0..<width { to[x] += weight * (above[x] + below[x]) }
            }
        }
    }
}
