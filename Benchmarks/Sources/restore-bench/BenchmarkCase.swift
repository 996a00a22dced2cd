import RestoreConcurrency
import RestoreNN

/// The part of a network's work that is timed.
enum Work: String, Encodable, Sendable {
    /// Inference.
    case forward
    /// The gradients of the input and of the parameters, after a forward pass that is not timed.
    case backward
    /// One step of training.
    case training
}

/// A row of the table. The network is defined only here; peers build theirs from the output of `export`.
struct BenchmarkCase: Sendable {
    let name: String
    let work: Work
    let network: Network
    let inputShape: Shape
    /// Factor on the initial weights. Without it the signal of a deep plain network would fade to nothing, and a
    /// comparison with a peer would only cover the last layers.
    var gain: Float = 1

    /// Floating-point operations of one run, with every convolution counted as direct: two per multiply-accumulate; the
    /// gradients of data and of weights each take as many as the forward pass.
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
            // A network of several layers processes an image in bands; a single layer processes it as a whole.
            network.nodes.count > 2 ? try PictureRunner(self, pool: pool) : try ForwardRunner(self, pool: pool)
        case .backward: try BackwardRunner(self, pool: pool)
        case .training: try TrainingRunner(self, pool: pool)
        }
    }

    /// Weights as initialized by the operators, scaled by `gain`, and nonzero biases.
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

    /// Values in 0…1, like those of images.
    func values(_ shape: Shape, of name: String) -> Tensor {
        var generator = SeededGenerator(seed: 3, path: stableHash(name))
        return Tensor(shape: shape, values: (0..<shape.count).map { _ in Float(generator.uniform()) })
    }
}

/// A prepared case.
protocol CaseRunner: AnyObject {
    /// Undoes what runs have changed; not timed.
    func reset()
    func run()
    /// The tensors other than weights that a peer needs, and the results expected of it ("expected/…").
    func tensors() -> [SafetensorsFile.NamedTensor]
}

extension Tensor {
    /// With the dimensions in memory order: images × rows × columns × channels.
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
