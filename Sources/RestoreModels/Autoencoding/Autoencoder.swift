import RestoreConcurrency
import RestoreImage
import RestoreNN

/// A trained autoencoder, applied to small pictures.
public final class Autoencoder {
    public let architecture: AutoencoderArchitecture
    public let metadata: ModelMetadata
    private let parameters: Parameters
    private let pool: WorkerPool
    /// The plan of the last number of pictures.
    private var plan: InferencePlan?
    private var planned = 0

    public init(_ model: Model<AutoencoderArchitecture>, pool: WorkerPool) {
        architecture = model.architecture
        metadata = model.metadata
        parameters = model.parameters
        self.pool = pool
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
    /// - Parameter pictures: values as `input(of:)` gives them.
    /// - Throws: `NetworkError` if the machine has too little memory.
    public func apply(_ pictures: [[Float]]) throws(NetworkError) -> [Output] {
        guard !pictures.isEmpty else { return [] }
        let shape = Shape(
            batch: pictures.count, height: architecture.height, width: architecture.width,
            channels: architecture.channels)
        if planned != pictures.count || plan == nil {
            plan = try InferencePlan(architecture.network, inputShapes: [shape], parameters: parameters, pool: pool)
            planned = pictures.count
        }
        let input = Tensor(shape: shape, values: pictures.flatMap { $0 })
        guard let outputs = plan?.run([input]) else { return [] }
        let (features, codeSize) = (shape.count / shape.batch, architecture.codeSize)
        return pictures.indices.map { index in
            Output(
                code: Array(outputs[1].values[(index * codeSize)..<((index + 1) * codeSize)]),
                reconstruction: Array(outputs[0].values[(index * features)..<((index + 1) * features)]))
        }
    }

    /// The values that the network gets for a picture.
    public func input(of image: Image) -> [Float] { architecture.input(of: image) }

    /// The picture of a reconstruction, clipped to 0…1.
    public func image(of reconstruction: [Float]) -> Image { architecture.image(of: reconstruction) }
}

extension AutoencoderArchitecture {
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
