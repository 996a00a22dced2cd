import CKernels
import RestoreNN
import TestSupport
import Testing

/// The kernels of layer normalization of every instruction set: against each other, in place, and without a read or write
/// beyond the last channel. `LayerNormalizationTests` compare them with the definition.
@Suite struct NormalizationKernelTests {
    private static let variants = KernelVariant.allCases.filter(\.isSupported)
    private static let channels = [1, 2, 3, 7, 8, 9, 15, 16, 17, 20, 31, 32, 33, 48, 100]
    fileprivate static let pixels = 5

    private struct Row {
        let x: GuardedFloats
        let gradient: GuardedFloats
        let weight: GuardedFloats
        let bias: GuardedFloats

        init(_ channels: Int) {
            var generator = SeededGenerator(seed: 441, path: UInt64(channels))
            x = GuardedFloats(generator.values(NormalizationKernelTests.pixels * channels).map { $0 + 10 })
            gradient = GuardedFloats(generator.values(NormalizationKernelTests.pixels * channels))
            weight = GuardedFloats(generator.values(channels))
            bias = GuardedFloats(generator.values(channels))
        }

        func normalization(_ channels: Int) -> rk_normalization {
            rk_normalization(channels: channels, epsilon: 1e-3, weight: weight.base, bias: bias.base)
        }
    }

    @Test(arguments: channels) func forward(channels: Int) {
        let row = Row(channels)
        var kernel = row.normalization(channels)
        let results = Self.variants.map { variant in
            let y = GuardedFloats([Float](repeating: .nan, count: row.x.count))
            rk_normalize(variant.identifier, &kernel, row.x.base, y.base, Self.pixels)
            let inPlace = GuardedFloats(row.x.values)
            rk_normalize(variant.identifier, &kernel, inPlace.base, inPlace.base, Self.pixels)
            expectSameBits(inPlace.values, y.values, "\(channels) channels, in place")
            return y.values
        }
        compare(results, "\(channels) channels")
    }

    @Test(arguments: channels) func gradients(channels: Int) {
        let row = Row(channels)
        var kernel = row.normalization(channels)
        let results = Self.variants.map { variant in
            let sums = (0..<4).map { _ in GuardedFloats([Float](repeating: 1, count: channels)) }
            let gradient = GuardedFloats([Float](repeating: .nan, count: row.x.count))
            rk_normalize_gradient(
                variant.identifier, &kernel, row.x.base, row.gradient.base, sums[0].base, sums[1].base, gradient.base,
                Self.pixels)
            rk_normalize_gradient(
                variant.identifier, &kernel, row.x.base, row.gradient.base, sums[2].base, sums[3].base, nil, Self.pixels
            )
            let (both, parameters) = (sums[0].values + sums[1].values, sums[2].values + sums[3].values)
            expectSameBits(parameters, both, "\(channels) channels, parameters alone")
            return gradient.values + both
        }
        compare(results, "\(channels) channels, gradients")
    }

    private func compare(_ results: [[Float]], _ what: String) {
        for result in results {
            expectClose(result, results[0], what, tolerance: Tolerance(absolute: 1e-4, relative: 1e-5))
        }
        let fused = zip(Self.variants, results).filter { $0.0.isFused }
        for (variant, result) in fused.dropFirst() {
            expectSameBits(result, fused[0].1, "\(what), \(variant) and \(fused[0].0)")
        }
    }
}
