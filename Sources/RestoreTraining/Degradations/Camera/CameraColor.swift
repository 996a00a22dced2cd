import RestoreNN

/// The linear steps between sensor values and linear sRGB: exposure, white balance, color matrix.
///
///     linear sRGB = toSRGB · (gains ∘ sensor)
///
/// Brooks et al., "Unprocessing Images for Learned Raw Denoising" (CVPR 2019), section 3, and their program: the image
/// is brightened by the reciprocal of a number with mean 0.8 and standard deviation 0.1; relative to green, red is
/// amplified by 1.9…2.4 and blue by 1.5…1.9. Their highlight-preserving treatment is not needed, because nothing is
/// clipped at the sensor here.
package struct CameraColor: Sendable {
    /// Exposure times white balance for R, G and B.
    package let gains: SIMD3<Float>
    /// From the camera's white-balanced colors to linear sRGB. Each row sums to 1: gray stays gray.
    package let toSRGB: ColorMatrix
    /// From linear sRGB to sensor values.
    package let toSensor: ColorMatrix

    /// A camera that records linear sRGB.
    package static let neutral = CameraColor(gains: [1, 1, 1], toSRGB: .identity)

    package init(gains: SIMD3<Float>, toSRGB: ColorMatrix) {
        self.gains = gains
        self.toSRGB = toSRGB
        toSensor = .diagonal(1 / gains) * toSRGB.inverse
    }

    package init(using generator: inout SeededGenerator) {
        // Limited to three standard deviations, because a divisor near 0 would be unrealistic.
        let divisor = 0.8 + 0.1 * min(max(generator.normal(), -3), 3)
        let red = generator.uniform(in: 1.9...2.4)
        let blue = generator.uniform(in: 1.5...1.9)
        let gains = SIMD3<Double>(red, 1, blue) / divisor
        self.init(gains: SIMD3<Float>(gains), toSRGB: Self.randomMatrix(using: &generator))
    }

    /// Brooks et al. (section 3) mix the matrices of the four cameras of the Darmstadt Noise Dataset. Here each
    /// off-diagonal entry is drawn from the range that it has in these four matrices, expressed relative to linear sRGB
    /// with rows that sum to 1.
    private static func randomMatrix(using generator: inout SeededGenerator) -> ColorMatrix {
        let redOfGreen = Float(generator.uniform(in: -0.97 ... -0.44))
        let redOfBlue = Float(generator.uniform(in: -0.20...0.20))
        let greenOfRed = Float(generator.uniform(in: -0.29 ... -0.13))
        let greenOfBlue = Float(generator.uniform(in: -0.53...0.02))
        let blueOfRed = Float(generator.uniform(in: -0.01...0.05))
        let blueOfGreen = Float(generator.uniform(in: -0.49 ... -0.36))
        return ColorMatrix(
            rows: (
                [1 - redOfGreen - redOfBlue, redOfGreen, redOfBlue],
                [greenOfRed, 1 - greenOfRed - greenOfBlue, greenOfBlue],
                [blueOfRed, blueOfGreen, 1 - blueOfRed - blueOfGreen]
            ))
    }
}

extension SeededGenerator {
    /// Uniform in the range.
    mutating func uniform(in range: ClosedRange<Double>) -> Double {
        range.lowerBound + (range.upperBound - range.lowerBound) * uniform()
    }

    /// True with this probability.
    mutating func happens(_ probability: Double) -> Bool { uniform() < probability }
}
