import RestoreConcurrency
import RestoreImage
import RestoreModels
import RestoreNN
import TestSupport
import Testing

@Suite struct AutoencoderTests {
    private let small = AutoencoderArchitecture(height: 4, width: 5, channels: 3, hidden: [9, 7], codeSize: 3)

    private func parameters(_ architecture: AutoencoderArchitecture, seed: UInt64 = 5) -> Parameters {
        Parameters(initializing: architecture.network, seed: seed)
    }

    @Test func theDefaultIsTheClassicNetwork() throws {
        let architecture = AutoencoderArchitecture()
        let layout = ParameterLayout(architecture.network)
        #expect(
            layout.entries.map { "\($0.specification.name) \($0.specification.shape)" } == [
                "encoder.0.weight [500, 784]", "encoder.0.bias [500]", "encoder.1.weight [300, 500]",
                "encoder.1.bias [300]", "code.weight [2, 300]", "code.bias [2]", "decoder.0.weight [300, 2]",
                "decoder.0.bias [300]", "decoder.1.weight [500, 300]", "decoder.1.bias [500]",
                "decoder.output.weight [784, 500]", "decoder.output.bias [784]",
            ])
        let fresh = parameters(architecture)
        let weights = try #require(fresh["encoder.0.weight"]).map { Double($0) }
        let mean = weights.reduce(0, +) / Double(weights.count)
        let variance = weights.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(weights.count)
        // 392,000 draws: four standard errors of the mean and of the deviation.
        #expect(abs(mean) < 4 * 0.1 / 626 && abs(variance.squareRoot() - 0.1) < 4 * 0.1 / 885)
        #expect(fresh["encoder.0.bias"]?.allSatisfy { $0 == 0 } == true)
        let shapes = try architecture.network.shapes(inputs: [Shape(batch: 3, height: 28, width: 28, channels: 1)])
        #expect(architecture.network.outputs.map { shapes[$0.index].description } == ["3×28×28×1", "3×1×1×2"])
    }

    /// The code and the hidden layers as a plain loop computes them.
    @Test func itComputesWhatTheFormulaSays() throws {
        let parameters = parameters(small)
        var generator = SeededGenerator(seed: 6)
        let picture = generator.tensor(Shape(batch: 1, height: 4, width: 5, channels: 3))
        func dense(_ name: String, _ x: [Double]) throws -> [Double] {
            let weight = try #require(parameters["\(name).weight"]).map { Double($0) }
            let bias = try #require(parameters["\(name).bias"]).map { Double($0) }
            return bias.indices.map { o in x.indices.reduce(bias[o]) { $0 + weight[o * x.count + $1] * x[$1] } }
        }
        func tanh(_ x: [Double]) -> [Double] { x.map { (1 - 2 / (exponential(2 * $0) + 1)) } }
        // Features are numbered channel, row, column.
        var features: [Double] = []
        for c in 0..<3 { for y in 0..<4 { for x in 0..<5 { features.append(Double(picture[0, y, x, c])) } } }
        let code = try dense("code", tanh(dense("encoder.1", tanh(dense("encoder.0", features)))))
        let output = try dense("decoder.output", tanh(dense("decoder.1", tanh(dense("decoder.0", code)))))
        let found = try Autoencoder(
            Model(architecture: small, parameters: parameters), pool: WorkerPool(workerCount: 2)
        ).apply([picture.values])[0]
        expectClose(found.code, code.map { Float($0) }, "code", tolerance: Tolerance(absolute: 1e-5, relative: 1e-5))
        var expected: [Float] = []
        for y in 0..<4 { for x in 0..<5 { for c in 0..<3 { expected.append(Float(output[(c * 4 + y) * 5 + x])) } } }
        expectClose(
            found.reconstruction, expected, "reconstruction", tolerance: Tolerance(absolute: 1e-5, relative: 1e-5))
    }

    private func exponential(_ x: Double) -> Double {
        // A series, halved until it converges fast.
        var (term, sum, half) = (1.0, 1.0, x / 1024)
        for n in 1..<20 {
            term *= half / Double(n)
            sum += term
        }
        half = sum
        for _ in 0..<10 { half *= half }
        return half
    }

    @Test func encoderAndDecoderAreItsParts() throws {
        let parameters = parameters(small)
        let pool = WorkerPool(workerCount: 1)
        var generator = SeededGenerator(seed: 7)
        let picture = generator.tensor(Shape(batch: 2, height: 4, width: 5, channels: 3))
        let whole = try infer(small.network, [picture], parameters: parameters.values, pool: pool)
        let code = try infer(
            small.encoder, [picture], parameters: parameters.restricted(to: small.encoder).values, pool: pool)[0]
        expectSameBits(code.values, whole[1].values, "code")
        let decoded = try infer(
            small.decoder, [code], parameters: parameters.restricted(to: small.decoder).values, pool: pool)[0]
        expectSameBits(decoded.values, whole[0].values, "reconstruction")
    }

    @Test func aPictureAloneEqualsItselfAmongOthers() throws {
        let autoencoder = Autoencoder(
            Model(architecture: small, parameters: parameters(small)), pool: WorkerPool(workerCount: 3))
        var generator = SeededGenerator(seed: 8)
        let pictures = (0..<7).map { _ in generator.values(60) }
        let together = try autoencoder.apply(pictures)
        for (picture, result) in zip(pictures, together) {
            let alone = try autoencoder.apply([picture])[0]
            expectSameBits(alone.code, result.code, "code")
            expectSameBits(alone.reconstruction, result.reconstruction, "reconstruction")
        }
        #expect(try autoencoder.apply([]).isEmpty)
    }

    @Test func picturesAreTakenInItsSizeAndChannels() {
        let architecture = AutoencoderArchitecture(height: 2, width: 2, channels: 1, hidden: [], codeSize: 1)
        let gray = Image(
            width: 4, height: 2, channelLayout: .gray, samples: .uint8([0, 255, 51, 51, 0, 255, 102, 102]))
        // 127.5 is rounded to a whole 8-bit value.
        expectClose(architecture.input(of: gray), [128, 51, 128, 102].map { $0 / 255 }, "resized")
        let color = Image(width: 2, height: 2, channelLayout: .rgb, samples: .uint8([UInt8](repeating: 255, count: 12)))
        expectClose(architecture.input(of: color), [1, 1, 1, 1], "luma of white")
        let image = architecture.image(of: [-0.5, 0.5, 2, .nan])
        #expect(image == Image(width: 2, height: 2, channelLayout: .gray, samples: .uint8([0, 128, 255, 0])))
    }

    @Test(arguments: [
        ("{\"name\":\"dense\",\"height\":28,\"width\":28,\"channels\":1,\"hidden\":[0],\"code\":2}", "hidden layers"),
        ("{\"name\":\"dense\",\"height\":28,\"width\":28,\"channels\":2,\"hidden\":[5],\"code\":2}", "1 or 3 channels"),
        ("{\"name\":\"dense\",\"height\":0,\"width\":28,\"channels\":1,\"hidden\":[5],\"code\":2}", "pixels a side"),
        ("{\"name\":\"dense\",\"height\":28,\"width\":28,\"channels\":1,\"hidden\":[5],\"code\":0}", "a code of"),
        ("{\"name\":\"other\",\"height\":28,\"width\":28,\"channels\":1,\"hidden\":[5],\"code\":2}", "valid JSON"),
    ])
    func anArchitectureThatCannotBeIsRefused(json: String, reason: String) {
        let error = #expect(throws: ModelError.self) {
            try AutoencoderArchitecture(json: json, path: "model.safetensors")
        }
        #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
    }

    @Test func itsJSONIsReadAgain() throws {
        #expect(try AutoencoderArchitecture(json: small.json, path: "") == small)
    }
}
