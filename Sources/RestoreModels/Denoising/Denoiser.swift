import FoundationEssentials
import RestoreImage
import RestoreNN

/// A trained denoiser, applied to pictures.
public final class Denoiser {
    public static let task = "denoise"

    /// How noisy a picture is: the standard deviation of its noise in units of 1/255.
    public enum NoiseLevel: Equatable, Sendable {
        case sigma(Double)
        /// Estimated from the picture (`NoiseEstimator`).
        case automatic
    }

    public struct Options: Equatable, Sendable {
        public var noiseLevel: NoiseLevel
        /// 0 leaves the picture as it is, 1 is the full effect.
        public var strength: Double
        public var tiling: Tiling

        public init(noiseLevel: NoiseLevel = .automatic, strength: Double = 1, tiling: Tiling = .memory(512 << 20)) {
            self.noiseLevel = noiseLevel
            self.strength = strength
            self.tiling = tiling
        }
    }

    public let metadata: ModelMetadata
    public let architecture: DenoiserArchitecture
    private let inference: TiledInference
    private let noiseEstimator: NoiseEstimator

    /// Loads a model file; its checksum is verified.
    ///
    /// - Throws: `ModelError`.
    public convenience init(path: String, pool: WorkerPool) throws(ModelError) {
        let file: SafetensorsFile
        do { file = try SafetensorsFile(path: path) } catch { throw .weights(error) }
        let metadata = try ModelMetadata(file, expectedTask: Self.task)
        let architecture = try DenoiserArchitecture(json: metadata.architecture, path: path)
        let parameters: Parameters
        do { parameters = try file.parameters(for: architecture.network) } catch { throw .weights(error) }
        self.init(architecture: architecture, parameters: parameters, metadata: metadata, pool: pool)
    }

    /// - Precondition: `parameters` are those of the architecture's network.
    public init(
        architecture: DenoiserArchitecture, parameters: Parameters, metadata: ModelMetadata, pool: WorkerPool
    ) {
        self.metadata = metadata
        self.architecture = architecture
        noiseEstimator = NoiseEstimator(concurrently: ConcurrentRunner(pool))
        inference = TiledInference(
            network: architecture.network, parameters: parameters, inputChannels: architecture.inputChannels,
            alignment: architecture.alignment, pool: pool)
    }

    /// The picture without its noise; same size, bit depth and alpha.
    ///
    /// - Parameter progress: called with the fraction done, 0…1.
    /// - Throws: `NonFinitePixel` where the network gives something that is no number.
    /// - Returns: the picture and the noise level that was used, in units of 1/255.
    public func denoise(
        _ image: Image, options: Options = Options(), progress: (Double) -> Void = { _ in }
    ) throws -> (image: Image, sigma: Double) {
        let sigma =
            switch options.noiseLevel {
            case .sigma(let value): value
            case .automatic: noiseEstimator.estimate(image)
            }
        var result = image
        let blend = Float(options.strength)
        var mixed = [Float](repeating: 0, count: blend == 1 ? 0 : 3 * image.width)
        try denoise(
            width: image.width, height: image.height, sigma: sigma, tiling: options.tiling,
            fill: { row, values in image.copyColors(of: row, to: values, pixelStride: architecture.inputChannels) },
            store: { core, values, rowStride, done in
                if blend == 1 {
                    try result.setColors(of: core, from: values, rowStride: rowStride)
                } else {
                    for y in 0..<core.height {
                        let row = ImageRegion(x: core.x, y: core.y + y, width: core.width, height: 1)
                        try mixed.withUnsafeMutableBufferPointer { mixed in
                            guard let mixed = mixed.baseAddress else { return }
                            image.copyColors(of: row, to: mixed)
                            for i in 0..<(3 * core.width) {
                                mixed[i] += blend * (values[y * rowStride + i] - mixed[i])
                            }
                            try result.setColors(of: row, from: mixed)
                        }
                    }
                }
                progress(done)
            })
        return (result, sigma)
    }

    /// The same on floats: RGB, interleaved, 0…1 where the values are not clipped.
    ///
    /// - Parameters:
    ///   - sigma: in units of 1/255.
    ///   - fill, store: as in `TiledInference.run`, with the architecture's `inputChannels` floats a pixel in (the noise
    ///     level is filled in here) and 3 out.
    public func denoise(
        width: Int, height: Int, sigma: Double, tiling: Tiling,
        fill: (_ row: ImageRegion, _ values: UnsafeMutablePointer<Float>) -> Void,
        store: (_ core: ImageRegion, _ values: UnsafePointer<Float>, _ rowStride: Int, _ done: Double) throws -> Void
    ) throws {
        let grid = try inference.grid(width: width, height: height, tiling: tiling)
        let level = Float(sigma / 255)
        try inference.run(
            grid, width: width, height: height,
            fill: { row, values in
                fill(row, values)
                guard !architecture.isBlind else { return }
                for x in 0..<row.width { values[4 * x + 3] = level }
            }, store: store)
    }
}

extension DenoiserArchitecture {
    /// Reads the JSON of a model file.
    ///
    /// - Throws: `ModelError.badArchitecture` naming `path`.
    public init(json: String, path: String) throws(ModelError) {
        do {
            self = try JSONDecoder().decode(Self.self, from: Data(json.utf8))
        } catch {
            // However long the text is, a message is one line.
            let start = json.prefix(120)
            throw .badArchitecture(path: path, reason: "the architecture is no valid JSON of this program: \(start)")
        }
        if let defect { throw .badArchitecture(path: path, reason: defect) }
    }

    /// As it stands in model files.
    public var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        // Strings and whole numbers always encode.
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }
}

extension Denoiser {
    /// Interleaved RGB floats (0…1, not necessarily clipped) without their noise.
    ///
    /// - Parameter sigma: in units of 1/255.
    /// - Precondition: 3 floats a pixel.
    public func denoise(
        colors: [Float], width: Int, height: Int, sigma: Double, tiling: Tiling = .memory(512 << 20)
    ) throws -> [Float] {
        precondition(colors.count == 3 * width * height, "\(colors.count) floats for \(width)×\(height) pixels")
        var result = [Float](repeating: 0, count: colors.count)
        let channels = architecture.inputChannels
        try colors.withUnsafeBufferPointer { colors in
            try denoise(
                width: width, height: height, sigma: sigma, tiling: tiling,
                fill: { row, values in
                    for x in 0..<row.width {
                        let source = 3 * (row.y * width + row.x + x)
                        for c in 0..<3 { values[channels * x + c] = colors[source + c] }
                    }
                },
                store: { core, values, rowStride, _ in
                    for y in 0..<core.height {
                        let place = 3 * ((core.y + y) * width + core.x)
                        for i in 0..<(3 * core.width) { result[place + i] = values[y * rowStride + i] }
                    }
                })
        }
        return result
    }
}
