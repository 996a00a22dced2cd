import RestoreConcurrency
import RestoreNN
import TestSupport
import Testing

/// Where a picture may be cut, and how far pieces must overlap, follows from the network.
@Suite struct PieceRuleTests {
    private let pool = WorkerPool(workerCount: 2)

    private static let overlapping: Network = {
        var network = Network()
        let input = network.input("input")
        let first = network.add("first", Convolution(inputChannels: 4, outputChannels: 5, kernel: 5, padding: 2), input)
        let down = network.add(
            "down", Convolution(inputChannels: 5, outputChannels: 6, kernel: 4, stride: 2, padding: 1), first)
        let middle = network.add(
            "middle",
            Convolution(
                inputChannels: 6, outputChannels: 6, kernel: 3, dilation: 2, padding: 2, paddingMode: .reflect),
            network.add("mixed", BlockMixing(), down))
        let up = TransposedConvolution(inputChannels: 6, outputChannels: 5, kernel: 4, stride: 2, padding: 1)
        let sum = network.add("sum", Add(), network.add("up", up, middle), first)
        network.output(
            network.add("last", Convolution(inputChannels: 5, outputChannels: 3, kernel: 3, padding: 1), sum))
        return network
    }()

    private static func example(_ index: Int) -> (name: String, network: Network) {
        switch index {
        case 0: ("residual U-Net", residualUNet(widths: [4, 6], blocks: 1, factor: 2))
        case 1: ("layers of whole blocks", blockNetwork(hasCoarseOutput: true))
        default: ("overlapping windows", overlapping)
        }
    }

    /// Every piece is as small as the rule allows.
    @Test(arguments: [0, 1, 2], [Axis.width, .height]) func piecesHaveTheBitsOfTheWhole(index: Int, axis: Axis) throws {
        let (name, network) = Self.example(index)
        let parameters = randomParameters(network, seed: 221)
        let side = 212
        let shape = Shape(batch: 1, height: axis == .height ? side : 12, width: axis == .width ? side : 12, channels: 4)
        let rule = try #require(try network.pieceRule(axis: axis, inputShape: shape))
        #expect(rule.step % 4 == 0 || index == 2)
        var generator = SeededGenerator(seed: 221)
        let picture = generator.tensor(shape)
        func piece(_ tensor: Tensor, _ range: Range<Int>) -> Tensor {
            axis == .height
                ? tensor.cropped(rows: range, columns: 0..<12) : tensor.cropped(rows: 0..<12, columns: range)
        }
        let whole = try infer(network, [picture], parameters: parameters, pool: pool)[0]
        for start in stride(from: 0, to: side, by: rule.step) {
            let core = start..<min(side, start + rule.step)
            let first = max(0, start - rule.before) / rule.step * rule.step
            // Pieces end where the network takes them.
            let last = min(side, (core.upperBound + rule.after + 3) / 4 * 4)
            let found = try infer(network, [piece(picture, first..<last)], parameters: parameters, pool: pool)[0]
            let inner = (core.lowerBound - first)..<(core.upperBound - first)
            expectSameBits(
                piece(found, inner).values, piece(whole, core).values, "\(name), \(axis) \(core) of \(first..<last)",
                seed: 221)
        }
    }

    @Test func reachAndStepAreThoseOfTheLayers() throws {
        func rule(_ network: Network, side: Int = 64) throws -> PieceRule? {
            try network.pieceRule(
                axis: .width, inputShape: Shape(batch: 1, height: 8, width: side, channels: 4))
        }
        func convolution(_ kernel: Int, _ padding: Int) -> Network {
            network(
                of: Convolution(
                    inputChannels: 4, outputChannels: 4, kernel: Extent(height: 3, width: kernel),
                    padding: Padding(top: 1, bottom: 1, left: padding, right: kernel - 1 - padding)))
        }
        #expect(try rule(network(of: Activation(.relu))) == PieceRule(step: 1, before: 0, after: 0))
        #expect(try rule(convolution(3, 1).computing(by: .implicit)) == PieceRule(step: 1, before: 1, after: 1))
        #expect(try rule(convolution(6, 1)) == PieceRule(step: 1, before: 1, after: 4))
        #expect(try rule(network(of: BlockMixing())) == PieceRule(step: 4, before: 1, after: 1))
        // Blocks of blocks: the second layer's neighbors are whole blocks of the first.
        var twice = Network()
        let input = twice.input("input")
        twice.output(twice.add("b", BlockMixing(), twice.add("a", BlockMixing(), input)))
        #expect(try rule(twice) == PieceRule(step: 4, before: 5, after: 5))
        // At half the resolution a block is 8 pixels wide.
        #expect(try rule(blockNetwork())?.step == 16)
        // 3×3 convolutions, counted in full-resolution pixels: 2·4 at half, 2·2 at a quarter of the resolution; then
        // rounded to windows of the strided layers.
        let plain = residualUNet(widths: [4, 6], blocks: 1, factor: 2).computing(by: .implicit)
        let radius = try #require(try rule(plain))
        #expect(radius.step == 4 && (20...24).contains(radius.before) && (20...24).contains(radius.after))
    }

    /// Tiles of a fast convolution come whole: the rule is that of layers of blocks.
    @Test func reachAndStepOfFastConvolutions() throws {
        func rule(_ network: Network, _ algorithm: ConvolutionAlgorithm) throws -> PieceRule? {
            try network.computing(by: algorithm).pieceRule(
                axis: .width, inputShape: Shape(batch: 1, height: 8, width: 64, channels: 4))
        }
        let convolution = Convolution(inputChannels: 4, outputChannels: 4, kernel: 3, padding: 1)
        var twice = Network()
        let input = twice.input("input")
        twice.output(twice.add("b", convolution, twice.add("a", convolution, input)))
        for (algorithm, side) in [(ConvolutionAlgorithm.winograd2, 2), (.winograd4, 4)] {
            #expect(try rule(network(of: convolution), algorithm) == PieceRule(step: side, before: 1, after: 1))
            #expect(try rule(twice, algorithm) == PieceRule(step: side, before: 1 + side, after: 1 + side))
            // At a quarter of the resolution a tile is four times as wide; its neighbors are whole tiles, at each layer.
            let deep = residualUNet(widths: [4, 6], blocks: 1, factor: 2)
            let found = try #require(try rule(deep, algorithm))
            let plain = try #require(try rule(deep, .implicit))
            #expect(found.step == 4 * side)
            #expect(found.before > plain.before && found.after > plain.after)
            #expect(found.before <= side * plain.before + found.step && found.after <= side * plain.after + found.step)
        }
        var shuffled = Network()
        let value = shuffled.add("a", convolution, shuffled.input("input"))
        shuffled.output(shuffled.add("shuffle", PixelShuffle(factor: 2), value))
        // Counted in pixels of the input.
        #expect(try rule(shuffled, .winograd4) == PieceRule(step: 4, before: 1, after: 1))
        #expect(try rule(shuffled.fused(), .winograd4) == PieceRule(step: 4, before: 1, after: 1))
    }

    /// Statistics over the whole picture reach everywhere.
    @Test func withoutABoundThereIsNoRule() throws {
        for operation in [GroupNormalization(channels: 4, groups: 2)] as [any Operator] {
            var network = Network()
            let input = network.input("input")
            network.output(network.add("a", operation, network.add("b", Activation(.relu), input)))
            #expect(
                try network.pieceRule(
                    axis: .width, inputShape: Shape(batch: 1, height: 8, width: 8, channels: 4)) == nil)
        }
    }
}
