import RestoreConcurrency
import RestoreNN
import TestSupport
import Testing

/// Operators without parameters in bands, in pieces, and on many threads: the same bits.
@Suite struct ElementwisePlanTests {
    private let pool = WorkerPool(workerCount: 2)

    private func checkBands(_ name: String, _ network: Network, _ inputs: [Tensor], _ parameters: [Float] = []) throws {
        let expected = try infer(network, inputs, parameters: parameters, pool: pool)
        for rows in [1, 2, 3, 8, 29, 1000, nil] {
            let plan = try BandedPlan(
                network, inputShapes: inputs.map(\.shape),
                parameters: Parameters(layout: ParameterLayout(network), values: parameters), pool: pool,
                bandRows: rows)
            // What is read before it is written spoils the outputs.
            plan.poison()
            for (found, tensor) in zip(plan.run(inputs), expected) {
                #expect(found.shape == tensor.shape)
                expectSameBits(
                    found.values, tensor.values, "\(name), bands of \(rows.map(String.init) ?? "auto")")
            }
        }
    }

    @Test(arguments: ElementwiseSample.all) func bands(_ sample: ElementwiseSample) throws {
        var generator = SeededGenerator(seed: 311, path: stableHash(sample.name))
        var inputs = sample.inputs
        for index in inputs.indices {
            inputs[index].batch = 1
            // Taller where the operator takes any height.
            if inputs[index].height > 1, !(sample.operation is Reshape) { inputs[index].height += 18 }
        }
        try checkBands(sample.name, sample.network, inputs.map { generator.tensor($0) })
    }

    @Test(arguments: [2, 8, 26, 104]) func aNetworkInBands(height: Int) throws {
        let network = elementwiseNetwork()
        var generator = SeededGenerator(seed: 312)
        let input = generator.tensor(Shape(batch: 1, height: height, width: 10, channels: 4))
        try checkBands("network of all", network, [input], randomParameters(network, seed: 312))
    }

    /// A decoder of upsamplings, with a gate that comes from outside.
    private static let decoder: Network = {
        var network = Network()
        let input = network.input("input")
        let gate = network.input("gate")
        let small = network.add("small", Convolution(inputChannels: 4, outputChannels: 8, kernel: 3, padding: 1), input)
        let gated = network.add("gated", Multiply(), small, gate)
        let up = network.add("up", Upsampling(factor: 3), gated)
        let narrow = network.add("narrow", Convolution(inputChannels: 8, outputChannels: 5, kernel: 3, padding: 1), up)
        network.output(network.add("classes", Softmax(), network.add("twice", Upsampling(factor: 2, .nearest), narrow)))
        return network
    }()

    /// Memory depends on the width alone, although the gate has one row.
    @Test func aGateFromOutside() throws {
        let network = Self.decoder
        var generator = SeededGenerator(seed: 313)
        let gate = generator.tensor(Shape(batch: 1, height: 1, width: 1, channels: 8))
        let parameters = randomParameters(network, seed: 313)
        let input = generator.tensor(Shape(batch: 1, height: 21, width: 5, channels: 4))
        try checkBands("decoder", network, [input, gate], parameters)
        func memory(height: Int) throws -> Int {
            let shapes = [Shape(batch: 1, height: height, width: 5, channels: 4), gate.shape]
            return try BandedPlan.memory(network, inputShapes: shapes, workers: 2, bandRows: 12).total
        }
        #expect(try memory(height: 100) == memory(height: 10_000))
    }

    @Test(arguments: ElementwiseSample.all) func workersDoNotChangeTheBits(_ sample: ElementwiseSample) throws {
        var generator = SeededGenerator(seed: 314, path: stableHash(sample.name))
        // Large enough for several tasks each.
        let inputs = sample.inputs.map { shape in
            var shape = shape
            if shape.height > 1, !(sample.operation is Reshape) { (shape.height, shape.width) = (83, 67) }
            return generator.tensor(shape)
        }
        let y = generator.tensor(try infer(sample.network, inputs, pool: pool)[0].shape)
        let one = WorkerPool(workerCount: 1)
        let expected = try train(sample.network, inputs, outputGradients: [y], pool: one)
        for workers in [2, 3, 8] {
            let found = try train(
                sample.network, inputs, outputGradients: [y], pool: WorkerPool(workerCount: workers))
            #expect(found == expected, "\(sample.name), \(workers) workers")
        }
    }

    /// Pictures of a batch do not see each other, but for the operator that is made for it.
    @Test(arguments: ElementwiseSample.all.filter { !($0.operation is BatchMean) })
    func aPictureAloneEqualsItselfInABatch(_ sample: ElementwiseSample) throws {
        var generator = SeededGenerator(seed: 315, path: stableHash(sample.name))
        let inputs = sample.inputs.map { generator.tensor($0) }
        let together = try infer(sample.network, inputs, pool: pool)[0]
        for n in 0..<2 {
            let alone = try infer(sample.network, inputs.map { $0.picture(n) }, pool: pool)[0]
            expectSameBits(alone.values, together.picture(n).values, "\(sample.name), picture \(n)", seed: 315)
        }
    }

    // MARK: Pieces

    private func rule(_ operation: some Operator, side: Int = 64) throws -> PieceRule? {
        try network(of: operation).pieceRule(
            axis: .width, inputShape: Shape(batch: 1, height: 8, width: side, channels: 4))
    }

    @Test func reachAndStep() throws {
        #expect(try rule(Exponential()) == PieceRule(step: 1, before: 0, after: 0))
        #expect(try rule(Softmax()) == PieceRule(step: 1, before: 0, after: 0))
        #expect(try rule(Upsampling(factor: 3, .nearest)) == PieceRule(step: 1, before: 0, after: 0))
        #expect(try rule(Upsampling(factor: 3)) == PieceRule(step: 1, before: 1, after: 1))
        #expect(try rule(Upsampling(factor: 2, .bilinear(alignsCorners: true))) == nil)
        #expect(try rule(GlobalAveragePooling()) == nil)
        #expect(try rule(TopK(k: 3)) == nil)
    }

    @Test(arguments: 1...5) func piecesOfAnEnlargedPicture(factor: Int) throws {
        for interpolation in [Upsampling.Interpolation.nearest, .bilinear(alignsCorners: false)] {
            let network = network(of: Upsampling(factor: factor, interpolation))
            var generator = SeededGenerator(seed: 316)
            let picture = generator.tensor(Shape(batch: 1, height: 23, width: 31, channels: 3))
            let whole = try infer(network, [picture], pool: pool)[0]
            for (top, left) in [(0, 0), (3, 8), (11, 20)] {
                let piece = picture.cropped(rows: top..<(top + 12), columns: left..<(left + 11))
                let found = try infer(network, [piece], pool: pool)[0]
                let inner = whole.cropped(
                    rows: ((top + 1) * factor)..<((top + 11) * factor),
                    columns: ((left + 1) * factor)..<((left + 10) * factor))
                expectSameBits(
                    found.cropped(rows: factor..<(11 * factor), columns: factor..<(10 * factor)).values, inner.values,
                    "factor \(factor), \(interpolation), from \(top), \(left)", seed: 316)
            }
        }
    }
}
