import RestoreNN
import TestSupport
import Testing

/// A loss, its inputs, and a reference for its value.
struct LossCase: Sendable, CustomTestStringConvertible {
    /// What an input holds.
    enum Content: Sendable {
        case normal(scale: Float = 1)
        /// Activations and probabilities, away from 0 and 1.
        case unit
        /// 0 or a number up to 1, one per pixel or one per value.
        case pixelWeights, valueWeights
        /// Whole numbers from −1 to the number of classes, both of which are ignored; `count` per pixel.
        case classes(count: Int = 1)
        case probabilities(count: Int)
    }

    let name: String
    let loss: any LossOperator
    let channels: Int
    let contents: [Content]
    /// The inputs by which the loss is differentiated.
    let differentiable: [Int]
    let reference: @Sendable (_ inputs: [[Double]], _ shape: Shape) -> Double

    var testDescription: String { name }

    /// The place of the weights among the inputs.
    var weights: Int? {
        contents.firstIndex { content in
            switch content {
            case .pixelWeights, .valueWeights: true
            default: false
            }
        }
    }

    /// A few hundred values at most, or enough for several pieces of elementwise work.
    func shape(large: Bool) -> Shape {
        if large { return Shape(batch: 3, height: 70_000 / (30 * channels) + 1, width: 10, channels: channels) }
        return Shape(batch: 2, height: channels > 50 ? 1 : 3, width: channels > 50 ? 2 : 4, channels: channels)
    }

    func inputs(_ shape: Shape, _ generator: inout SeededGenerator) -> [Tensor] {
        contents.map { content in
            func tensor(_ channels: Int, _ value: () -> Float) -> Tensor {
                let shape = Shape(
                    batch: shape.batch, height: shape.height, width: shape.width, channels: channels)
                return Tensor(shape: shape, values: (0..<shape.count).map { _ in value() })
            }
            func weight() -> Float { generator.uniform() < 0.4 ? 0 : Float(generator.uniform()) }
            switch content {
            case .normal(let scale): return tensor(channels) { scale * Float(generator.normal()) }
            case .unit: return tensor(channels) { 0.02 + 0.96 * Float(generator.uniform()) }
            case .pixelWeights: return tensor(1, weight)
            case .valueWeights: return tensor(channels, weight)
            case .classes(let count): return tensor(count) { Float(generator.index(below: channels + 2) - 1) }
            case .probabilities(let count): return tensor(count) { Float(generator.uniform()) }
            }
        }
    }
}

extension LossCase {
    static let all = differences + crossEntropies + binaryCrossEntropies + gaussians + regularizers

    private static let layouts: [(name: String, contents: [Content])] = [
        ("", []), (", weighted pixels", [.pixelWeights]), (", weighted values", [.valueWeights]),
    ]
    private static let reductions: [LossReduction] = [.mean, .sumPerPicture]

    private static let differences: [LossCase] = {
        let measures: [(String, DifferenceLoss.Measure)] = [
            ("L1", .l1), ("L2", .l2), ("Huber", .huber(delta: 0.75)), ("Charbonnier", .charbonnier(epsilon: 0.3)),
        ]
        return measures.flatMap { name, measure in
            layouts.map { layout in
                LossCase(
                    name: name + layout.name, loss: DifferenceLoss(measure), channels: 7,
                    contents: [.normal(), .normal()] + layout.contents, differentiable: [0, 1]
                ) { inputs, _ in LossReference.difference(measure, inputs) }
            }
        }
    }()

    private static let crossEntropies: [LossCase] = {
        func make(_ name: String, _ loss: SoftmaxCrossEntropy, _ channels: Int, _ contents: [Content]) -> LossCase {
            LossCase(
                name: "\(name), \(channels) classes", loss: loss, channels: channels,
                contents: [.normal(scale: 2)] + contents, differentiable: [0]
            ) { LossReference.crossEntropy(loss, $0, channels: channels, pixels: $1.pixels) }
        }
        // Beside multiples of the vectors' 16, and more than are added up in one go.
        let plain = [1, 2, 15, 16, 17, 32, 313, 1100].flatMap { channels in
            [
                make("cross-entropy", SoftmaxCrossEntropy(.classIndices), channels, [.classes()]),
                make(
                    "sparse cross-entropy", SoftmaxCrossEntropy(.sparseDistributions), channels,
                    [.classes(count: 5), .probabilities(count: 5)]),
            ]
        }
        let weights: [Float] = (0..<9).map { 0.2 + Float($0 * 5 % 9) / 4 }
        return plain + [
            make("weighted pixels", SoftmaxCrossEntropy(.classIndices), 9, [.classes(), .pixelWeights]),
            make("class weights", SoftmaxCrossEntropy(.classIndices, classWeights: weights), 9, [.classes()]),
            make(
                "both weights", SoftmaxCrossEntropy(.classIndices, classWeights: weights), 9,
                [.classes(), .pixelWeights]),
            make(
                "sparse, both weights", SoftmaxCrossEntropy(.sparseDistributions, classWeights: weights), 9,
                [.classes(count: 1), .probabilities(count: 1), .pixelWeights]),
        ]
    }()

    private static let binaryCrossEntropies: [LossCase] = reductions.flatMap { reduction in
        layouts.map { layout in
            LossCase(
                name: "binary cross-entropy, \(reduction)" + layout.name,
                loss: BinaryCrossEntropy(reduction: reduction), channels: 3,
                contents: [.normal(scale: 3), .unit] + layout.contents, differentiable: [0, 1]
            ) { LossReference.binaryCrossEntropy(reduction, $0, batch: $1.batch) }
        }
    }

    private static let gaussians: [LossCase] = reductions.flatMap { reduction in
        layouts.map { layout in
            let isMean = reduction == .mean
            let loss = GaussianNegativeLogLikelihood(
                reduction: reduction, includesConstant: !isMean, deviationFloor: isMean ? 0 : 0.5)
            return LossCase(
                name: "Gaussian, \(reduction)" + layout.name, loss: loss, channels: 3,
                contents: [.normal(), .normal(scale: 1.5), .normal()] + layout.contents, differentiable: [0, 1, 2]
            ) { LossReference.gaussian(loss, $0, batch: $1.batch) }
        }
    }

    private static let regularizers: [LossCase] = {
        let divergences = [(2, 0), (4, 0), (2, 10), (4, 40)].map { count, freeBits in
            LossCase(
                name: "KL divergence, \(count) inputs, \(freeBits) free bits",
                loss: KLDivergence(freeBits: Double(freeBits)), channels: 11,
                contents: Array(repeating: .normal(), count: count), differentiable: Array(0..<count)
            ) {
                LossReference.divergence($0, batch: $1.batch, channels: $1.channels, freeBits: Double(freeBits))
            }
        }
        let prior = PriorRegularization(meanDeviation: 10, deviationStrength: 0.1)
        let activities = reductions.map { reduction in
            LossCase(
                name: "activity penalty, \(reduction)", loss: ActivityPenalty(reduction: reduction), channels: 5,
                contents: [.normal()], differentiable: [0]
            ) { LossReference.activity(reduction, $0, batch: $1.batch) }
        }
        return divergences + activities + [
            LossCase(
                name: "prior regularization", loss: prior, channels: 5, contents: [.normal(scale: 5), .normal()],
                differentiable: [0, 1]
            ) { LossReference.prior(prior, $0, batch: $1.batch) },
            LossCase(
                name: "sparsity", loss: SparsityKL(activity: 0.05), channels: 13, contents: [.unit],
                differentiable: [0]
            ) { inputs, shape in LossReference.sparsity(0.05, inputs, channels: shape.channels) },
        ]
    }()
}
