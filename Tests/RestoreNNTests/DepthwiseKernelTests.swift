import CKernels
import RestoreNN
import TestSupport
import Testing

/// The depthwise kernels of every instruction set: against double precision, with the same bits where the processor has
/// fused multiply-add, and without a read or write beyond the last channel.
@Suite struct DepthwiseKernelTests {
    private static let channels = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 50]
    private static let windowCounts = [1, 3, 4, 7, 8, 9, 13, 31, 32, 33, 70]
    private static let variants = KernelVariant.allCases.filter(\.isSupported)

    /// Taps of three rows of pixels.
    private struct Setup {
        let channels: Int
        let count: Int
        let tapCount: Int
        let pixelStep: Int
        let rows: [GuardedFloats]
        let weights: GuardedFloats
        let gradient: GuardedFloats

        init(channels: Int, count: Int, tapCount: Int, pixelStep: Int, _ generator: inout SeededGenerator) {
            self.channels = channels
            self.count = count
            self.tapCount = tapCount
            self.pixelStep = pixelStep
            // A tap's pixels in a row of their own, so that the last is where its memory ends.
            rows = (0..<tapCount).map { _ in
                GuardedFloats(generator.values(((count - 1) * pixelStep + 1) * channels))
            }
            weights = GuardedFloats(generator.values(tapCount * channels))
            gradient = GuardedFloats(generator.values(count * channels))
        }

        func value(_ tap: Int, _ window: Int, _ c: Int) -> Double {
            Double(rows[tap].base[window * pixelStep * channels + c])
        }

        func withWindows(_ body: (UnsafePointer<rk_windows>) -> Void) {
            let taps = rows.map { UnsafePointer<Float>?.some(UnsafePointer($0.base)) }
            taps.withUnsafeBufferPointer { buffer in
                var windows = rk_windows(
                    taps: buffer.baseAddress, tap_count: tapCount, step: pixelStep * channels, channels: channels,
                    count: count)
                body(&windows)
            }
        }
    }

    private func forEachSetup(_ seed: UInt64, _ body: (Setup, String) -> Void) {
        for channels in Self.channels {
            for (index, count) in Self.windowCounts.enumerated() {
                var generator = SeededGenerator(seed: seed, path: UInt64(1000 * channels + count))
                let taps = [9, 1, 25, 3, 6, 49][index % 6]
                let setup = Setup(
                    channels: channels, count: count, tapCount: taps, pixelStep: 1 + index % 2, &generator)
                body(setup, "\(channels) channels, \(count) windows, \(taps) taps")
            }
        }
    }

    /// All results against the first, which is that of the generic kernel, and those with fused multiply-add bit by bit.
    private func compare(_ results: [[Float]], _ expected: [Float], terms: Int, _ what: String) {
        for (variant, result) in zip(Self.variants, results) {
            expectClose(
                result, expected, "\(what), \(variant)",
                tolerance: ConvolutionAlgorithm.implicit.tolerance(terms: terms))
        }
        let fused = zip(Self.variants, results).filter { $0.0.isFused }
        for (variant, result) in fused.dropFirst() {
            expectSameBits(result, fused[0].1, "\(what), \(variant) and \(fused[0].0)")
        }
    }

    @Test func forward() {
        forEachSetup(421) { setup, what in
            let total = setup.count * setup.channels
            var generator = SeededGenerator(seed: 422)
            let bias = GuardedFloats(generator.values(setup.channels))
            let residual = GuardedFloats(generator.values(total))
            let results = Self.variants.map { variant in
                let output = GuardedFloats([Float](repeating: .nan, count: total))
                var epilogue = rk_epilogue()
                epilogue.bias = UnsafePointer(bias.base)
                epilogue.residual = UnsafePointer(residual.base)
                epilogue.activation = RK_LEAKY_RELU
                epilogue.slope = 0.5
                setup.withWindows { rk_depthwise(variant.identifier, $0, setup.weights.base, output.base, &epilogue) }
                return output.values
            }
            let expected = (0..<total).map { place in
                let (window, c) = place.quotientAndRemainder(dividingBy: setup.channels)
                let sum = (0..<setup.tapCount).reduce(Double(bias.base[c]) + Double(residual.base[place])) {
                    $0 + setup.value($1, window, c) * Double(setup.weights.base[$1 * setup.channels + c])
                }
                return Float(sum < 0 ? 0.5 * sum : sum)
            }
            compare(results, expected, terms: setup.tapCount + 2, what)
        }
    }

    @Test func weightGradient() {
        forEachSetup(423) { setup, what in
            let results = Self.variants.map { variant in
                let sums = GuardedFloats([Float](repeating: 1, count: setup.tapCount * setup.channels))
                setup.withWindows {
                    rk_depthwise_weight_gradient(variant.identifier, $0, setup.gradient.base, sums.base)
                }
                return sums.values
            }
            let expected = (0..<(setup.tapCount * setup.channels)).map { place in
                let (tap, c) = place.quotientAndRemainder(dividingBy: setup.channels)
                return Float(
                    (0..<setup.count).reduce(1.0) {
                        $0 + setup.value(tap, $1, c) * Double(setup.gradient.base[$1 * setup.channels + c])
                    })
            }
            compare(results, expected, terms: setup.count + 9, what)
        }
    }

    @Test func scatter() {
        forEachSetup(424) { setup, what in
            let pixels = setup.rows[0]
            let results = Self.variants.map { variant in
                let picture = GuardedFloats(pixels.values)
                rk_depthwise_scatter(
                    variant.identifier, setup.gradient.base, setup.weights.base, picture.base,
                    setup.pixelStep * setup.channels, setup.channels, setup.count)
                return picture.values
            }
            var expected = pixels.values
            for place in 0..<(setup.count * setup.channels) {
                let (window, c) = place.quotientAndRemainder(dividingBy: setup.channels)
                expected[window * setup.pixelStep * setup.channels + c] += Float(
                    Double(setup.gradient.base[place]) * Double(setup.weights.base[c]))
            }
            compare(results, expected, terms: 4, what)
        }
    }
}
