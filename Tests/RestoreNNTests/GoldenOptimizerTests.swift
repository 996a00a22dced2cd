import RestoreConcurrency
import RestoreNN
import TestSupport
import Testing

/// Every case of `Fixtures/golden/optimizers.safetensors`: what PyTorch's optimizers do in five steps.
@Suite struct GoldenOptimizerTests {
    private struct Configuration: Decodable {
        let method: String
        let learningRate: Float
        let weightDecay: Float
        let steps: Int
        let beta1: Float?
        let beta2: Float?
        let epsilon: Float?
        let momentum: Float?
        let scale: String?
        let precision: String?
    }

    private static let names: [String] =
        (try? GoldenFile("optimizers.safetensors").file.metadata.keys.sorted()) ?? []
    private let golden: GoldenFile
    private let pool = WorkerPool(workerCount: 2)

    init() throws {
        golden = try GoldenFile("optimizers.safetensors")
    }

    @Test func fileIsComplete() {
        #expect(Self.names.count == 12)
        let owners = Set(golden.file.tensorNames.map { String($0.prefix { $0 != "/" }) })
        #expect(owners == Set(Self.names))
    }

    @Test(arguments: names) func agrees(name: String) throws {
        let configuration = try golden.configuration(name, as: Configuration.self)
        let shape = try #require(golden.file.shape(of: "\(name)/input"))
        var parameters = try golden.file.values(of: "\(name)/input")
        var optimizer = try optimizer(configuration, shape)
        for step in 0..<configuration.steps {
            optimizer.update(
                &parameters, gradients: try golden.file.values(of: "\(name)/grad.\(step)"),
                learningRate: configuration.learningRate, pool: pool)
            expectClose(
                parameters, try golden.file.values(of: "\(name)/output.\(step)"), "\(name), step \(step)",
                tolerance: tolerance(configuration))
        }
        #expect(optimizer.step == configuration.steps)
    }

    private func optimizer(_ configuration: Configuration, _ shape: [Int]) throws -> Optimizer {
        let method = try #require(
            ["adam": Optimizer.Method.adam, "adamW": .adamW, "muon": .muon][configuration.method])
        var settings = Optimizer.Settings()
        if method == .muon {
            settings.momentum = try #require(configuration.momentum)
            let scales = ["original": Optimizer.MatrixScale.spectral, "match_rms_adamw": .likeAdamW]
            settings.matrixScale = try #require(configuration.scale.flatMap { scales[$0] })
        } else {
            settings.beta1 = try #require(configuration.beta1)
            settings.beta2 = try #require(configuration.beta2)
            settings.epsilon = try #require(configuration.epsilon)
        }
        let groups = ParameterGroups(ParameterLayout(shapes: [shape])) { _ in
            .init(method, weightDecay: configuration.weightDecay)
        }
        return Optimizer(groups, settings: settings)
    }

    /// Muon's direction is exact to 10⁻⁴, or to bfloat16's 8 bits where PyTorch rounds to them, and errors add up.
    private func tolerance(_ configuration: Configuration) -> Tolerance {
        guard configuration.method == "muon" else { return Tolerance(absolute: 1e-6, relative: 1e-6) }
        let error: Float = configuration.precision == "bfloat16" ? 5e-2 : 1e-4
        return Tolerance(absolute: error * configuration.learningRate * Float(configuration.steps), relative: 1e-6)
    }
}
