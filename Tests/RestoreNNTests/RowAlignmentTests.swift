import RestoreConcurrency
import RestoreNN
import TestSupport
import Testing

/// Tiles of layers after one another begin where few rows have to be computed ahead and kept.
@Suite struct RowAlignmentTests {
    private let pool = WorkerPool(workerCount: 2)

    private static let algorithms: [ConvolutionAlgorithm] = [.winograd2, .winograd4]

    /// Layers of 3×3; the sum of the second and the fifth is read by the sixth.
    private static func chain(_ layers: Int, mode: PaddingMode = .zero, hasSum: Bool = false) -> Network {
        var network = Network()
        var values = [network.input("input")]
        for index in 0..<layers {
            let layer = Convolution(inputChannels: 4, outputChannels: 4, kernel: 3, padding: 1, paddingMode: mode)
            var value = network.add("layer.\(index)", layer, values[index])
            if hasSum, index == 4 { value = network.add("sum", Add(), value, values[2]) }
            values.append(network.add("active.\(index)", Activation(.relu), value))
        }
        network.output(values[layers])
        return network
    }

    /// A layer reads one row on either side, so two rows of the one before are read again in the next band.
    @Test(arguments: algorithms) func layersKeepTwoRows(algorithm: ConvolutionAlgorithm) throws {
        let shape = Shape(batch: 1, height: 600, width: 8, channels: 4)
        let network = Self.chain(9).computing(by: algorithm)
        let memory = try BandedPlan.memory(network, inputShapes: [shape], workers: 1, bandRows: 16)
        // Of the input and all layers but the last.
        #expect(memory.halos == 9 * 2 * shape.width * shape.channels * MemoryLayout<Float>.stride)
        #expect(memory.rolling == 0)
    }

    @Test(arguments: algorithms, PaddingMode.allCases)
    func bandsHaveTheBitsOfTheWhole(algorithm: ConvolutionAlgorithm, mode: PaddingMode) throws {
        let network = Self.chain(7, mode: mode, hasSum: true).computing(by: algorithm)
        let parameters = randomParameters(network, seed: 301)
        var generator = SeededGenerator(seed: 301)
        for height in [511, 512, 513, 514, 519] {
            let input = generator.tensor(Shape(batch: 1, height: height, width: 9, channels: 4))
            let whole = try infer(network, [input], parameters: parameters, pool: pool)[0]
            for rows in [1, 4, 16, 100] {
                let plan = try BandedPlan(
                    network, inputShapes: [input.shape],
                    parameters: Parameters(layout: ParameterLayout(network), values: parameters), pool: pool,
                    bandRows: rows)
                plan.poison()
                expectSameBits(
                    plan.run([input])[0].values, whole.values,
                    "\(algorithm), \(mode), height \(height), bands of \(rows)", seed: 301)
            }
        }
    }

    /// Wherever tiles begin, all rows are computed, in every picture of a batch.
    @Test(arguments: algorithms, PaddingMode.allCases)
    func allRowsAreThoseOfTheDefinition(algorithm: ConvolutionAlgorithm, mode: PaddingMode) throws {
        let network = Self.chain(7, mode: mode, hasSum: true)
        let parameters = randomParameters(network, seed: 302)
        var generator = SeededGenerator(seed: 302)
        for height in [512, 513, 514, 519] {
            let input = generator.tensor(Shape(batch: 3, height: height, width: 9, channels: 4))
            let expected = try infer(network.computing(by: .naive), [input], parameters: parameters, pool: pool)[0]
            let found = try infer(network.computing(by: algorithm), [input], parameters: parameters, pool: pool)[0]
            expectClose(found.values, expected.values, "\(algorithm), \(mode), height \(height)", seed: 302)
        }
    }

    /// Where tiles begin does not depend on a tall image's height, so that its pieces have the bits of the whole.
    @Test(arguments: algorithms) func piecesHaveTheBitsOfTheWhole(algorithm: ConvolutionAlgorithm) throws {
        let network = Self.chain(5).computing(by: algorithm)
        let parameters = randomParameters(network, seed: 303)
        var generator = SeededGenerator(seed: 303)
        let (height, width) = (1100, 9)
        let image = generator.tensor(Shape(batch: 1, height: height, width: width, channels: 4))
        let rule = try #require(try network.pieceRule(axis: .height, inputShape: image.shape))
        #expect(rule.least == 512)
        let whole = try infer(network, [image], parameters: parameters, pool: pool)[0]
        for start in stride(from: 0, to: height - rule.least, by: 5 * rule.step) {
            let end = start + rule.least
            let piece = image.cropped(rows: start..<end, columns: 0..<width)
            let found = try infer(network, [piece], parameters: parameters, pool: pool)[0]
            let core = (start == 0 ? 0 : start + rule.before)..<(end - rule.after)
            expectSameBits(
                found.cropped(rows: (core.lowerBound - start)..<(core.upperBound - start), columns: 0..<width).values,
                whole.cropped(rows: core, columns: 0..<width).values, "\(algorithm), rows \(start)..<\(end)", seed: 303)
        }
    }

    /// Low images have no use for it.
    @Test func lowImagesAreComputedAsInTraining() throws {
        let network = Self.chain(5, hasSum: true).computing(by: .winograd4)
        let parameters = randomParameters(network, seed: 304)
        var generator = SeededGenerator(seed: 304)
        let input = generator.tensor(Shape(batch: 1, height: 511, width: 9, channels: 4))
        let trained = try train(network, [input], parameters: parameters, pool: pool).outputs[0]
        expectSameBits(
            try infer(network, [input], parameters: parameters, pool: pool)[0].values, trained.values, "511 rows",
            seed: 304)
        #expect(try network.pieceRule(axis: .height, inputShape: input.shape)?.least == 0)
    }
}
