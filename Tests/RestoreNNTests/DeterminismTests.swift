import RestoreConcurrency
import RestoreNN
import TestSupport
import Testing

/// The same bits whatever the number of workers, in a picture, in a piece of it and in a batch.
@Suite struct DeterminismTests {
    private static let workerCounts = [1, 2, 3, 8]

    private struct Step: Equatable {
        var result: TrainingResult
        var inferred: [Tensor]
        var loss: Double
        var norm: Float
        var parameters: [Float]
        var moments: [Float]
        var average: [Float]
    }

    /// Everything that a training step computes.
    private func step(_ network: Network, _ input: Tensor, workers: Int) throws -> Step {
        let pool = WorkerPool(workerCount: workers)
        #expect(pool.workerCount == workers)
        var parameters = randomParameters(network, seed: 91)
        let outputs = try train(network, [input], parameters: parameters, pool: pool).outputs
        let target = [Float](repeating: 0.25, count: outputs[0].values.count)
        var gradients = outputs.map { Tensor(zeros: $0.shape) }
        let (loss, lossGradient) = try evaluate(
            DifferenceLoss(.charbonnier(epsilon: 1e-3)), outputs[0].values, target, pool: pool)
        gradients[0].values = lossGradient
        var result = try train(
            network, [input], parameters: parameters, outputGradients: gradients, pool: pool)
        let inferred = try infer(network, [input], parameters: parameters, pool: pool)
        let norm = clipGradientNorm(&result.parameterGradients, maximum: 1e-3, pool: pool)
        var average = ExponentialMovingAverage(decay: 0.99, values: parameters)
        var optimizer = Optimizer.adamW(parameterCount: parameters.count)
        for _ in 0..<3 {
            optimizer.update(
                &parameters, gradients: result.parameterGradients, learningRate: 0.01, pool: pool)
            average.update(parameters, pool: pool)
        }
        return Step(
            result: result, inferred: inferred, loss: loss, norm: norm, parameters: parameters,
            moments: optimizer.firstMoments + optimizer.secondMoments, average: average.values)
    }

    @Test func workersDoNotChangeTheBits() throws {
        let network = networkOfAllOperators(height: 60, width: 44)
        var generator = SeededGenerator(seed: 91)
        let input = generator.tensor(Shape(batch: 3, height: 60, width: 44, channels: 4))
        let expected = try step(network, input, workers: 1)
        #expect(expected.loss.isFinite && expected.norm > 1e-3)
        for workers in Self.workerCounts.dropFirst() {
            let found = try step(network, input, workers: workers)
            #expect(found == expected, "\(workers) workers")
            expectSameBits(found.parameters, expected.parameters, "\(workers) workers, parameters")
            expectSameBits(
                found.result.parameterGradients, expected.result.parameterGradients,
                "\(workers) workers, gradients")
        }
    }

    /// Large enough for several pieces of elementwise work each.
    @Test func workersDoNotChangeTheBitsOfLossAndOptimizer() throws {
        var generator = SeededGenerator(seed: 92)
        let count = 100_003
        let prediction = generator.values(count)
        let target = generator.values(count)
        func compute(_ workers: Int) throws -> ([Double], [Float]) {
            let pool = WorkerPool(workerCount: workers)
            var sums: [Double] = []
            var all: [Float] = []
            for measure in [DifferenceLoss.Measure.l1, .l2, .charbonnier(epsilon: 0.01)] {
                var (value, gradient) = try evaluate(DifferenceLoss(measure), prediction, target, pool: pool)
                sums.append(value)
                sums.append(Double(clipGradientNorm(&gradient, maximum: 1e-5, pool: pool)))
                var parameters = prediction
                var optimizer = Optimizer.adamW(parameterCount: count)
                optimizer.update(&parameters, gradients: gradient, learningRate: 0.01, pool: pool)
                all += gradient + parameters
            }
            return (sums, all)
        }
        let expected = try compute(1)
        for workers in Self.workerCounts.dropFirst() {
            let found = try compute(workers)
            #expect(found.0 == expected.0, "\(workers) workers")
            expectSameBits(found.1, expected.1, "\(workers) workers")
        }
    }

    @Test func aPictureAloneEqualsItselfInABatch() throws {
        let pool = WorkerPool(workerCount: 2)
        let network = networkOfAllOperators(height: 20, width: 28)
        let parameters = randomParameters(network, seed: 93)
        var generator = SeededGenerator(seed: 93)
        let batch = generator.tensor(Shape(batch: 5, height: 20, width: 28, channels: 4))
        let together = try infer(network, [batch], parameters: parameters, pool: pool)
        for n in 0..<5 {
            let alone = try infer(network, [batch.picture(n)], parameters: parameters, pool: pool)
            for (index, output) in alone.enumerated() {
                expectSameBits(
                    output.values, together[index].picture(n).values, "picture \(n), output \(index)",
                    seed: 93)
            }
        }
    }

    /// Two networks that a photograph passes through in tiles: one whose `up` tiles the picture and one whose `up` overlaps.
    private static let tiledNetworks: [(name: String, network: Network)] = {
        var overlapping = Network()
        let input = overlapping.input("input")
        let first = overlapping.add(
            "first", Convolution(inputChannels: 4, outputChannels: 11, kernel: 5, padding: 2), input)
        let down = overlapping.add(
            "down", Convolution(inputChannels: 11, outputChannels: 18, kernel: 4, stride: 2, padding: 1),
            overlapping.add("active", Activation(.silu), first))
        let middle = overlapping.add(
            "middle", Convolution(inputChannels: 18, outputChannels: 18, kernel: 3, dilation: 2, padding: 2),
            down)
        let up = overlapping.add(
            "up",
            TransposedConvolution(inputChannels: 18, outputChannels: 11, kernel: 4, stride: 2, padding: 1),
            middle)
        let sum = overlapping.add("sum", Add(), up, first)
        overlapping.output(
            overlapping.add(
                "last", Convolution(inputChannels: 11, outputChannels: 3, kernel: 3, padding: 1), sum))
        return [
            ("residual U-Net", residualUNet(widths: [8, 12], blocks: 1, factor: 2)),
            ("overlapping windows", overlapping),
        ]
    }()

    /// A tile computed by itself, with as much around it and on the same grid as the network's own rule asks for.
    @Test(arguments: [0, 1], ConvolutionAlgorithm.own + [nil])
    func aTileEqualsThePicture(index: Int, algorithm: ConvolutionAlgorithm?) throws {
        let name = "\(Self.tiledNetworks[index].name), \(algorithm?.rawValue ?? "chosen")"
        let network = Self.tiledNetworks[index].network.computing(by: algorithm)
        let pool = WorkerPool(workerCount: 3)
        let parameters = randomParameters(network, seed: 94)
        var generator = SeededGenerator(seed: 94)
        let picture = generator.tensor(Shape(batch: 1, height: 212, width: 196, channels: 4))
        let whole = try infer(network, [picture], parameters: parameters, pool: pool)[0]
        let rows = try pieces(network, .height, picture.shape)
        let columns = try pieces(network, .width, picture.shape)
        // Each cut with that of the same number, and the corners.
        var pairs = zip(rows, columns).map { ($0, $1) }
        if let top = rows.first, let bottom = rows.last, let left = columns.first, let right = columns.last {
            pairs += [(top, right), (bottom, left)]
        }
        #expect(pairs.contains { $0.0.piece.count < 212 && $0.1.piece.count < 196 }, "smaller than the picture")
        for (rows, columns) in pairs {
            let tile = try infer(
                network, [picture.cropped(rows: rows.piece, columns: columns.piece)], parameters: parameters, pool: pool
            )[0]
            let inner = tile.cropped(rows: rows.coreInside, columns: columns.coreInside)
            expectSameBits(
                inner.values, whole.cropped(rows: rows.core, columns: columns.core).values,
                "\(name), rows \(rows), columns \(columns)", seed: 94)
        }
    }

    /// A piece of a side and what is kept of it.
    private struct Cut {
        let piece: Range<Int>
        let core: Range<Int>

        var coreInside: Range<Int> {
            (core.lowerBound - piece.lowerBound)..<(core.upperBound - piece.lowerBound)
        }
    }

    /// Cuts that cover a side, with no more around each core than the rule asks for.
    private func pieces(_ network: Network, _ axis: Axis, _ shape: Shape) throws -> [Cut] {
        let rule = try #require(try network.pieceRule(axis: axis, inputShape: shape))
        let side = shape.side(axis)
        // The networks take multiples of 4, too.
        let step = rule.step % 4 == 0 ? rule.step : rule.step * 4
        return stride(from: 0, to: side, by: step).map { start in
            let core = start..<min(side, start + step)
            let first = max(0, start - rule.before) / step * step
            let last = min(side, (core.upperBound + rule.after + 3) / 4 * 4)
            return Cut(piece: first..<last, core: core)
        }
    }
}
