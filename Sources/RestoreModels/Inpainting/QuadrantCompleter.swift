import Glibc
import RestoreConcurrency
import RestoreImage
import RestoreNN

/// A trained model of digits, which completes those of which some quadrants are known.
///
/// Digits are 784 values in 0…1, row by row.
public final class QuadrantCompleter {
    public let architecture: InpainterArchitecture
    public let metadata: ModelMetadata
    private let plans: InpainterPlans
    private let mask: [Float]

    private static let side = InpainterArchitecture.digitSide
    private static let pixelCount = side * side

    /// - Precondition: the model is of the kind `quadrants`.
    public init(_ model: Model<InpainterArchitecture>, pool: WorkerPool) {
        precondition(model.architecture.kind == .quadrants, "a \(model.architecture.kind.rawValue) completes no digits")
        architecture = model.architecture
        metadata = model.metadata
        plans = InpainterPlans(architecture, model.parameters, pool: pool)
        mask = Self.mask(given: architecture.given)
    }

    /// 1 where pixels are missing. As in Pyro's example: given are the bottom left quadrant, the left half, or all but
    /// the bottom right quadrant.
    public static func mask(given: Int) -> [Float] {
        precondition((1...3).contains(given), "\(given) given quadrants")
        return (0..<pixelCount).map { pixel in
            let (isBottom, isLeft) = (pixel / side >= side / 2, pixel % side < side / 2)
            switch given {
            case 1: return isBottom && isLeft ? 0 : 1
            case 2: return isLeft ? 0 : 1
            default: return isBottom && !isLeft ? 1 : 0
            }
        }
    }

    /// Values of a digit, resized to 28×28 if it has another size.
    public static func values(of image: Image) -> [Float] {
        let image = image.resized(width: side, height: side, filter: .area)
        return [Float](unsafeUninitializedCapacity: pixelCount) { values, count in
            guard let values = values.baseAddress else { return }
            image.copySamples(of: image.bounds, channels: 1, to: values)
            count = pixelCount
        }
    }

    /// What the encoders say of a digit.
    public struct Encoding: Sendable {
        public let prior: CodeDistribution
        public let posterior: CodeDistribution
        /// The plain network's logits.
        public let guess: [Float]
    }

    /// - Parameter truth: a whole digit; the prior sees its given quadrants only.
    /// - Throws: `NetworkError` if the machine has too little memory.
    public func encode(_ truth: [Float]) throws(NetworkError) -> Encoding {
        let outputs = try plans.run(.encoders, [tensor(known(truth)), tensor(mask), tensor(truth)])
        return Encoding(
            prior: CodeDistribution(mean: outputs[0].values, logVariance: outputs[1].values),
            posterior: CodeDistribution(mean: outputs[2].values, logVariance: outputs[3].values),
            guess: outputs[4].values)
    }

    /// Logits of the digit's pixels for each of some codes.
    ///
    /// - Throws: `NetworkError` if the machine has too little memory.
    public func logits(_ truth: [Float], codes: [[Float]]) throws(NetworkError) -> [[Float]] {
        let known = known(truth)
        var picture = tensor(known).shape
        picture.batch = codes.count
        let shape = Shape(batch: codes.count, height: 1, width: 1, channels: architecture.latentChannels)
        let outputs = try plans.run(
            .generator,
            [
                Tensor(shape: picture, values: codes.flatMap { _ in known }),
                Tensor(shape: picture, values: codes.flatMap { _ in mask }),
                Tensor(shape: shape, values: codes.flatMap { $0 }),
            ])
        return codes.indices.map { Array(outputs[0].values[($0 * Self.pixelCount)..<(($0 + 1) * Self.pixelCount)]) }
    }

    /// The digit with its missing pixels from logits.
    public func completed(_ truth: [Float], logits: [Float]) -> [Float] {
        truth.indices.map { mask[$0] == 0 ? truth[$0] : 1 / (1 + exp(-logits[$0])) }
    }

    /// The binary cross-entropy of the missing pixels, in nats.
    public func crossEntropy(_ logits: [Float], _ truth: [Float]) -> Double {
        var sum = 0.0
        for pixel in truth.indices where mask[pixel] != 0 {
            let (x, t) = (Double(logits[pixel]), Double(truth[pixel]))
            sum += max(x, 0) - x * t + log1p(exp(-abs(x)))
        }
        return sum
    }

    /// The digit with 0 where pixels are missing.
    public func known(_ truth: [Float]) -> [Float] { zip(truth, mask).map { $0 * (1 - $1) } }

    private func tensor(_ values: [Float]) -> Tensor {
        Tensor(shape: Shape(batch: 1, height: Self.side, width: Self.side, channels: 1), values: values)
    }
}
