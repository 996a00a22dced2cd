import RestoreConcurrency
import RestoreImage
import RestoreNN

/// A trained autoencoder, applied to small pictures.
public final class Autoencoder {
    public let architecture: AutoencoderArchitecture
    public let metadata: ModelMetadata
    let parameters: Parameters
    private let whole: BatchedNetwork
    private let encoder: BatchedNetwork
    private let decoder: BatchedNetwork

    /// - Precondition: its kind `reconstructs`; for a segmentation there is `Segmenter`.
    public init(_ model: Model<AutoencoderArchitecture>, pool: WorkerPool) {
        precondition(model.architecture.kind.reconstructs, "\(model.architecture.kind) has no reconstruction")
        architecture = model.architecture
        metadata = model.metadata
        parameters = model.parameters
        func part(_ network: Network) -> BatchedNetwork {
            BatchedNetwork(network, parameters: model.parameters.restricted(to: network), pool: pool)
        }
        whole = part(architecture.network)
        encoder = part(architecture.encoder)
        decoder = part(architecture.decoder)
    }

    /// What a picture becomes.
    public struct Output: Sendable {
        /// `codeSize` values.
        public let code: [Float]
        /// Height × width × channels, not clipped.
        public let reconstruction: [Float]
    }

    /// Codes and reconstructions of pictures, all at once.
    ///
    /// - Parameters:
    ///   - pictures: values as `input(of:)` gives them.
    ///   - labels: their classes, for a conditional autoencoder; nil, or one it does not have, is none.
    /// - Throws: `NetworkError` if the machine has too little memory.
    public func apply(_ pictures: [[Float]], labels: [Int?]? = nil) throws(NetworkError) -> [Output] {
        let outputs = try whole.run(inputs(pictures, architecture.pictureShape, labels))
        guard outputs.count >= 2 else { return [] }
        return zip(outputs[0], outputs[1]).map { Output(code: $1, reconstruction: $0) }
    }

    /// The codes of pictures, all at once: `codeSize` values each, of a variational autoencoder the means.
    ///
    /// - Parameters: as for `apply`.
    /// - Throws: `NetworkError` if the machine has too little memory.
    public func codes(of pictures: [[Float]], labels: [Int?]? = nil) throws(NetworkError) -> [[Float]] {
        try encoder.run(inputs(pictures, architecture.pictureShape, labels)).first ?? []
    }

    /// The distributions q(z | x) of pictures by a variational autoencoder; nil for others.
    ///
    /// - Parameters: as for `apply`.
    /// - Throws: `NetworkError` if the machine has too little memory.
    public func posteriors(
        of pictures: [[Float]], labels: [Int?]? = nil
    ) throws(NetworkError) -> [NormalCode]? {
        guard architecture.kind.isVariational else { return nil }
        let outputs = try encoder.run(inputs(pictures, architecture.pictureShape, labels))
        guard outputs.count == 2 else { return [] }
        return zip(outputs[0], outputs[1]).map { NormalCode(mean: $0, logVariance: $1) }
    }

    /// The pictures of codes, all at once: height × width × channels values each, not clipped.
    ///
    /// - Parameters:
    ///   - codes: `codeSize` values each.
    ///   - labels: as for `apply`.
    /// - Throws: `NetworkError` if the machine has too little memory.
    public func pictures(of codes: [[Float]], labels: [Int?]? = nil) throws(NetworkError) -> [[Float]] {
        try decoder.run(inputs(codes, architecture.codeShape, labels)).first ?? []
    }

    /// What each unit of the code adds to the picture of the code 0: a basis of what a linear decoder spans.
    ///
    /// - Throws: `NetworkError` if the machine has too little memory.
    public func decoderDirections() throws(NetworkError) -> [[Float]] {
        let size = architecture.codeSize
        let codes =
            [[Float](repeating: 0, count: size)]
            + (0..<size).map { unit in
                (0..<size).map { $0 == unit ? 1 : 0 }
            }
        let decoded = try pictures(of: codes)
        return decoded.dropFirst().map { zip($0, decoded[0]).map { $0 - $1 } }
    }

    private func inputs(
        _ examples: [[Float]], _ shape: Shape, _ labels: [Int?]?
    ) -> [(examples: [[Float]], shape: Shape)] {
        guard let labelShape = architecture.labelShape else { return [(examples, shape)] }
        let classes = labels ?? examples.map { _ in nil }
        return [(examples, shape), (classes.map { architecture.oneHot($0) }, labelShape)]
    }

    /// The values that the network gets for a picture.
    public func input(of image: Image) -> [Float] { architecture.input(of: image) }

    /// The picture of a reconstruction, clipped to 0…1.
    public func image(of reconstruction: [Float]) -> Image { architecture.image(of: reconstruction) }
}

/// A code as a random variable: normal, its values independent.
public struct NormalCode: Equatable, Sendable {
    public let mean: [Float]
    public let logVariance: [Float]

    /// - Precondition: as many log variances as means.
    public init(mean: [Float], logVariance: [Float]) {
        precondition(mean.count == logVariance.count, "\(mean.count) means, \(logVariance.count) log variances")
        (self.mean, self.logVariance) = (mean, logVariance)
    }
}

extension AutoencoderArchitecture {
    /// A class as the network takes it: 1 for it, 0 for the others; all 0 for none, or one that it does not have.
    public func oneHot(_ label: Int?) -> [Float] {
        (0..<(classCount ?? 0)).map { $0 == label ? 1 : 0 }
    }

    /// A picture as the network takes it: in its size (by area means if it has another one) and channels.
    ///
    /// - Returns: height × width × channels floats in 0…1.
    public func input(of image: Image) -> [Float] {
        let image = image.resized(width: width, height: height, filter: .area)
        return [Float](unsafeUninitializedCapacity: height * width * channels) { values, count in
            guard let values = values.baseAddress else { return }
            image.copySamples(of: image.bounds, channels: channels, to: values)
            count = height * width * channels
        }
    }

    /// The 8-bit picture of a reconstruction, clipped to 0…1.
    ///
    /// - Precondition: height × width × channels values.
    public func image(of reconstruction: [Float]) -> Image {
        precondition(reconstruction.count == height * width * channels, "\(reconstruction.count) values")
        // A NaN, which no comparison finds, becomes black here; metrics and errors tell of it.
        let samples = reconstruction.map { UInt8(max(0, min(255, ($0.isNaN ? 0 : $0) * 255 + 0.5))) }
        return Image(
            width: width, height: height, channelLayout: channels == 1 ? .gray : .rgb, samples: .uint8(samples))
    }
}

/// A network that is applied to lists of examples; it keeps the plan for as many as the last time.
final class BatchedNetwork {
    private let network: Network
    private let parameters: Parameters
    private let pool: WorkerPool
    private var plan: InferencePlan?
    private var planned = 0

    init(_ network: Network, parameters: Parameters, pool: WorkerPool) {
        (self.network, self.parameters, self.pool) = (network, parameters, pool)
    }

    /// - Parameter inputs: of each input the examples, as many for all, and the shape of one.
    /// - Returns: of each output the values of every example; nothing for no examples.
    func run(_ inputs: [(examples: [[Float]], shape: Shape)]) throws(NetworkError) -> [[[Float]]] {
        guard let count = inputs.first?.examples.count, count > 0 else { return [] }
        let shapes = inputs.map { input in
            var shape = input.shape
            shape.batch = count
            return shape
        }
        if plan == nil || planned != count {
            plan = try InferencePlan(network, inputShapes: shapes, parameters: parameters, pool: pool)
            planned = count
        }
        let tensors = zip(inputs, shapes).map { Tensor(shape: $1, values: $0.examples.flatMap { $0 }) }
        return (plan?.run(tensors) ?? []).map { output in
            let size = output.shape.count / count
            return (0..<count).map { Array(output.values[($0 * size)..<(($0 + 1) * size)]) }
        }
    }
}
