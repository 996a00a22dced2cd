import RestoreNN
import TestSupport
import Testing

@Suite struct MemoryPlanTests {
    private func overlaps(_ a: Range<Int>, _ b: Range<Int>) -> Bool {
        !a.isEmpty && !b.isEmpty && a.overlaps(b)
    }

    @Test func livesThatOverlapShareNoMemory() {
        for seed in UInt64(0)..<400 {
            var generator = SeededGenerator(seed: seed, path: 111)
            let requests = (0..<(1 + generator.index(below: 40))).map { _ in
                let first = generator.index(below: 30) - 1
                return MemoryPlan.Request(
                    count: generator.choice(of: [0, 1, 7, 16, 17, 64, 100, 1000, 4096]), first: first,
                    last: first + generator.index(below: 12))
            }
            let plan = MemoryPlan(requests)
            #expect(plan.offsets.count == requests.count)
            for (index, request) in requests.enumerated() {
                #expect(plan.offsets[index] >= 0 && plan.offsets[index] + request.count <= plan.total)
                #expect(
                    plan.offsets[index] % 16 == 0, "seed \(seed): buffer \(index) starts within a cache line")
                let memory = plan.offsets[index]..<(plan.offsets[index] + request.count)
                for other in 0..<index {
                    let life = requests[other].first...requests[other].last
                    guard life.overlaps(request.first...request.last) else { continue }
                    let taken = plan.offsets[other]..<(plan.offsets[other] + requests[other].count)
                    #expect(
                        !overlaps(memory, taken),
                        "seed \(seed): \(requests[other]) and \(request) share \(memory)")
                }
            }
            let sum = requests.reduce(0) { $0 + ($1.count + 15) / 16 * 16 }
            let largest = requests.map(\.count).max() ?? 0
            #expect(
                (largest...max(sum, largest)).contains(plan.total), "seed \(seed): \(plan.total) of \(sum)")
        }
    }

    @Test func livesThatDoNotOverlapShareMemory() {
        let chain = (0..<20).map { MemoryPlan.Request(count: 160, first: $0, last: $0 + 1) }
        #expect(MemoryPlan(chain).total == 320)
        let apart = (0..<20).map { MemoryPlan.Request(count: 160, first: 2 * $0, last: 2 * $0 + 1) }
        #expect(MemoryPlan(apart).total == 160)
        #expect(MemoryPlan([]).total == 0)
    }

    private static let shape = Shape(batch: 1, height: 32, width: 48, channels: 8)

    private func memory(
        layers: Int, _ shape: Shape = Self.shape, by algorithm: ConvolutionAlgorithm? = nil,
        _ layer: (inout Network, Int, Network.Value) -> Network.Value
    ) throws -> Int {
        var network = Network()
        var value = network.input("x")
        for index in 0..<layers { value = layer(&network, index, value) }
        network.output(value)
        return try InferencePlan.memory(network.computing(by: algorithm), inputShapes: [shape], workers: 1)
    }

    @Test(arguments: ConvolutionAlgorithm.allCases)
    func aDeepChainTakesTwoBuffers(algorithm: ConvolutionAlgorithm) throws {
        let convolution = Convolution(inputChannels: 8, outputChannels: 8, kernel: 3, padding: 1)
        func chain(_ layers: Int, _ shape: Shape = Self.shape) throws -> Int {
            try memory(layers: layers, shape, by: algorithm) { network, index, value in
                let next = network.add("layer.\(index)", convolution, value)
                return network.add("active.\(index)", Activation(.relu), next)
            }
        }
        let buffer = 32 * 48 * 8 * 4
        let scratch = try chain(1) - 2 * buffer
        // Working memory stays in a processor's second-level cache, which has 1 MiB and more.
        #expect(scratch > 0 && scratch <= 1 << 20)
        #expect(try chain(2) == 2 * buffer + scratch)
        #expect(try chain(40) == 2 * buffer + scratch)
        // It does not grow with the picture.
        let tall = Shape(batch: 1, height: 320, width: 48, channels: 8)
        #expect(try chain(3, tall) == 20 * buffer + scratch)
    }

    @Test func residualBlocksTakeThreeBuffers() throws {
        let convolution = Convolution(inputChannels: 8, outputChannels: 8, kernel: 3, padding: 1)
        func chain(_ blocks: Int) throws -> Int {
            try memory(layers: blocks) { network, index, value in
                let first = network.add("block.\(index).conv1", convolution, value)
                let active = network.add("block.\(index).relu", Activation(.relu), first)
                let second = network.add("block.\(index).conv2", convolution, active)
                return network.add("block.\(index).sum", Add(), second, value)
            }
        }
        let buffer = 32 * 48 * 8 * 4
        #expect(try chain(20) == chain(1))
        #expect(try chain(20) <= 3 * buffer + 4 * 96 * 1024)
    }

    @Test func workInPlaceTakesOneBuffer() throws {
        let bytes = try memory(layers: 30) { network, index, value in
            network.add("layer.\(index)", Activation(.silu), value)
        }
        #expect(bytes == 32 * 48 * 8 * 4)
    }

    @Test func moreWorkersTakeMoreScratch() throws {
        let network = network(of: Convolution(inputChannels: 8, outputChannels: 8, kernel: 3, padding: 1))
        let shape = Shape(batch: 1, height: 32, width: 48, channels: 8)
        func memory(_ workers: Int) throws -> Int {
            try InferencePlan.memory(network, inputShapes: [shape], workers: workers)
        }
        let perWorker = try memory(2) - memory(1)
        #expect(perWorker > 0)
        #expect(try memory(8) == memory(1) + 7 * perWorker)
    }
}
