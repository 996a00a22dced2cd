import Foundation
import ModelTestSupport
import RestoreConcurrency
import RestoreModels
import RestoreNN
import TestSupport
import Testing

/// Inpainters of random weights: what holds whatever they have learned.
@Suite struct InpainterTests {
    private static let digits = InpainterArchitecture(given: 2, hidden: [24, 16], latentChannels: 5)
    private static let kinds = [TinyInpainter().architecture, digits]

    /// A crop whose left third is missing, gray there.
    private func crop(_ width: Int, _ height: Int, seed: UInt64 = 3) -> (crop: Inpainter.Crop, truth: [Float]) {
        var generator = SeededGenerator(seed: seed)
        let truth = generator.values(3 * width * height, in: 0...1)
        let mask = (0..<(width * height)).map { 3 * ($0 % width) < width ? Float(1) : 0 }
        let colors = truth.indices.map { mask[$0 / 3] == 1 ? 0.5 : truth[$0] }
        return (Inpainter.Crop(width: width, height: height, colors: colors, mask: mask), truth)
    }

    // MARK: Networks

    @Test(arguments: kinds) func everyPartHasTheWholeNetworksParameters(architecture: InpainterArchitecture) {
        let whole = Set(ParameterLayout(architecture.network).entries.map(\.specification))
        var parts: Set<ParameterSpecification> = []
        for part in [architecture.filler, architecture.encoders, architecture.generator] {
            let own = Set(ParameterLayout(part).entries.map(\.specification))
            #expect(own.isSubset(of: whole) && own.count < whole.count)
            parts.formUnion(own)
        }
        #expect(parts == whole)
    }

    /// Training thins layers out and mixes codes, with the parameters of the model.
    @Test(arguments: kinds) func trainingHasTheModelsParameters(architecture: InpainterArchitecture) {
        var network = Network()
        let features = architecture.add(to: &network, code: .training)
        for value in [features.result] + features.distributions { network.output(value) }
        let layers = architecture.dropoutLayers.map(\.layer)
        #expect(layers.isEmpty == (architecture.kind == .photo))
        #expect(
            Set(ParameterLayout(network).entries.map(\.specification))
                == Set(ParameterLayout(architecture.network).entries.map(\.specification)))
    }

    @Test func theDefaultNetworksAreSmall() {
        let photo = InpainterArchitecture(widths: [48, 96, 128, 160], blocks: [2, 1, 1, 1], latentChannels: 16)
        let count = ParameterLayout(photo.network).entries.reduce(0) { $0 + $1.specification.count }
        // In 16-bit floats they are less than 12 MB.
        #expect((2_500_000...4_000_000).contains(count), "\(count) parameters")
        #expect(photo.alignment == 16 && photo.codeShape(height: 64, width: 96).count == 4 * 6 * 16)
    }

    @Test func descriptionsAreReadBack() throws {
        for architecture in Self.kinds {
            #expect(try InpainterArchitecture(json: architecture.json, path: "x") == architecture)
        }
        let broken = [
            InpainterArchitecture(given: 4), InpainterArchitecture(given: 1, hidden: []),
            InpainterArchitecture(widths: [8, 8], blocks: [1, 1], latentChannels: 4),
            InpainterArchitecture(widths: [8, 8, 8], blocks: [1], latentChannels: 4),
            InpainterArchitecture(widths: [8, 8, 8], blocks: [1, 1, 1], latentChannels: 0),
        ]
        for architecture in broken {
            #expect(architecture.defect != nil)
            #expect(throws: ModelError.self) { try InpainterArchitecture(json: architecture.json, path: "x") }
        }
    }

    /// A model file of either kind gives the same parameters; a model of digits is not applied to photographs.
    @Test(arguments: kinds) func filesAreReadBack(architecture: InpainterArchitecture) throws {
        let folder = try TemporaryFolder()
        let tiny = TinyInpainter(architecture)
        try folder.write(tiny.file(), "model.safetensors")
        let model = try Model<InpainterArchitecture>(path: folder("model.safetensors"))
        #expect(model.architecture == architecture && model.parameters.values == tiny.model.parameters.values)
        let pool = WorkerPool(workerCount: 1)
        if architecture.kind == .photo {
            _ = try Inpainter(path: folder("model.safetensors"), pool: pool)
        } else {
            #expect(throws: ModelError.self) { try Inpainter(path: folder("model.safetensors"), pool: pool) }
        }
    }

    // MARK: The code

    /// The decoder's output for z = μ + σ·ε is the same whether the network or the caller computes z.
    @Test func theNoiseIsScaledByTheDeviation() throws {
        let (crop, truth) = crop(16, 24)
        let inpainter = TinyInpainter().inpainter()
        let prior = try inpainter.encode(crop, truth: truth).prior
        expectClose(try inpainter.fill(crop, code: prior.mean), try inpainter.fill(crop), "mean")
        // μ + σ·ε, with ε drawn at each place of the code.
        let (architecture, place) = (inpainter.architecture, crop.place)
        #expect(place == Inpainter.Place())
        let shape = architecture.codeShape(height: roundedUp(crop.height), width: roundedUp(crop.width))
        var code = prior.mean
        for y in 0..<shape.height {
            for x in 0..<shape.width {
                var generator = SeededGenerator(seed: 8, path: 0, UInt64(y), UInt64(x))
                for channel in 0..<shape.channels {
                    let index = (y * shape.width + x) * shape.channels + channel
                    code[index] += Float(exp(0.5 * Double(prior.logVariance[index])) * generator.normal())
                }
            }
        }
        expectClose(try inpainter.fill(crop, code: code), try inpainter.fill(crop, seed: 8), "sample")
    }

    /// A multiple of the tiny network's alignment.
    private func roundedUp(_ side: Int) -> Int { (side + 7) / 8 * 8 }

    /// The closed form is that of the loss, and the mean of log q − log p over codes drawn from q.
    @Test func theDivergenceIsTheMeanOfTheLogRatio() throws {
        var generator = SeededGenerator(seed: 5)
        func distribution() -> CodeDistribution {
            CodeDistribution(mean: generator.values(6), logVariance: generator.values(6))
        }
        let (q, p) = (distribution(), distribution())
        let shape = Shape(batch: 1, height: 1, width: 1, channels: 6)
        let tensors = [q.mean, q.logVariance, p.mean, p.logVariance].map { Tensor(shape: shape, values: $0) }
        let loss = try evaluate(KLDivergence(), tensors, pool: WorkerPool(workerCount: 1)).value
        #expect(abs(q.divergence(from: p) - loss) < 1e-6 * loss)
        #expect(q.divergence(from: q) == 0)
        var sum = 0.0
        let count = 20_000
        for _ in 0..<count {
            let code = q.sample(using: &generator)
            sum += q.logDensity(code) - p.logDensity(code)
        }
        #expect(abs(sum / Double(count) - loss) < 0.05 * loss, "\(sum / Double(count)), closed form \(loss)")
    }

    /// q is the prior where the recognition network adds nothing.
    @Test func theDivergenceIsOfWhatTheTruthAdds() throws {
        let tiny = TinyInpainter()
        var parameters = tiny.model.parameters
        for entry in parameters.layout.entries where entry.specification.name.hasPrefix("recognition.") {
            for index in entry.range { parameters.values[index] = 0 }
        }
        let inpainter = Inpainter(
            Model(architecture: tiny.architecture, parameters: parameters), pool: WorkerPool(workerCount: 1))
        let (crop, truth) = crop(16, 16)
        let (prior, posterior) = try inpainter.encode(crop, truth: truth)
        #expect(posterior.divergence(from: prior) == 0)
        let own = try tiny.inpainter().encode(crop, truth: truth)
        #expect(own.posterior.divergence(from: own.prior) > 0.01)
    }

    // MARK: Crops

    @Test func knownPixelsStayAndSamplesDiffer() throws {
        let (crop, _) = crop(21, 17)
        let inpainter = TinyInpainter().inpainter()
        let answers = try [inpainter.fill(crop), inpainter.fill(crop, seed: 1), inpainter.fill(crop, seed: 2)]
        for answer in answers {
            #expect(answer.count == crop.colors.count && answer.allSatisfy { $0.isFinite })
            for index in answer.indices where crop.mask[index / 3] == 0 { #expect(answer[index] == crop.colors[index]) }
            #expect(answer != crop.colors)
        }
        #expect(answers[0] != answers[1] && answers[1] != answers[2])
        #expect(try inpainter.fill(crop, seed: 2) == answers[2])
    }

    @Test(arguments: [(1, 1), (5, 3), (16, 16), (37, 50)])
    func anySizeGivesTheSameBitsForAnyThreads(width: Int, height: Int) throws {
        let (crop, truth) = crop(width, height)
        let (one, three) = (TinyInpainter().inpainter(), TinyInpainter().inpainter(workers: 3))
        expectSameBits(try one.fill(crop, seed: 4), try three.fill(crop, seed: 4), "\(width)×\(height)")
        let (a, b) = try (one.encode(crop, truth: truth), three.encode(crop, truth: truth))
        expectSameBits(a.posterior.mean, b.posterior.mean, "\(width)×\(height)")
    }

    // MARK: Digits

    /// As in Pyro's example.
    @Test func quadrantsAreThoseOfTheExample() {
        let counts = [1: 588, 2: 392, 3: 196]
        for (given, missing) in counts {
            let mask = QuadrantCompleter.mask(given: given)
            #expect(mask.count { $0 == 1 } == missing && mask.count { $0 == 0 } == 784 - missing)
            #expect(mask[27 * 28] == 0, "the bottom left quadrant is given")
            #expect(mask[27 * 28 + 27] == 1, "the bottom right quadrant is missing")
            #expect(mask[0] == (given == 1 ? 1 : 0) && mask[27] == (given == 3 ? 0 : 1))
        }
    }

    @Test func completionsKeepWhatIsGiven() throws {
        let completer = QuadrantCompleter(TinyInpainter(Self.digits).model, pool: WorkerPool(workerCount: 2))
        var generator = SeededGenerator(seed: 6)
        let truth = generator.values(784, in: 0...1)
        let encoding = try completer.encode(truth)
        #expect(encoding.prior.mean.count == 5 && encoding.posterior.divergence(from: encoding.prior) > 0)
        // The prior does not see the missing quadrants.
        let blind = try completer.encode(completer.known(truth))
        #expect(blind.prior.mean == encoding.prior.mean && blind.posterior.mean != encoding.posterior.mean)
        let codes = [encoding.prior.mean, encoding.posterior.mean]
        let logits = try completer.logits(truth, codes: codes)
        expectClose(try completer.logits(truth, codes: [codes[1]])[0], logits[1], "one code or two")
        let completed = completer.completed(truth, logits: logits[1])
        let mask = QuadrantCompleter.mask(given: 2)
        for pixel in truth.indices {
            if mask[pixel] == 0 { #expect(completed[pixel] == truth[pixel]) }
            #expect((0...1).contains(completed[pixel]))
        }
        #expect(abs(completer.crossEntropy([Float](repeating: 0, count: 784), truth) - 392 * log(2)) < 1e-9)
    }
}
