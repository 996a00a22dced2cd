import RestoreNN

/// How noise is spread over the pixels and colors of a picture.
package enum SensorLayout: Sendable {
    /// One color a pixel, the others interpolated.
    case bayer(BayerMosaic)
    /// Every color in every pixel, as in pictures that were reduced since: the noise of the three is independent and
    /// then mixed by `correlation`, and neighbors are related by a blur that keeps its strength.
    case full(correlation: ColorMatrix, blur: GaussianBlur)

    /// The share of cameras with a Bayer pattern; ours.
    private static let bayerShare = 0.7

    package init(using generator: inout SeededGenerator) {
        if generator.happens(Self.bayerShare) {
            let demosaicking = BayerMosaic.Demosaicking.allCases[generator.index(below: 2)]
            self = .bayer(
                BayerMosaic(
                    columnPhase: generator.index(below: 2), rowPhase: generator.index(below: 2),
                    demosaicking: demosaicking))
        } else {
            // Even odds and the range of the blur are ours.
            let isMixed = generator.happens(0.5)
            let correlation = isMixed ? ColorMatrix.randomCorrelation(using: &generator) : .identity
            let sigma = generator.happens(0.5) ? generator.uniform(in: 0.3...1) : 0
            self = .full(correlation: correlation, blur: GaussianBlur(sigma: sigma, scale: .unitEnergy))
        }
    }

    /// How far from a pixel the noise lies that reaches it.
    var reach: Int {
        switch self {
        case .bayer: BayerMosaic.reach
        case .full(_, let blur): blur.radius
        }
    }
}
