import Glibc
import RestoreConcurrency
import RestoreImage
import RestoreNN
import RestoreTraining

/// A small variational model with three inputs, two outputs and two weighted terms: what the denoiser does not need of the
/// trainer. x is encoded to a mean, noise ε is added, and both a decoder's output and a second head are trained.
struct ToyTask: TrainingTask {
    let graph: TrainingGraph
    let inputs = [
        TrainingInput(height: 2, width: 3, channels: 2), TrainingInput(height: 2, width: 3, channels: 2),
        TrainingInput(height: 2, width: 3, channels: 4, source: .standardNormal),
    ]
    let exampleCount = 8
    let dataDigest = "toy"
    let metrics = [
        Metric("error", title: "Error", decimals: 3, direction: .lowerIsBetter),
        Metric("distance", title: "Distance", unit: "units", decimals: 1, direction: .lowerIsBetter),
    ]
    let workPerExample = 1.0
    let workUnit = "pictures"

    init() {
        var network = Network()
        let x = network.input("x")
        let target = network.input("target")
        let epsilon = network.input("epsilon")
        let mean = network.add("mean", Convolution(inputChannels: 2, outputChannels: 4, kernel: 1), x)
        let latent = network.add("latent", Add(), mean, epsilon)
        let decoder = Convolution(inputChannels: 4, outputChannels: 2, kernel: 3, padding: 1)
        let decoded = network.add("decoder", decoder, latent)
        let recognized = network.add("recognition", Convolution(inputChannels: 4, outputChannels: 2, kernel: 1), latent)
        let first = network.add("first", DifferenceLoss(.l2), decoded, target)
        let second = network.add("second", DifferenceLoss(.charbonnier(epsilon: 0.1)), recognized, x)
        graph = TrainingGraph(
            network: network,
            objective: Objective([
                .init("reconstruction", first),
                .init("recognition", second, weight: WeightSchedule(from: 0, to: 0.5, warmupSteps: 10)),
            ]), modelOutputs: [decoded])
    }

    func fill(step: Int, slot: Int, inputs: [UnsafeMutablePointer<Float>]) -> String {
        var generator = SeededGenerator(seed: 17, path: UInt64(step), UInt64(slot))
        for index in 0..<12 {
            inputs[0][index] = Float(generator.uniform())
            inputs[1][index] = 1 - inputs[0][index]
        }
        return "toy \(step).\(slot)"
    }

    func validate(_ parameters: Parameters, pool: WorkerPool) throws -> [Double]? {
        let sum = parameters.values.reduce(0) { $0 + Double($1 * $1) }
        return [sum, sum.squareRoot()]
    }

    func samples(_ parameters: Parameters, pool: WorkerPool) throws -> [SamplePicture] { [] }

    func metadata(step: Int, metrics: [Double]?) -> [String: String] { ["step": "\(step)"] }
}
