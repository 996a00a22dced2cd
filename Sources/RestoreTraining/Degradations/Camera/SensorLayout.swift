import RestoreNN

/// How noise is distributed over the pixels and colors of an image.
package enum SensorLayout: Sendable {
    /// One color per pixel, the others interpolated.
    case bayer(BayerMosaic)
    /// Every color at every pixel, as in images that were downscaled afterwards: the noise of the three channels is
    /// independent and then mixed by `correlation`, and neighbors are correlated by a blur that preserves its strength.
    case full(correlation: ColorMatrix, blur: GaussianBlur)

    /// The share of cameras with a Bayer pattern; our choice.
    private static let bayerShare = 0.7

    package init(using generator: inout SeededGenerator) {
        if generator.happens(Self.bayerShare) {
            let demosaicking = BayerMosaic.Demosaicking.allCases[generator.index(below: 2)]
            self = .bayer(
                BayerMosaic(
                    columnPhase: generator.index(below: 2), rowPhase: generator.index(below: 2),
                    demosaicking: demosaicking))
        } else {
            // The equal probabilities and the range of the blur are ours.
            let isMixed = generator.happens(0.5)
            let correlation = isMixed ? ColorMatrix.randomCorrelation(using: &generator) : .identity
            let sigma = generator.happens(0.5) ? generator.uniform(in: 0.3...1) : 0
            self = .full(correlation: correlation, blur: GaussianBlur(sigma: sigma, scale: .unitEnergy))
        }
    }

    /// Maximum distance from which noise influences a pixel.
    var reach: Int {
        switch self {
        case .bayer: BayerMosaic.reach
        case .full(_, let blur): blur.radius
        }
    }
}
