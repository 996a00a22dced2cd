import CKernels
import RestoreNN
import TestSupport
import Testing

/// The transforms against the matrices of `docs/operators/winograd.md`.
@Suite struct WinogradTransformTests {
    private static let kernels = TransformKernels.all
    private static let channels = [1, 2, 3, 4, 7, 8, 12, 15, 16, 17, 20, 31, 32, 33, 48]

    /// Multiples of ¼: with the entries of B and A, all sums are exact in single precision.
    private func quarters(_ count: Int, _ generator: inout SeededGenerator) -> [Float] {
        (0..<count).map { _ in Float(generator.index(below: 65) - 32) / 4 }
    }

    /// The matrices, in the order (Bᵀ, G, Aᵀ), give a convolution: in double precision, where 1/15 is near enough.
    @Test(arguments: [4, 2]) func theMatricesAreAConvolution(m: Int) {
        let matrices = WinogradMatrices(m: m)
        var generator = SeededGenerator(seed: 85, path: UInt64(m))
        let picture = Matrix(m + 2, m + 2) { _, _ in generator.normal() }
        let filter = Matrix(3, 3) { _, _ in generator.normal() }
        let points = Matrix(m + 2, m + 2) { y, x in
            matrices.inputs.applied(to: picture)[y, x] * matrices.filters.applied(to: filter)[y, x]
        }
        let found = matrices.outputs.applied(to: points)
        for y in 0..<m {
            for x in 0..<m {
                var sum = 0.0
                for ky in 0..<3 { for kx in 0..<3 { sum += filter[ky, kx] * picture[y + ky, x + kx] } }
                #expect(abs(found[y, x] - sum) < 1e-12)
            }
        }
    }

    @Test(arguments: kernels) func inputs(_ kernel: TransformKernels) {
        let matrix = WinogradMatrices(m: kernel.m).inputs
        for channels in Self.channels {
            var generator = SeededGenerator(seed: 86, path: UInt64(channels))
            let tiles = 1 + channels % 3
            let width = tiles * kernel.m + 2
            // Rows lie anywhere; each ends where the memory ends.
            let rows = (0..<kernel.n).map { _ in GuardedFloats(quarters(width * channels, &generator)) }
            let found = kernel.inputs(rows.map(\.base), channels: channels, tiles: tiles)
            for tile in 0..<tiles {
                for c in 0..<channels {
                    let d = Matrix(kernel.n, kernel.n) { y, x in
                        Double(rows[y].base[(tile * kernel.m + x) * channels + c])
                    }
                    expectEqual(
                        found.tile(tile, channel: c), matrix.applied(to: d), "\(kernel), \(channels), tile \(tile)")
                }
            }
        }
    }

    /// What a tile gives, cut at the edge of the picture, with bias, residual and activation; nothing else is written.
    @Test(arguments: kernels) func outputs(_ kernel: TransformKernels) {
        let matrix = WinogradMatrices(m: kernel.m).outputs
        for channels in Self.channels {
            for cut in 0..<kernel.m {
                var generator = SeededGenerator(seed: 87, path: UInt64(channels), UInt64(cut))
                let points = TransformedTiles(
                    n: kernel.n, channels: channels, tiles: 2, values: { quarters($0, &generator) })
                let (height, width) = (kernel.m - cut, 2 * kernel.m - (channels + cut) % kernel.m)
                let bias = cut % 2 == 0 ? quarters(channels, &generator) : nil
                let residual = channels % 2 == 0 ? quarters(height * width * channels, &generator) : nil
                let isActive = cut == 1
                let found = kernel.outputs(
                    points, height: height, width: width, bias: bias, residual: residual, isActive: isActive)
                for c in 0..<channels {
                    let tiles = (0..<2).map { matrix.applied(to: points.tile($0, channel: c)) }
                    for y in 0..<height {
                        for x in 0..<width {
                            let place = (y * width + x) * channels + c
                            var expected = tiles[x / kernel.m][y, x % kernel.m]
                            expected += Double(bias?[c] ?? 0) + Double(residual?[place] ?? 0)
                            if isActive { expected = max(expected, 0) }
                            #expect(Double(found[place]) == expected, "\(kernel), \(channels) channels, \(y) \(x)")
                        }
                    }
                }
            }
        }
    }

    @Test(arguments: kernels) func outputGradients(_ kernel: TransformKernels) {
        let matrix = WinogradMatrices(m: kernel.m).outputs.transposed
        for channels in Self.channels {
            for cut in 0..<kernel.m {
                var generator = SeededGenerator(seed: 88, path: UInt64(channels), UInt64(cut))
                let (height, width) = (kernel.m - cut, 2 * kernel.m - (channels + cut) % kernel.m)
                let gradient = GuardedFloats(quarters(height * width * channels, &generator))
                let found = kernel.outputGradients(
                    gradient.base, height: height, width: width, channels: channels)
                for tile in 0..<2 {
                    for c in 0..<channels {
                        let g = Matrix(kernel.m, kernel.m) { y, x in
                            let column = tile * kernel.m + x
                            return y < height && column < width
                                ? Double(gradient.base[(y * width + column) * channels + c]) : 0
                        }
                        expectEqual(
                            found.tile(tile, channel: c), matrix.applied(to: g), "\(kernel), \(channels), tile \(tile)")
                    }
                }
            }
        }
    }

    /// ⟨Aᵀ M A, y⟩ = ⟨M, A y Aᵀ⟩, exactly, of whole tiles and cut ones.
    @Test(arguments: kernels) func outputGradientsAreTheAdjointOfOutputs(_ kernel: TransformKernels) {
        for channels in [3, 16, 33] {
            for (height, width) in [(kernel.m, 2 * kernel.m), (1, 2 * kernel.m - 1), (kernel.m - 1, kernel.m + 1)] {
                var generator = SeededGenerator(seed: 89, path: UInt64(channels))
                let points = TransformedTiles(
                    n: kernel.n, channels: channels, tiles: 2, values: { quarters($0, &generator) })
                let y = GuardedFloats(quarters(height * width * channels, &generator))
                let outputs = kernel.outputs(points, height: height, width: width)
                let back = kernel.outputGradients(y.base, height: height, width: width, channels: channels)
                #expect(
                    dot(outputs, y.values) == points.dot(back), "\(kernel), \(channels) channels, \(height)×\(width)")
            }
        }
    }

    @Test(arguments: kernels, [false, true]) func filters(_ kernel: TransformKernels, isTurned: Bool) {
        let matrix = WinogradMatrices(m: kernel.m).filters
        for (inputs, outputs) in [(1, 1), (3, 16), (2, 17), (5, 33), (16, 4), (4, 48)] {
            var generator = SeededGenerator(seed: 90, path: UInt64(inputs))
            let weights = generator.values(inputs * outputs * 9)
            let found = kernel.filters(weights, inputs: inputs, outputs: outputs, isTurned: isTurned)
            for input in 0..<inputs {
                for output in 0..<((outputs + panelWidth - 1) / panelWidth * panelWidth) {
                    // PyTorch's order; a turned filter is read with inputs and outputs exchanged.
                    let first = 9 * (isTurned ? input * outputs + output : output * inputs + input)
                    let g = Matrix(3, 3) { y, x in
                        let tap = isTurned ? 8 - (y * 3 + x) : y * 3 + x
                        return output < outputs ? Double(weights[first + tap]) : 0
                    }
                    let u = matrix.applied(to: g)
                    for point in 0..<(kernel.n * kernel.n) {
                        let value = Double(found.value(point: point, input: input, output: output))
                        // Filters are up to 1; rows of G sum up to 2.
                        #expect(abs(value - u[point / kernel.n, point % kernel.n]) <= 1e-6, "\(kernel), point \(point)")
                    }
                }
            }
        }
    }

    /// ⟨G g Gᵀ, U⟩ = ⟨g, Gᵀ U G⟩, and the gradient is added to what is there.
    @Test(arguments: kernels) func filterGradientsAreTheAdjointOfFilters(_ kernel: TransformKernels) {
        for (inputs, outputs) in [(1, 1), (3, 16), (2, 17), (5, 33), (16, 4), (4, 48), (3, 7)] {
            var generator = SeededGenerator(seed: 91, path: UInt64(inputs))
            let weights = generator.values(inputs * outputs * 9)
            let transformed = kernel.filters(weights, inputs: inputs, outputs: outputs, isTurned: false)
            let (products, expected) = transformed.randomProducts(&generator)
            let before = generator.values(weights.count)
            let after = kernel.filterGradients(products, onto: before, inputs: inputs, outputs: outputs)
            let found = dot(weights, after) - dot(weights, before)
            let scale = Double(weights.count * kernel.n * kernel.n).squareRoot()
            #expect(abs(found - expected) <= 2e-6 * scale, "\(kernel), \(inputs) → \(outputs): \(found), \(expected)")
        }
    }

    /// Everything but the plainest processors rounds alike.
    @Test(.enabled(if: KernelVariant.fused.count >= 2), arguments: [4, 2]) func instructionSetsGiveTheSameBits(m: Int) {
        let pair = KernelVariant.fused.suffix(2).map { TransformKernels(variant: $0, m: m) }
        for channels in Self.channels {
            var generator = SeededGenerator(seed: 92, path: UInt64(channels))
            let rows = (0..<(m + 2)).map { _ in GuardedFloats(generator.values((2 * m + 2) * channels)) }
            let inputs = pair.map { $0.inputs(rows.map(\.base), channels: channels, tiles: 2) }
            #expect(inputs[0].dot(inputs[1]) == inputs[0].dot(inputs[0]))
            expectSameBits(inputs[0].meaningful, inputs[1].meaningful, "inputs, \(channels) channels")
            let outputs = pair.map { $0.outputs(inputs[0], height: m, width: 2 * m) }
            expectSameBits(outputs[0], outputs[1], "outputs, \(channels) channels")
            let gradients = pair.map { $0.outputGradients(outputs[0], height: m, width: 2 * m, channels: channels) }
            expectSameBits(gradients[0].meaningful, gradients[1].meaningful, "output gradients, \(channels) channels")
            let weights = generator.values(3 * channels * 9)
            let filters = pair.map { $0.filters(weights, inputs: 3, outputs: channels, isTurned: false) }
            expectSameBits(filters[0].packed, filters[1].packed, "filters, \(channels) channels")
            let products = filters[0].randomProducts(&generator).products
            let back = pair.map { $0.filterGradients(products, onto: weights, inputs: 3, outputs: channels) }
            expectSameBits(back[0], back[1], "filter gradients, \(channels) channels")
        }
    }

    private func expectEqual(_ found: Matrix, _ expected: Matrix, _ configuration: @autoclosure () -> String) {
        #expect(found.values == expected.values, "\(configuration())")
    }
}
