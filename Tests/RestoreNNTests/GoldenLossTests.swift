import RestoreConcurrency
import RestoreNN
import TestSupport
import Testing

/// Every case of `Fixtures/golden/losses.safetensors`: what PyTorch computes in double precision.
@Suite struct GoldenLossTests {
    private static let names: [String] = (try? GoldenFile("losses.safetensors").file.metadata.keys.sorted()) ?? []
    private let golden: GoldenFile
    private let pool = WorkerPool(workerCount: 2)

    init() throws {
        golden = try GoldenFile("losses.safetensors")
    }

    /// A case's configuration, as the file's metadata has it.
    private struct Configuration: Decodable {
        let op: String
        let delta: Float?
        let epsilon: Float?
        let reduction: String?
        let targets: String?
        let classWeights: [Float]?
        let constant: Bool?
        let floor: Float?
        let freeBits: Double?
        let meanDeviation: Double?
        let deviationStrength: Double?
        let activity: Double?

        private var lossReduction: LossReduction { reduction == "mean" ? .mean : .sumPerPicture }

        func makeLoss() throws -> any LossOperator {
            switch op {
            case "l1": return DifferenceLoss(.l1)
            case "l2": return DifferenceLoss(.l2)
            case "huber": return DifferenceLoss(.huber(delta: try #require(delta)))
            case "charbonnier": return DifferenceLoss(.charbonnier(epsilon: try #require(epsilon)))
            case "crossEntropy":
                return SoftmaxCrossEntropy(
                    targets == "classes" ? .classIndices : .sparseDistributions, classWeights: classWeights)
            case "binaryCrossEntropy": return BinaryCrossEntropy(reduction: lossReduction)
            case "gaussian":
                return GaussianNegativeLogLikelihood(
                    reduction: lossReduction, includesConstant: try #require(constant as Bool?),
                    deviationFloor: try #require(floor))
            case "kl": return KLDivergence(freeBits: try #require(freeBits))
            case "prior":
                return PriorRegularization(
                    meanDeviation: try #require(meanDeviation), deviationStrength: try #require(deviationStrength))
            case "sparsity": return SparsityKL(activity: try #require(activity))
            case "activity": return ActivityPenalty(reduction: lossReduction)
            default: throw UnknownLoss(name: op)
            }
        }
    }

    private struct UnknownLoss: Error {
        let name: String
    }

    @Test func fileIsComplete() {
        #expect(Self.names.count == 54)
    }

    @Test(arguments: names) func agrees(name: String) throws {
        let loss = try golden.configuration(name, as: Configuration.self).makeLoss()
        let inputs = try (0..<4).map { "\(name)/input.\($0)" }.filter { golden.file.shape(of: $0) != nil }
            .map(golden.activation)
        let (value, gradients) = try evaluate(loss, inputs, pool: pool)
        expectClose(
            [Float(value)], try golden.file.values(of: "\(name)/output"), name,
            tolerance: Tolerance(absolute: 1e-8, relative: 1e-6))
        for (index, gradient) in gradients.enumerated() {
            let name = "\(name)/grad_input.\(index)"
            guard golden.file.shape(of: name) != nil else {
                #expect(gradient.values.allSatisfy { $0 == 0 }, "\(name): PyTorch has none")
                continue
            }
            let expected = try golden.activation(name).values
            let scale = expected.map(abs).max() ?? 0
            expectClose(
                gradient.values, expected, name,
                tolerance: Tolerance(absolute: 1e-8 + 3e-7 * scale, relative: 1e-6))
        }
    }
}
