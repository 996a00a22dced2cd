import RestoreConcurrency
import RestoreNN

/// What is timed of a network.
enum Work: String, Encodable, Sendable {
    /// Inference.
    case forward
    /// The gradients of the input and of the parameters, after a forward pass that is not timed.
    case backward
    /// One step of training.
    case training
}

/// A row of the table. The network stands here once; peers build theirs from what `export` writes of it.
struct BenchmarkCase: Sendable {
    let name: String
    let work: Work
    let network: Network
    let inputShape: Shape
    /// Factor on the initial weights. Without it the signal of a deep plain network fades to nothing, and the comparison
    /// with a peer would only see the last layers.
    var gain: Float = 1

    /// Floating-point operations of one run, every convolution counted as direct: two for each multiply-accumulate; the
    /// gradients of data and of weights take as many as the forward pass each.
    func operations() throws -> Int {
        let forward = 2 * (try network.cost(inputs: [inputShape]).multiplyAccumulates)
        switch work {
        case .forward: return forward
        case .backward: return 2 * forward
        case .training: return 3 * forward
        }
    }

    func runner(pool: WorkerPool) throws -> any CaseRunner {
        switch work {
        case .forward:
            // A network of several layers passes a picture in bands; a single layer takes it whole.
            network.nodes.count > 2 ? try PictureRunner(self, pool: pool) : try ForwardRunner(self, pool: pool)
        case .backward: try BackwardRunner(self, pool: pool)
        case .training: try TrainingRunner(self, pool: pool)
        }
    }

    /// Weights as the operators ask for, scaled by `gain`, and biases that are not zero.
    func parameters() -> Parameters {
        var parameters = Parameters(initializing: network, seed: 1)
        for entry in parameters.layout.entries {
            if entry.specification.initialization == .zeros {
                var generator = SeededGenerator(seed: 2, path: stableHash(entry.specification.name))
                for i in entry.range { parameters.values[i] = Float(0.1 * (2 * generator.uniform() - 1)) }
            } else {
                for i in entry.range { parameters.values[i] *= gain }
            }
        }
        return parameters
    }

    /// Values in 0…1, as those of pictures.
    func values(_ shape: Shape, of name: String) -> Tensor {
        var generator = SeededGenerator(seed: 3, path: stableHash(name))
        return Tensor(shape: shape, values: (0..<shape.count).map { _ in Float(generator.uniform()) })
    }
}

/// A case made ready.
protocol CaseRunner: AnyObject {
    /// Brings back what runs have changed; not timed.
    func reset()
    func run()
    /// What else than the weights a peer needs, and what it is to come to ("expected/…").
    func tensors() -> [SafetensorsFile.NamedTensor]
}

extension Tensor {
    /// As it lies in memory: pictures × rows × columns × channels.
    func named(_ name: String) -> SafetensorsFile.NamedTensor {
        SafetensorsFile.NamedTensor(
            name: name, shape: [shape.batch, shape.height, shape.width, shape.channels], values: values)
    }
}

extension UnsafePointer<Float> {
    func tensor(_ shape: Shape) -> Tensor {
        Tensor(shape: shape, values: Array(UnsafeBufferPointer(start: self, count: shape.count)))
    }
}

extension UnsafeMutablePointer<Float> {
    func write(_ tensor: Tensor) {
        for (index, value) in tensor.values.enumerated() { self[index] = value }
    }
}
