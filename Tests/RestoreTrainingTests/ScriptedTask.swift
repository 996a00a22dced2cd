import RestoreConcurrency
import Glibc
import RestoreImage
import RestoreNN
import RestoreTraining
import Synchronization

/// One weight that learns to double: simple enough to know what must come out.
struct ScriptedTask: TrainingTask {
    /// Scores of the validations in their order, none once they are used up; nil to score by how near the weight is.
    let scores: [Double]?
    /// Where a value that is no number is put into a target.
    var poison: (step: Int, slot: Int, value: Float)?
    let exampleCount: Int
    var dataDigest = "scripted"
    private let counter = Counter()

    var network: Network
    var inputShapes = [Shape(batch: 2, height: 4, width: 4, channels: 1)]

    private final class Counter: Sendable {
        let validations = Mutex(0)
        let newestStep = Atomic(0)
        let ahead = Mutex<[Int]>([])
    }

    /// At each validation, every ten steps: of how many coming steps examples were asked for by then.
    var stepsAhead: [Int] { counter.ahead.withLock { $0 } }

    init(
        scores: [Double]? = nil, poison: (step: Int, slot: Int, value: Float)? = nil, exampleCount: Int = 2
    ) {
        self.scores = scores
        self.poison = poison
        self.exampleCount = exampleCount
        var network = Network()
        let input = network.input("input")
        let scale = Convolution(inputChannels: 1, outputChannels: 1, kernel: 1, hasBias: false)
        network.output(network.add("scale", scale, input))
        graph = TrainingGraph(network, loss: DifferenceLoss(.l1), name: "loss")
    }

    func fill(step: Int, slot: Int, inputs: [UnsafeMutablePointer<Float>]) -> String {
        let target = inputs[1]
        counter.newestStep.max(step + 1, ordering: .relaxed)
        var generator = SeededGenerator(seed: 3, path: UInt64(step), UInt64(slot))
        for index in 0..<16 {
            inputs[0][index] = Float(index + 1) / 16 + Float(generator.uniform())
            target[index] = 2 * inputs[0][index]
        }
        if let poison, poison.step == step, poison.slot == slot { target[5] = poison.value }
        return "picture \(step).\(slot)"
    }

    func validate(_ parameters: Parameters, pool: WorkerPool) throws -> [Double]? {
        // Leaves the other threads a moment.
        usleep(2000)
        let newest = counter.newestStep.load(ordering: .relaxed)
        counter.ahead.withLock { $0.append(newest - 10 * ($0.count + 1)) }
        guard let scores else { return [-Double(abs(parameters.values[0] - 2))] }
        let count = counter.validations.withLock { count in
            defer { count += 1 }
            return count
        }
        return count < scores.count ? [scores[count]] : nil
    }

    func samples(_ parameters: Parameters, pool: WorkerPool) throws -> [SamplePicture] {
        [SamplePicture(name: "gray", image: Image(width: 4, height: 3, channelLayout: .gray))]
    }

    func metadata(step: Int, metrics: [Double]?) -> [String: String] { ["step": "\(step)"] }
}
