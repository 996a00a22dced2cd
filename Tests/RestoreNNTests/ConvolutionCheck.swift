import RestoreConcurrency
import RestoreNN
import TestSupport
import Testing

extension NaiveConvolution {
    /// The operator under test, computed by one algorithm, or by the rule's choice.
    func fast(by algorithm: ConvolutionAlgorithm?) -> Convolution {
        var operation = fast
        operation.algorithm = algorithm
        return operation
    }

    /// The algorithms that can compute it.
    var algorithms: [ConvolutionAlgorithm] {
        ConvolutionAlgorithm.allCases.filter { fast(by: $0).chosenAlgorithm(input) == $0 }
    }

    /// Products of the twin's sum, at most.
    var cost: Int { output.count * input.channels * kernel.height * kernel.width }
}

/// A convolution and all its gradients by every algorithm that can compute it, against the naive twin, with one worker and
/// four, in one piece and in bands.
struct ConvolutionCheck {
    private let pools = [WorkerPool(workerCount: 1), WorkerPool(workerCount: 4)]

    private let naive: NaiveConvolution
    private let seed: UInt64
    private let input: Tensor
    private let gradient: Tensor
    private let parameters: [Float]
    /// Parameter gradients that are there before.
    private let accumulated: [Float]
    /// `backward` is called so often.
    private let rounds = 2

    init(_ naive: NaiveConvolution, seed: UInt64) {
        self.naive = naive
        self.seed = seed
        var generator = SeededGenerator(seed: seed)
        input = generator.tensor(naive.input)
        gradient = generator.tensor(naive.output)
        parameters = generator.values(naive.weightCount + (naive.hasBias ? naive.outputChannels : 0))
        accumulated = generator.values(parameters.count)
    }

    func run() throws {
        let expected = expected()
        var results: [ConvolutionAlgorithm: TrainingResult] = [:]
        for algorithm in naive.algorithms {
            let result = try result(algorithm)
            compare(result, expected, algorithm)
            try comparePlans(result, algorithm)
            results[algorithm] = result
        }
        if let explicit = results[.im2col], let implicit = results[.implicit] {
            compareBits(implicit, explicit, "\(naive), implicit and explicit")
        }
        let chosen = naive.fast.chosenAlgorithm(naive.input)
        if let forced = results[chosen] {
            expectSameBits(try result(nil).outputs[0].values, forced.outputs[0].values, "\(naive), the rule's choice")
        }
    }

    /// What the twin computes, in double precision.
    private func expected() -> TrainingResult {
        let weight = Array(parameters.prefix(naive.weightCount))
        let bias = naive.hasBias ? Array(parameters.suffix(naive.outputChannels)) : nil
        let once =
            naive.weightGradient(gradient.values, input.values)
            + (naive.hasBias ? naive.biasGradient(gradient.values) : [])
        return TrainingResult(
            outputs: [
                Tensor(shape: naive.output, values: naive.forward(input.values, weight: weight, bias: bias))
            ],
            inputGradients: [
                Tensor(shape: naive.input, values: naive.inputGradient(gradient.values, weight: weight))
            ],
            parameterGradients: zip(accumulated, once).map { $0 + Float(rounds) * $1 })
    }

    /// The same bits with one worker and four.
    private func result(_ algorithm: ConvolutionAlgorithm?) throws -> TrainingResult {
        let results = try pools.map {
            try train(
                network(of: naive.fast(by: algorithm)), [input], parameters: parameters, outputGradients: [gradient],
                accumulated: accumulated, rounds: rounds, pool: $0)
        }
        compareBits(results[1], results[0], "\(name(algorithm)), one worker and four")
        return results[0]
    }

    private func name(_ algorithm: ConvolutionAlgorithm?) -> String {
        "\(naive), \(algorithm?.rawValue ?? "chosen")"
    }

    private func compare(_ found: TrainingResult, _ expected: TrainingResult, _ algorithm: ConvolutionAlgorithm) {
        let taps = naive.kernel.height * naive.kernel.width
        // Where padding repeats pixels, a transform's sum of them is greater than one of different pixels: by a root mean
        // square of √1.6 along a side, at half a tile of equal pixels.
        let repeats = naive.mode == .zero ? 1 : 3
        compare(
            found.outputs[0].values, expected.outputs[0].values, "output", algorithm,
            terms: naive.input.channels * taps * repeats)
        // Outside zero padding a pixel of the edge stands for many.
        compare(
            found.inputGradients[0].values, expected.inputGradients[0].values, "input gradient", algorithm,
            terms: naive.outputChannels * taps * (naive.mode == .zero ? 1 : 16))
        compare(
            found.parameterGradients, expected.parameterGradients, "parameter gradient", algorithm,
            terms: naive.output.pixels * repeats, rounds: rounds)
    }

    /// Single values, and where there are enough of them, all together.
    ///
    /// - Parameter rounds: how many such sums are added up.
    private func compare(
        _ found: [Float], _ expected: [Float], _ what: String, _ algorithm: ConvolutionAlgorithm, terms: Int,
        rounds: Int = 1
    ) {
        let configuration = "\(name(algorithm)), \(what)"
        let (single, times) = (algorithm.tolerance(terms: terms), Float(rounds))
        expectClose(
            found, expected, configuration,
            tolerance: Tolerance(absolute: times * (single.absolute + 1e-7), relative: times * single.relative),
            seed: seed)
        guard found.count >= 200 else { return }
        let error = rootMeanSquareError(found, expected)
        let bound = Double(rounds) * (1.5 * algorithm.error(terms: terms) + 1e-7)
        #expect(error <= bound, "\(configuration), seed \(seed): root mean square error")
    }

    /// Inference gives the bits of training, in one piece and in bands.
    private func comparePlans(_ result: TrainingResult, _ algorithm: ConvolutionAlgorithm) throws {
        let network = network(of: naive.fast(by: algorithm))
        let inferred = try infer(network, [input], parameters: parameters, pool: pools[1])[0]
        expectSameBits(
            inferred.values, result.outputs[0].values, "\(name(algorithm)), inference and training", seed: seed)
        // Where the bits depend on the position, bands have others.
        guard naive.input.batch == 1, algorithm != .openblas else { return }
        for rows in [1, 5] where rows < naive.output.height {
            let plan = try BandedPlan(
                network, inputShapes: [naive.input],
                parameters: Parameters(layout: ParameterLayout(network), values: parameters), pool: pools[1],
                bandRows: rows)
            // What is read before it is written spoils the output.
            plan.poison()
            expectSameBits(
                plan.run([input])[0].values, result.outputs[0].values, "\(name(algorithm)), bands of \(rows)",
                seed: seed)
        }
    }

    private func compareBits(_ found: TrainingResult, _ expected: TrainingResult, _ configuration: String) {
        expectSameBits(found.outputs[0].values, expected.outputs[0].values, configuration, seed: seed)
        expectSameBits(
            found.inputGradients[0].values, expected.inputGradients[0].values, "\(configuration), input gradient",
            seed: seed)
        expectSameBits(
            found.parameterGradients, expected.parameterGradients, "\(configuration), parameter gradient", seed: seed)
    }
}
