import RestoreNN
import TestSupport
import Testing

/// Grouped and depthwise convolution and all their gradients against the naive twin.
@Suite struct GroupedConvolutionTests {
    private let pools = [WorkerPool(workerCount: 1), WorkerPool(workerCount: 4)]

    @Test(arguments: 0..<4, [true, false])
    func agreesWithNaiveTwinOnRandomSizes(part: Int, isDepthwise: Bool) throws {
        var generator = SeededGenerator(seed: 411, path: UInt64(2 * part + (isDepthwise ? 1 : 0)))
        for round in 0..<100 {
            try check(.random(&generator, isDepthwise: isDepthwise), seed: UInt64(1000 * part + round))
        }
    }

    private static func depthwise(
        _ channels: Int, height: Int = 20, width: Int = 70, batch: Int = 1, kernel: Extent = 3, stride: Extent = 1,
        dilation: Extent = 1, padding: Padding = 1, mode: PaddingMode = .zero
    ) -> NaiveGroupedConvolution {
        NaiveGroupedConvolution(
            group: NaiveConvolution(
                input: Shape(batch: batch, height: height, width: width, channels: 1), outputChannels: 1,
                kernel: kernel, stride: stride, dilation: dilation, padding: padding, mode: mode),
            groups: channels)
    }

    private static func grouped(
        _ groups: Int, _ inputs: Int, _ outputs: Int, height: Int = 20, width: Int = 70, batch: Int = 1,
        kernel: Extent = 3, stride: Extent = 1, padding: Padding = 1, mode: PaddingMode = .zero
    ) -> NaiveGroupedConvolution {
        NaiveGroupedConvolution(
            group: NaiveConvolution(
                input: Shape(batch: batch, height: height, width: width, channels: inputs), outputChannels: outputs,
                kernel: kernel, stride: stride, padding: padding, mode: mode),
            groups: groups)
    }

    /// Sizes at which the code takes another way: rows of several pieces of windows, more rows than one task owns, channels
    /// around the widths of vectors, padding above the kernel, kernels wider than the picture, several blocks of windows.
    private static let corners: [NaiveGroupedConvolution] = [
        depthwise(1, height: 1, width: 1, kernel: 1, padding: 0), depthwise(3, height: 1, width: 1),
        depthwise(16), depthwise(17), depthwise(40, height: 70, width: 9),
        depthwise(64, batch: 2, kernel: 7, padding: 3),
        depthwise(5, width: 300, kernel: 5, padding: 2), depthwise(24, stride: 2), depthwise(20, height: 67, stride: 3),
        depthwise(18, dilation: 3, padding: 3), depthwise(18, padding: 5),
        depthwise(9, height: 3, width: 2, kernel: 7, padding: 3),
        depthwise(33, kernel: 5, padding: 2, mode: .reflect), depthwise(33, height: 40, padding: 3, mode: .replicate),
        depthwise(12, stride: 2, padding: 1, mode: .reflect), depthwise(16, kernel: 3, padding: 0),
        depthwise(8, kernel: Extent(height: 1, width: 9), padding: Padding(top: 0, bottom: 0, left: 4, right: 4)),
        depthwise(8, kernel: Extent(height: 9, width: 1), padding: Padding(top: 4, bottom: 4, left: 0, right: 0)),
        grouped(2, 8, 8), grouped(4, 16, 16, batch: 2), grouped(3, 5, 17, height: 70, width: 40, stride: 2),
        grouped(8, 1, 2), grouped(8, 2, 1), grouped(2, 12, 12, kernel: 1, padding: 0), grouped(1, 6, 7),
        grouped(2, 3, 4, height: 40, padding: 2, mode: .reflect),
    ]

    @Test(arguments: corners.indices) func corner(index: Int) throws {
        try check(Self.corners[index], seed: UInt64(index))
    }

    private func check(_ naive: NaiveGroupedConvolution, seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed, path: 412)
        let (input, gradient) = (generator.tensor(naive.input), generator.tensor(naive.output))
        let parameters = generator.values(naive.parameterCount)
        let accumulated = generator.values(naive.parameterCount)
        let network = network(of: naive.fast)
        let results = try pools.map {
            try train(
                network, [input], parameters: parameters, outputGradients: [gradient], accumulated: accumulated,
                rounds: 2, pool: $0)
        }
        let found = results[0]
        compareBits(results[1], found, "\(naive), one worker and four", seed)

        let expected = naive.train(input, parameters: parameters, gradient: gradient)
        let taps = naive.group.kernel.height * naive.group.kernel.width
        compare(
            found.outputs[0].values, expected.outputs[0].values, terms: naive.group.input.channels * taps,
            "\(naive), output", seed)
        // Outside zero padding a pixel of the edge stands for many.
        compare(
            found.inputGradients[0].values, expected.inputGradients[0].values,
            terms: naive.group.outputChannels * taps * (naive.group.mode == .zero ? 1 : 16),
            "\(naive), input gradient", seed)
        compare(
            zip(found.parameterGradients, accumulated).map { ($0 - $1) / 2 }, expected.parameterGradients,
            terms: 4 * naive.output.pixels, "\(naive), parameter gradient", seed)
        try comparePlans(network, input, parameters, found.outputs[0], "\(naive)", seed)
    }

    private func compare(_ found: [Float], _ expected: [Float], terms: Int, _ what: String, _ seed: UInt64) {
        let tolerance = ConvolutionAlgorithm.implicit.tolerance(terms: terms)
        expectClose(
            found, expected, what,
            tolerance: Tolerance(absolute: tolerance.absolute + 2e-7, relative: 4 * tolerance.relative), seed: seed)
    }

    private func compareBits(_ found: TrainingResult, _ expected: TrainingResult, _ what: String, _ seed: UInt64) {
        expectSameBits(found.outputs[0].values, expected.outputs[0].values, "\(what), output", seed: seed)
        expectSameBits(
            found.inputGradients[0].values, expected.inputGradients[0].values, "\(what), input gradient", seed: seed)
        expectSameBits(found.parameterGradients, expected.parameterGradients, "\(what), parameters", seed: seed)
    }

    /// Inference gives the bits of training, in one piece and in bands.
    private func comparePlans(
        _ network: Network, _ input: Tensor, _ parameters: [Float], _ output: Tensor, _ what: String, _ seed: UInt64
    ) throws {
        let inferred = try infer(network, [input], parameters: parameters, pool: pools[1])[0]
        expectSameBits(inferred.values, output.values, "\(what), inference and training", seed: seed)
        guard input.shape.batch == 1 else { return }
        for rows in [1, 5] where rows < output.shape.height {
            let plan = try BandedPlan(
                network, inputShapes: [input.shape],
                parameters: Parameters(layout: ParameterLayout(network), values: parameters), pool: pools[1],
                bandRows: rows)
            plan.poison()
            expectSameBits(plan.run([input])[0].values, output.values, "\(what), bands of \(rows)", seed: seed)
        }
    }

    // MARK: Networks

    /// Bias, sum and activation are applied while results are stored, with the bits of node after node.
    @Test(arguments: [12, 3, 1]) func whatFollowsIsFused(groups: Int) throws {
        for activation in [ActivationFunction.relu, .leakyReLU(slope: 0.2), .silu, .identity] {
            var network = Network()
            let x = network.input("x")
            let operation = GroupedConvolution(
                inputChannels: 12, outputChannels: 12, groups: groups, kernel: 3, padding: 1)
            let y = network.add("active", Activation(activation), network.add("a", operation, x))
            let z = network.add("sum", Add(), network.add("b", operation, y), x)
            network.output(network.add("last", Activation(activation), z))
            #expect(network.fused().nodes.count == 3)
            var generator = SeededGenerator(seed: 413)
            let input = generator.tensor(Shape(batch: 2, height: 9, width: 31, channels: 12))
            let parameters = randomParameters(network, seed: 413)
            let expected = try train(network, [input], parameters: parameters, pool: pools[0]).outputs[0]
            for pool in pools {
                let found = try infer(network, [input], parameters: parameters, pool: pool)[0]
                expectSameBits(found.values, expected.values, "\(groups) groups, \(activation)", seed: 413)
            }
        }
    }

    /// No kernel of a fast convolution cuts its pieces: every row and column is a place to cut.
    @Test(arguments: [16, 4]) func aPieceHasTheBitsOfTheWhole(groups: Int) throws {
        var network = Network()
        let x = network.input("x")
        let operation = GroupedConvolution(
            inputChannels: 16, outputChannels: 16, groups: groups, kernel: 5, padding: 2)
        network.output(network.add("b", operation, network.add("a", operation, x)))
        let shape = Shape(batch: 1, height: 30, width: 40, channels: 16)
        let rules = try Axis.allCases.map { try network.pieceRule(axis: $0, inputShape: shape) }
        #expect(rules == [PieceRule(step: 1, before: 4, after: 4), PieceRule(step: 1, before: 4, after: 4)])
        var generator = SeededGenerator(seed: 414)
        let picture = generator.tensor(shape)
        let parameters = randomParameters(network, seed: 414)
        let whole = try infer(network, [picture], parameters: parameters, pool: pools[1])[0]
        let piece = try infer(
            network, [picture.cropped(rows: 7..<30, columns: 5..<22)], parameters: parameters, pool: pools[1])[0]
        expectSameBits(
            piece.cropped(rows: 4..<23, columns: 4..<13).values,
            whole.cropped(rows: 11..<30, columns: 9..<18).values, "\(groups) groups", seed: 414)
    }

    /// A NaN reaches the windows that meet it, in its own channel, and no others.
    @Test func aNaNStaysInItsChannel() throws {
        let operation = GroupedConvolution(depthwise: 17, kernel: 3, padding: 1)
        var generator = SeededGenerator(seed: 415)
        let parameters = generator.values(17 * 9 + 17)
        for (y, x, c) in [(0, 0, 0), (3, 4, 16), (6, 11, 5), (5, 0, 9)] {
            var input = generator.tensor(Shape(batch: 1, height: 7, width: 12, channels: 17))
            input[0, y, x, c] = .nan
            let output = try infer(network(of: operation), [input], parameters: parameters, pool: pools[0])[0]
            for oy in 0..<7 {
                for ox in 0..<12 {
                    for channel in 0..<17 {
                        let meets = abs(oy - y) <= 1 && abs(ox - x) <= 1 && channel == c
                        #expect(output[0, oy, ox, channel].isNaN == meets, "\(oy) \(ox) \(channel)")
                    }
                }
            }
        }
    }

    // MARK: Sizes

    @Test func costsAndParametersAreThoseOfAGroup() throws {
        func cost(_ operation: GroupedConvolution) throws -> [Int] {
            let cost = try network(of: operation).cost(inputs: [Shape(batch: 2, height: 10, width: 8, channels: 12)])
            return [cost.multiplyAccumulates, cost.parameters]
        }
        let depthwise = GroupedConvolution(depthwise: 12, kernel: 3, padding: 1)
        #expect(try cost(depthwise) == [2 * 10 * 8 * 12 * 9, 12 * 9 + 12])
        let three = GroupedConvolution(
            inputChannels: 12, outputChannels: 6, groups: 3, kernel: 3, stride: 2, padding: 1, hasBias: false)
        #expect(try cost(three) == [2 * 5 * 4 * 6 * 4 * 9, 6 * 4 * 9])
        #expect(three.parameters.map(\.shape) == [[6, 4, 3, 3]])
        #expect(three.parameters[0].initialization == .uniform(fanIn: 36))
    }

    @Test func refusesWhatDoesNotFit() {
        let operation = GroupedConvolution(depthwise: 4, kernel: 5, padding: 1, paddingMode: .reflect)
        func reason(_ shape: Shape) -> String? {
            do throws(ShapeError) {
                _ = try operation.outputShape([shape])
                return nil
            } catch {
                return error.reason
            }
        }
        #expect(reason(Shape(batch: 1, height: 5, width: 5, channels: 4)) == nil)
        #expect(reason(Shape(batch: 1, height: 5, width: 5, channels: 3)) == "expected 4 channels, found 3")
        #expect(
            reason(Shape(batch: 1, height: 2, width: 5, channels: 4)) == "the kernel is larger than the padded input")
    }

    @Test func groupsDivideTheChannels() async {
        await #expect(processExitsWith: .failure) {
            _ = GroupedConvolution(inputChannels: 6, outputChannels: 4, groups: 4, kernel: 3)
        }
        await #expect(processExitsWith: .failure) {
            _ = GroupedConvolution(inputChannels: 6, outputChannels: 4, groups: 3, kernel: 3)
        }
        await #expect(processExitsWith: .failure) {
            _ = GroupedConvolution(inputChannels: 6, outputChannels: 4, groups: 0, kernel: 3)
        }
    }
}
