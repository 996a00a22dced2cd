import RestoreConcurrency
import ModelTestSupport
import RestoreModels
import RestoreNN
import TestSupport
import Testing

@Suite struct DenoiserArchitectureTests {
    @Test func theShippedNetworkHasTheSizeThatIsDocumented() throws {
        let architecture = DenoiserArchitecture()
        #expect(architecture.alignment == 8)
        let cost = try architecture.network.cost(
            inputs: [Shape(batch: 1, height: 64, width: 64, channels: 4)])
        #expect(cost.parameters == 1_984_380)
        #expect(cost.multiplyAccumulates / (64 * 64) == 186_192)
    }

    /// How far the network really reaches, found by what one bright pixel on black changes.
    ///
    /// All weights are positive and constants are absent, so that nothing cancels and black stays black: an output is not
    /// zero exactly where the pixel reaches it; by fast convolution, where its rounding does.
    private func reach(
        of architecture: DenoiserArchitecture, side: Int, x: Int, y: Int, by algorithm: ConvolutionAlgorithm? = nil
    ) throws -> Int {
        var parameters = TinyModel(architecture).parameters
        for entry in parameters.layout.entries {
            let shape = entry.specification.shape
            // Such that a signal neither dies nor overflows on its way: the farthest pixel gets a third in each layer, the
            // nearest three times as much.
            let weight = shape.count == 1 ? 0 : 3 / Float(shape.dropFirst().reduce(1, *))
            for index in entry.range { parameters.values[index] = weight }
        }
        var input = Tensor(zeros: Shape(batch: 1, height: side, width: side, channels: 4))
        for c in 0..<3 { input[0, y, x, c] = 1 }
        let output = try infer(
            architecture.network.computing(by: algorithm), [input], parameters: parameters.values,
            pool: WorkerPool(workerCount: 2))[0].values
        var reach = 0
        for pixel in 0..<(side * side) where output[(3 * pixel)..<(3 * pixel + 3)].contains(where: { $0 != 0 }) {
            reach = max(reach, abs(pixel % side - x), abs(pixel / side - y))
        }
        return reach
    }

    /// How far pieces of a picture must overlap, by what the layers say of themselves.
    private func rule(_ architecture: DenoiserArchitecture) throws -> PieceRule {
        let side = 8 * architecture.alignment
        return try #require(
            try architecture.network.pieceRule(
                axis: .width, inputShape: Shape(batch: 1, height: side, width: side, channels: 4)))
    }

    /// Layers that compute blocks of pixels may ask for more than the radius, never for less.
    @Test(arguments: [([4], 1), ([4, 8], 1), ([4, 8], 2), ([3, 4, 5], 1)])
    func thePieceRuleCoversTheReach(widths: [Int], blocks: Int) throws {
        let architecture = try #require(DenoiserArchitecture(checking: widths, blocksPerLevel: blocks))
        let (rule, alignment) = (try rule(architecture), architecture.alignment)
        // Of a core that is one step wide, the last pixel reaches so far.
        let radius = max(rule.before, rule.after) + rule.step - 1
        let side = (2 * radius + 4 * alignment) / alignment * alignment
        var widest = 0
        // Every place on the grid of the alignment.
        for phase in 0..<alignment {
            let middle = side / 2 / alignment * alignment + phase
            let reach = try reach(of: architecture, side: side, x: middle, y: middle)
            #expect(reach <= radius, "phase \(phase)")
            widest = max(widest, reach)
        }
        #expect(widest < side / 2 - alignment, "the picture must be larger than the reach")
        // No convolution asks for more than the block of four pixels beside its own.
        #expect(radius <= 4 * (widest + alignment))
    }

    @Test func theShippedNetworkReachesNoFurtherThanItsRule() throws {
        let architecture = DenoiserArchitecture()
        // What the values themselves depend on: 3×3 convolutions, counted in full-resolution pixels.
        let plain = try reach(of: architecture, side: 448, x: 223, y: 224, by: .implicit)
        #expect((188...208).contains(plain))
        // What their rounding depends on, too: every tile reads up to a tile further than a window.
        let rule = try rule(architecture)
        let side = (2 * (max(rule.before, rule.after) + 2 * rule.step) / rule.step + 1) * rule.step
        let middle = side / 2 / rule.step * rule.step
        let reach = try reach(of: architecture, side: side, x: middle - 1, y: middle)
        #expect(reach > plain && reach < side / 2 - architecture.alignment, "the picture must be larger than the reach")
        #expect(reach < max(rule.before, rule.after) + rule.step)
    }

    // MARK: JSON

    @Test(arguments: [([48, 96, 192], 2), ([1], 1), ([4, 8], 16), ([1024, 1, 1, 1, 1, 7], 3)])
    func jsonRoundTrips(widths: [Int], blocks: Int) throws {
        let architecture = try #require(DenoiserArchitecture(checking: widths, blocksPerLevel: blocks))
        let read = try DenoiserArchitecture(json: architecture.json, path: "m")
        #expect(read == architecture)
        #expect((read.widths, read.name) == (widths, DenoiserArchitecture.name))
        #expect(read.blocks == [Int](repeating: blocks, count: widths.count) && !read.isBlind)
    }

    @Test func levelsMayDifferInTheirBlocks() throws {
        let architecture = try #require(DenoiserArchitecture(checking: [4, 8, 6], blocks: [3, 1, 2], isBlind: true))
        #expect(try DenoiserArchitecture(json: architecture.json, path: "m") == architecture)
        let network = architecture.network
        func count(_ prefix: String) -> Int {
            network.nodes.count { $0.name.hasPrefix(prefix) && $0.name.hasSuffix(".sum") }
        }
        #expect((count("encoder.0."), count("encoder.1."), count("bottom.")) == (3, 1, 2))
        #expect((count("decoder.0."), count("decoder.1.")) == (3, 1))
        let output = try network.shapes(inputs: [Shape(batch: 1, height: 16, width: 8, channels: 3)])
        #expect(output[network.outputs[0].index] == Shape(batch: 1, height: 16, width: 8, channels: 3))
        #expect(DenoiserArchitecture(checking: [4, 8], blocks: [1]) == nil)
        #expect(DenoiserArchitecture(checking: [4, 8], blocks: [1, 17]) == nil)
    }

    /// Three more input channels, of which older files say nothing.
    @Test(arguments: [true, false]) func aNetworkMayKnowTheCompression(isBlind: Bool) throws {
        let architecture = try #require(
            DenoiserArchitecture(checking: [4, 8], blocks: [1, 1], isBlind: isBlind, knowsCompression: true))
        let read = try DenoiserArchitecture(json: architecture.json, path: "m")
        #expect(read == architecture && read.knowsCompression)
        #expect(read.inputChannels == (isBlind ? 6 : 7) && read.compressionChannels == (isBlind ? 3..<6 : 4..<7))
        let output = try read.network.shapes(
            inputs: [Shape(batch: 1, height: 8, width: 8, channels: read.inputChannels)])
        #expect(output[read.network.outputs[0].index].channels == 3)
        let old = try DenoiserArchitecture(
            json: #"{"name":"residual-unet","widths":[4],"blocksPerLevel":1}"#, path: "m")
        #expect(!old.knowsCompression && old.compressionChannels.isEmpty && old.inputChannels == 4)
    }

    @Test(arguments: [([], 1), ([0], 1), ([-1], 1), ([1025], 1), ([1, 1, 1, 1, 1, 1, 1], 1), ([4], 0), ([4], 17)])
    func absurdSizesAreRefused(widths: [Int], blocks: Int) throws {
        #expect(DenoiserArchitecture(checking: widths, blocksPerLevel: blocks) == nil)
        let json = #"{"name":"residual-unet","widths":\#(widths),"blocksPerLevel":\#(blocks)}"#
        let error = #expect(throws: ModelError.self) { try DenoiserArchitecture(json: json, path: "the/path") }
        #expect("\(try #require(error))".hasPrefix("the/path: expected 1 to "))
    }

    @Test func anUnknownNameIsNamed() throws {
        let json = #"{"name":"transformer","widths":[4],"blocksPerLevel":1}"#
        let error = #expect(throws: ModelError.self) { try DenoiserArchitecture(json: json, path: "p") }
        #expect("\(try #require(error))".contains("transformer"))
    }

    @Test(arguments: [
        "", "{", "null", "[]", "{}", "17", "\u{0}", #"{"name":"residual-unet"}"#,
        #"{"name":"residual-unet","widths":"48","blocksPerLevel":2}"#,
        #"{"name":"residual-unet","widths":[1e300],"blocksPerLevel":2}"#,
        #"{"name":"residual-unet","widths":[4.5],"blocksPerLevel":2}"#,
        #"{"name":"residual-unet","widths":[4],"blocksPerLevel":99999999999999999999}"#,
        String(repeating: "[", count: 100_000),
    ])
    func garbageIsRefused(json: String) throws {
        let error = #expect(throws: ModelError.self) { try DenoiserArchitecture(json: json, path: "the/path") }
        guard case .badArchitecture(let path, _) = error else {
            Issue.record("expected badArchitecture, found \(String(describing: error))")
            return
        }
        #expect(path == "the/path")
    }
}
