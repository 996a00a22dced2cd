import RestoreConcurrency
import RestoreNN
import TestSupport
import Testing

/// A picture that passes in bands gets the bits of the whole.
@Suite struct BandedPlanTests {
    private static let bands = [1, 2, 3, 8, 29, 1000]
    private let pool = WorkerPool(workerCount: 2)

    private func plan(
        _ network: Network, _ shapes: [Shape], _ parameters: [Float], bandRows: Int?, pool: WorkerPool? = nil
    ) throws -> BandedPlan {
        let plan = try BandedPlan(
            network, inputShapes: shapes,
            parameters: Parameters(layout: ParameterLayout(network), values: parameters), pool: pool ?? self.pool,
            bandRows: bandRows)
        // What is read before it is written spoils the outputs.
        plan.poison()
        return plan
    }

    private func check(
        _ name: String, _ network: Network, inputs: [Tensor], seed: UInt64, bands: [Int?] = Self.bands
    ) throws {
        let parameters = randomParameters(network, seed: seed)
        let expected = try infer(network, inputs, parameters: parameters, pool: pool)
        #expect(expected.allSatisfy { $0.values.allSatisfy(\.isFinite) }, "\(name)")
        for rows in bands {
            let found = try plan(network, inputs.map(\.shape), parameters, bandRows: rows).run(inputs)
            for (index, tensor) in expected.enumerated() {
                expectSameBits(
                    found[index].values, tensor.values,
                    "\(name), \(inputs[0].shape), bands of \(rows.map(String.init) ?? "auto"), output \(index)",
                    seed: seed)
            }
        }
    }

    private func check(_ name: String, _ network: Network, _ shape: Shape, seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let inputs = network.inputs.map { _ in generator.tensor(shape) }
        try check(name, network, inputs: inputs, seed: seed, bands: Self.bands + [nil])
    }

    @Test func randomNetworks() throws {
        for seed in UInt64(0)..<300 {
            let random = RandomNetwork(seed: seed, nodes: 2 + Int(seed % 23), smooth: false)
            let shape = Shape(batch: 1, height: [2, 14, 26, 60][Int(seed % 4)], width: 6, channels: 4)
            try check("random network \(seed)", random.network, shape, seed: seed)
        }
    }

    @Test(arguments: [8, 12, 36, 124]) func everyOperator(height: Int) throws {
        let network = networkOfAllOperators(height: height, width: 12)
        try check("every operator", network, Shape(batch: 1, height: height, width: 12, channels: 4), seed: 201)
    }

    @Test(arguments: [8, 16, 24, 56, 104, 248]) func theDenoiserNetwork(height: Int) throws {
        let network = residualUNet(widths: [6, 7, 9], blocks: 2, factor: 2)
        try check("residual U-Net", network, Shape(batch: 1, height: height, width: 16, channels: 4), seed: 202)
    }

    @Test(arguments: [4, 8, 12, 52, 100, 236]) func layersOfWholeBlocks(height: Int) throws {
        for blocks in [1, 3] {
            try check(
                "\(blocks) blocks a level", blockNetwork(blocks: blocks, hasCoarseOutput: true),
                Shape(batch: 1, height: height, width: 12, channels: 4), seed: 203)
        }
    }

    /// Every way in which windows lie over a picture.
    private static let windowNetworks: [(String, Network)] = {
        var networks: [(String, Network)] = []
        for mode in PaddingMode.allCases {
            for (kernel, stride, dilation, padding) in [
                (3, 1, 1, 1), (3, 2, 1, 1), (5, 3, 1, 2), (3, 1, 2, 2), (2, 2, 1, 0), (1, 3, 1, 0), (3, 4, 1, 2),
                (3, 1, 1, 0), (1, 1, 1, 3), (3, 2, 2, 5),
            ] {
                let operation = Convolution(
                    inputChannels: 4, outputChannels: 3, kernel: square(kernel),
                    stride: square(stride), dilation: square(dilation),
                    padding: Padding(padding), paddingMode: mode)
                networks.append(("\(mode) \(kernel) \(stride) \(dilation) \(padding)", network(of: operation)))
            }
        }
        for (kernel, stride, dilation, padding, more) in [
            (2, 2, 1, 0, 0), (4, 2, 1, 1, 0), (3, 2, 1, 1, 1), (3, 1, 2, 2, 0), (2, 3, 1, 0, 2), (5, 3, 2, 4, 0),
        ] {
            let operation = TransposedConvolution(
                inputChannels: 4, outputChannels: 3, kernel: square(kernel),
                stride: square(stride), dilation: square(dilation),
                padding: square(padding), outputPadding: square(more))
            networks.append(("transposed \(kernel) \(stride) \(dilation) \(padding)", network(of: operation)))
        }
        for (kernel, stride) in [(2, 2), (3, 1), (2, 3), (7, 2)] {
            for kind in [Pooling.Kind.average, .max] {
                let operation = Pooling(
                    kind, kernel: square(kernel), stride: square(stride))
                networks.append(("\(kind) pooling \(kernel) \(stride)", network(of: operation)))
            }
        }
        return networks
    }()

    /// At heights that leave rows over, and some that do not.
    @Test(arguments: [7, 8, 23, 50]) func windows(height: Int) throws {
        for (name, network) in Self.windowNetworks {
            try check(name, network, Shape(batch: 1, height: height, width: 9, channels: 4), seed: 204)
        }
    }

    /// Mirrored rows are those of the layer before, which must have kept them.
    @Test func paddingInARow() throws {
        var network = Network()
        var value = network.input("input")
        for (index, mode) in [PaddingMode.reflect, .replicate, .reflect, .zero].enumerated() {
            let operation = Convolution(
                inputChannels: 4, outputChannels: 4, kernel: 5, padding: Padding(top: 3, bottom: 2, left: 1, right: 3),
                paddingMode: mode)
            value = network.add("layer.\(index)", operation, value)
        }
        network.output(value)
        for height in [4, 9, 40] {
            try check("padding", network, Shape(batch: 1, height: height, width: 8, channels: 4), seed: 205)
        }
    }

    @Test func severalInputsAndOutputs() throws {
        var network = Network()
        let (a, b, unread) = (network.input("a"), network.input("b"), network.input("unread"))
        let deep = (0..<6).reduce(a) { value, index in
            network.add(
                "deep.\(index)", Convolution(inputChannels: 4, outputChannels: 4, kernel: 3, padding: 1), value)
        }
        let sum = network.add("sum", Add(), deep, b)
        let small = network.add("small", Pooling(.max, kernel: 3), sum)
        let nowhere = network.add("nowhere", Activation(.relu), unread)
        _ = network.add("nowhere.more", GroupNormalization(channels: 4, groups: 1), nowhere)
        for value in [sum, a, small, sum, b] { network.output(value) }
        try check("outputs", network, Shape(batch: 1, height: 47, width: 6, channels: 4), seed: 206)
    }

    // MARK: Rows

    /// What a run asks for and gives, row by row.
    private struct Trace {
        var filled: [[Range<Int>]]
        var stored: [[Range<Int>]]
    }

    private func trace(_ plan: BandedPlan) -> Trace {
        var trace = Trace(
            filled: plan.inputShapes.map { _ in [] }, stored: plan.outputShapes.map { _ in [] })
        plan.run(
            fill: { index, rows, values in
                trace.filled[index].append(rows)
                let shape = plan.inputShapes[index]
                values.update(repeating: 0.5, count: rows.count * shape.width * shape.channels)
            },
            store: { index, rows, _ in trace.stored[index].append(rows) })
        return trace
    }

    private func expectEveryRowOnce(_ ranges: [Range<Int>], height: Int, _ name: String) {
        #expect(ranges.allSatisfy { !$0.isEmpty }, "\(name)")
        #expect(ranges.first?.lowerBound == 0 && ranges.last?.upperBound == height, "\(name)")
        #expect(zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound }, "\(name)")
    }

    @Test func everyRowIsFilledAndStoredOnceInOrder() throws {
        let networks = [
            ("residual U-Net", residualUNet(widths: [3, 4], blocks: 1, factor: 2)),
            ("blocks", blockNetwork(hasCoarseOutput: true)),
            ("every operator", networkOfAllOperators(height: 96, width: 8)),
        ]
        for (name, network) in networks {
            for rows in Self.bands {
                let plan = try plan(
                    network, [Shape(batch: 1, height: 96, width: 8, channels: 4)], randomParameters(network, seed: 207),
                    bandRows: rows)
                let trace = trace(plan)
                for (index, shape) in plan.inputShapes.enumerated() {
                    expectEveryRowOnce(trace.filled[index], height: shape.height, "\(name), input, bands of \(rows)")
                }
                for (index, shape) in plan.outputShapes.enumerated() {
                    expectEveryRowOnce(trace.stored[index], height: shape.height, "\(name), output, bands of \(rows)")
                }
            }
        }
    }

    /// The network sees the picture's top before it has all of it, and no band is much larger than another.
    @Test func bandsAreOfOneSize() throws {
        let network = residualUNet(widths: [3, 4, 5], blocks: 2, factor: 2)
        let plan = try plan(
            network, [Shape(batch: 1, height: 1000, width: 8, channels: 4)], randomParameters(network, seed: 208),
            bandRows: 16)
        let trace = trace(plan)
        #expect(trace.stored[0].allSatisfy { $0.count <= 16 })
        #expect(trace.filled[0].allSatisfy { $0.count <= 24 })
    }

    @Test func anErrorEndsTheRunAndTheNextBeginsAnew() throws {
        struct Stop: Error {}
        let network = residualUNet(widths: [3, 4], blocks: 1, factor: 2)
        let shape = Shape(batch: 1, height: 96, width: 8, channels: 4)
        let parameters = randomParameters(network, seed: 209)
        let plan = try plan(network, [shape], parameters, bandRows: 4)
        var generator = SeededGenerator(seed: 209)
        for _ in 0..<3 {
            let input = generator.tensor(shape)
            #expect(throws: Stop.self) {
                try plan.run(
                    fill: { _, rows, values in values.update(repeating: .nan, count: rows.count * 32) },
                    store: { _, rows, _ in if rows.upperBound > 40 { throw Stop() } })
            }
            let expected = try infer(network, [input], parameters: parameters, pool: pool)
            #expect(plan.run([input]) == expected)
        }
    }

    // MARK: Workers, memory, packed parameters

    @Test func workersDoNotChangeTheBits() throws {
        let network = networkOfAllOperators(height: 60, width: 44)
        let parameters = randomParameters(network, seed: 210)
        var generator = SeededGenerator(seed: 210)
        let input = generator.tensor(Shape(batch: 1, height: 60, width: 44, channels: 4))
        let expected = try infer(network, [input], parameters: parameters, pool: pool)
        for workers in [1, 3, 8] {
            let workers = WorkerPool(workerCount: workers)
            let found = try plan(network, [input.shape], parameters, bandRows: nil, pool: workers).run([input])
            for (index, tensor) in expected.enumerated() {
                expectSameBits(found[index].values, tensor.values, "output \(index)", seed: 210)
            }
        }
    }

    @Test func memoryIsWhatIsTakenAndDoesNotGrowWithTheHeight() throws {
        let network = residualUNet(widths: [6, 8, 10], blocks: 2, factor: 2)
        for rows in [1, 8, 24, nil] {
            func memory(_ height: Int, width: Int = 64) throws -> BandedPlan.Memory {
                let shape = Shape(batch: 1, height: height, width: width, channels: 4)
                let memory = try BandedPlan.memory(network, inputShapes: [shape], workers: 2, bandRows: rows)
                let plan = try plan(network, [shape], randomParameters(network, seed: 211), bandRows: rows)
                #expect(plan.memory == memory)
                #expect(plan.allocatedBytes == memory.total)
                return memory
            }
            let tall = try memory(12_000)
            #expect(try memory(24_000) == tall)
            #expect(try memory(800).total <= tall.total)
            #expect(try memory(8).total < tall.total)
            let whole = try InferencePlan.memory(
                network, inputShapes: [Shape(batch: 1, height: 24_000, width: 64, channels: 4)], workers: 2)
            #expect(tall.total < whole / 3)
            guard rows != nil else { continue }
            let wide = try memory(12_000, width: 640)
            let growth = Double(wide.total - wide.scratch) / Double(tall.total - tall.scratch)
            #expect(abs(growth - 10) < 0.2, "\(growth) times")
        }
    }

    @Test func packedParametersServeAllSizes() throws {
        let network = residualUNet(widths: [3, 4], blocks: 1, factor: 2)
        let parameters = Parameters(
            layout: ParameterLayout(network), values: randomParameters(network, seed: 212))
        var packed: PackedParameters?
        for height in [40, 8, 96] {
            let shape = Shape(batch: 1, height: height, width: height + 4, channels: 4)
            let plan = try BandedPlan(
                network, inputShapes: [shape], parameters: parameters, pool: pool, sharing: packed)
            #expect(packed == nil || plan.packedParameters === packed)
            packed = plan.packedParameters
            var generator = SeededGenerator(seed: 212)
            let input = generator.tensor(shape)
            #expect(try plan.run([input]) == infer(network, [input], parameters: parameters.values, pool: pool))
        }
    }

    /// A dense layer's weights are packed in the order of its input's pixels.
    @Test func packedParametersThatDependOnTheSidesAreNotShared() throws {
        let network = network(of: Dense(inputFeatures: 48, outputFeatures: 3))
        let parameters = Parameters(
            layout: ParameterLayout(network), values: randomParameters(network, seed: 213))
        let first = try BandedPlan(
            network, inputShapes: [Shape(batch: 1, height: 3, width: 4, channels: 4)], parameters: parameters,
            pool: pool)
        let shape = Shape(batch: 1, height: 6, width: 2, channels: 4)
        let second = try BandedPlan(
            network, inputShapes: [shape], parameters: parameters, pool: pool, sharing: first.packedParameters)
        #expect(second.packedParameters !== first.packedParameters)
        var generator = SeededGenerator(seed: 213)
        let input = generator.tensor(shape)
        #expect(try second.run([input]) == infer(network, [input], parameters: parameters.values, pool: pool))
    }
}

private func square(_ side: Int) -> Extent { Extent(height: side, width: side) }
