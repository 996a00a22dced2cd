import Glibc
import RestoreConcurrency
import RestoreNN

/// A linear classifier of codes: what their classes can be told by without any further layer (multinomial logistic
/// regression with a small L2 penalty).
///
/// Trained with Adam on shuffled batches of standardized codes; the same bits for the same seed.
public final class ClassProbe {
    public struct Settings: Sendable {
        public var epochs = 30
        public var batchSize = 200
        public var learningRate: Float = 3e-3
        public var weightDecay: Float = 1e-4
        public var seed: UInt64 = 1

        public init() {}
    }

    public let classes: [Int]
    private let mean: [Float]
    private let inverseDeviation: [Float]
    private let plan: InferencePlan
    private let codeSize: Int

    /// Codes that are classified together.
    private static let chunk = 1000

    /// - Parameters:
    ///   - codes: as many values each.
    ///   - labels: one a code.
    /// - Throws: `NetworkError` if the machine has too little memory.
    public init(
        codes: [[Float]], labels: [Int], settings: Settings = Settings(), pool: WorkerPool
    ) throws(NetworkError) {
        precondition(codes.count == labels.count && !codes.isEmpty, "\(codes.count) codes, \(labels.count) labels")
        classes = Set(labels).sorted()
        codeSize = codes[0].count
        (mean, inverseDeviation) = Self.standardization(codes)
        let graph = Self.graph(codeSize: codeSize, classCount: classes.count)
        let place = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($1, $0) })
        let inputs = codes.map { [mean, inverseDeviation] code in Self.standardized(code, mean, inverseDeviation) }
        let targets = labels.map { Float(place[$0] ?? 0) }
        let values = try Self.trained(graph, inputs, targets, settings, pool)
        let shape = Shape(batch: Self.chunk, height: 1, width: 1, channels: codeSize)
        plan = try InferencePlan(
            graph.model, inputShapes: [shape],
            parameters: Parameters(layout: ParameterLayout(graph.model), values: values), pool: pool)
    }

    /// The classes of codes.
    public func classes(of codes: [[Float]]) -> [Int] {
        stride(from: 0, to: codes.count, by: Self.chunk).flatMap { start -> [Int] in
            let part = codes[start..<min(start + Self.chunk, codes.count)]
            var values = part.flatMap { Self.standardized($0, mean, inverseDeviation) }
            values += [Float](repeating: 0, count: (Self.chunk - part.count) * codeSize)
            let shape = Shape(batch: Self.chunk, height: 1, width: 1, channels: codeSize)
            let logits = plan.run([Tensor(shape: shape, values: values)])[0].values
            return part.indices.map { index in
                let row = logits[((index - start) * classes.count)..<((index - start + 1) * classes.count)]
                return classes[(row.indices.max { row[$0] < row[$1] } ?? row.startIndex) - row.startIndex]
            }
        }
    }

    /// The fraction of codes whose class is told wrongly.
    public func error(codes: [[Float]], labels: [Int]) -> Double {
        precondition(codes.count == labels.count && !codes.isEmpty, "\(codes.count) codes, \(labels.count) labels")
        return Double(zip(classes(of: codes), labels).count { $0 != $1 }) / Double(labels.count)
    }

    private static func graph(codeSize: Int, classCount: Int) -> TrainingGraph {
        var network = Network()
        let layer = Dense(inputFeatures: codeSize, outputFeatures: classCount)
        network.output(network.add("classes", layer, network.input("code")))
        return TrainingGraph(network, loss: SoftmaxCrossEntropy(.classIndices), name: "loss", target: "label")
    }

    private static func trained(
        _ graph: TrainingGraph, _ codes: [[Float]], _ targets: [Float], _ settings: Settings, _ pool: WorkerPool
    ) throws(NetworkError) -> [Float] {
        let size = min(settings.batchSize, codes.count)
        let shapes = [codes[0].count, 1].map { Shape(batch: size, height: 1, width: 1, channels: $0) }
        let plan = try TrainingPlan(graph.network, inputShapes: shapes, objective: graph.objective, pool: pool)
        let layout = ParameterLayout(graph.network)
        var values = [Float](repeating: 0, count: layout.count)
        var optimizer = Optimizer(ParameterGroups(layout, method: .adam, weightDecay: settings.weightDecay))
        let steps = max(1, codes.count / size)
        for epoch in 0..<settings.epochs {
            var generator = SeededGenerator(seed: settings.seed, path: UInt64(epoch))
            let order = codes.indices.shuffled(using: &generator)
            for step in 0..<steps {
                for (slot, index) in order[(step * size)..<((step + 1) * size)].enumerated() {
                    (plan.input(0) + slot * codes[index].count).update(from: codes[index], count: codes[index].count)
                    plan.input(1)[slot] = targets[index]
                }
                var gradients = [Float](repeating: 0, count: layout.count)
                values.withUnsafeBufferPointer { values in
                    gradients.withUnsafeMutableBufferPointer { gradients in
                        guard let values = values.baseAddress, let gradients = gradients.baseAddress else { return }
                        plan.forward(parameters: values)
                        plan.backward(weights: [1], parameters: values, parameterGradients: gradients)
                    }
                }
                let progress = Float(epoch * steps + step) / Float(settings.epochs * steps)
                let rate = settings.learningRate * 0.5 * (1 + cosf(.pi * progress))
                optimizer.update(&values, gradients: gradients, learningRate: rate, pool: pool)
            }
        }
        return values
    }

    /// The mean of each value and the reciprocal of its standard deviation, 0 where it is constant.
    private static func standardization(_ codes: [[Float]]) -> (mean: [Float], inverseDeviation: [Float]) {
        let count = Double(codes.count)
        let moments = codes[0].indices.map { axis -> (Float, Float) in
            let mean = codes.reduce(0) { $0 + Double($1[axis]) } / count
            let variance = codes.reduce(0) { $0 + (Double($1[axis]) - mean) * (Double($1[axis]) - mean) } / count
            return (Float(mean), variance > 1e-12 ? Float(1 / variance.squareRoot()) : 0)
        }
        return (moments.map(\.0), moments.map(\.1))
    }

    private static func standardized(_ code: [Float], _ mean: [Float], _ inverseDeviation: [Float]) -> [Float] {
        code.indices.map { (code[$0] - mean[$0]) * inverseDeviation[$0] }
    }
}
