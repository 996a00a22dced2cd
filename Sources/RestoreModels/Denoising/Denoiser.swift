import RestoreConcurrency
import RestoreImage
import RestoreNN

/// A trained denoiser, applied to pictures.
public final class Denoiser {
    public struct Options: Equatable, Sendable {
        public var noiseLevel: NoiseSetting
        /// How strongly JPEG has quantized the picture, for a network that is told.
        public var compression: CompressionStrength
        /// 0 leaves the picture as it is, 1 is the full effect.
        public var strength: Double
        /// Whether the results of eight orientations are averaged (`SelfEnsemble`): a few hundredths of a dB for eight times
        /// the work.
        public var usesEnsemble: Bool
        /// How the picture is divided, or the memory for the network and what it works on.
        public var tiling: Tiling

        public init(
            noiseLevel: NoiseSetting = .automatic, compression: CompressionStrength = .none, strength: Double = 1,
            usesEnsemble: Bool = false, tiling: Tiling = .memory(512 << 20)
        ) {
            self.noiseLevel = noiseLevel
            self.compression = compression
            self.strength = strength
            self.usesEnsemble = usesEnsemble
            self.tiling = tiling
        }
    }

    public let metadata: ModelMetadata
    public let architecture: DenoiserArchitecture
    private let inference: TiledInference
    private let pool: WorkerPool

    /// Loads a model file; its checksum is verified.
    ///
    /// - Throws: `ModelError`.
    public convenience init(path: String, pool: WorkerPool) throws(ModelError) {
        self.init(try Model<DenoiserArchitecture>(path: path), pool: pool)
    }

    public init(_ model: Model<DenoiserArchitecture>, pool: WorkerPool) {
        metadata = model.metadata
        architecture = model.architecture
        self.pool = pool
        inference = TiledInference(
            network: architecture.network, parameters: model.parameters, inputChannels: architecture.inputChannels,
            alignment: architecture.alignment, pool: pool)
    }

    /// How `denoise` divides a picture, and the memory it needs besides the picture and its result.
    ///
    /// - Throws: `NetworkError` if the network does not fit the picture at all.
    public func layout(for image: Image, options: Options) throws(NetworkError) -> PictureLayout {
        let hiddenBytes = VisibleColors.memory(for: image, pool: pool)
        return try inference.layout(
            width: image.width, height: image.height, usesEnsemble: options.usesEnsemble, tiling: options.tiling,
            preparation: PreparationMemory(held: hiddenBytes, transient: hiddenBytes / 3))
    }

    /// The picture without its noise; same size, bit depth, color space and alpha. Fully transparent pixels are left
    /// unchanged and do not influence the others.
    ///
    /// - Parameter progress: called with the fraction done, 0…1; an error it throws ends the work.
    /// - Throws: `NonFinitePixel` if the network's output is not finite.
    /// - Returns: the picture and the noise level that was assumed, in units of 1/255, the mean of a map; nil for a blind
    ///   network, which is not given one.
    public func denoise(
        _ image: Image, options: Options = Options(), progress: (Double) throws -> Void = { _ in }
    ) throws -> (image: Image, sigma: Double?) {
        let layout = try layout(for: image, options: options)
        let levels = levels(options.noiseLevel) {
            PictureAnalysis(image, compression: options.compression, pool: pool)
        }
        let space = image.colorSpace
        var image = image
        image.colorSpace = space.inOwnPrimaries
        // Making the visible colors needs memory that the last picture's plan would occupy.
        if layout.hasPreparation { inference.releasePlan() }
        let visible = VisibleColors(image, pool: pool)
        var result = RestoredImage(
            image, visible: visible, mixture: ResultMixture(strength: options.strength, levels: levels), pool: pool)
        let channels = architecture.inputChannels
        try run(
            layout, levels: levels, compression: options.compression,
            fill: { run, values in
                let rowStride = run.width * channels
                if let visible {
                    visible.copyColors(of: run, to: values, pixelStride: channels, rowStride: rowStride)
                } else {
                    image.copyColors(of: run, to: values, pixelStride: channels, rowStride: rowStride)
                }
            }, progress: progress,
            store: { core, values, rowStride in
                try result.store(core, values, rowStride: rowStride)
            })
        var restored = result.image
        restored.colorSpace = space
        return (restored, architecture.isBlind ? nil : levels?.mean)
    }

    /// Interleaved RGB floats (sRGB, 0…1, not necessarily clipped) without their noise.
    ///
    /// - Parameter progress: called with the fraction done, 0…1; an error it throws ends the work.
    /// - Precondition: 3 floats per pixel.
    /// - Returns: the colors, not clipped, and the noise level that was assumed, as for a picture.
    public func denoise(
        colors: [Float], width: Int, height: Int, options: Options = Options(),
        progress: (Double) throws -> Void = { _ in }
    ) throws -> (colors: [Float], sigma: Double?) {
        precondition(colors.count == 3 * width * height, "\(colors.count) floats for \(width)×\(height) pixels")
        let layout = try inference.layout(
            width: width, height: height, usesEnsemble: options.usesEnsemble, tiling: options.tiling)
        let levels = levels(options.noiseLevel) {
            PictureAnalysis(
                colors: colors, width: width, height: height, isGray: isGray(colors), compression: options.compression,
                pool: pool)
        }
        let mixture = ResultMixture(strength: options.strength, levels: levels)
        var result = [Float](repeating: 0, count: colors.count)
        let channels = architecture.inputChannels
        try result.withUnsafeMutableBufferPointer { result in
            try colors.withUnsafeBufferPointer { colors in
                guard let result = result.baseAddress, let colors = colors.baseAddress else { return }
                try run(
                    layout, levels: levels, compression: options.compression,
                    fill: { run, values in
                        // From one pixel of the run to the next, which lies to the right or below.
                        let step = run.height == 1 ? 3 : 3 * width
                        var source = 3 * (run.y * width + run.x)
                        for pixel in 0..<(run.width * run.height) {
                            for c in 0..<3 { values[channels * pixel + c] = colors[source + c] }
                            source += step
                        }
                    },
                    progress: progress,
                    store: { core, values, rowStride in
                        for y in 0..<core.height {
                            let row = ImageRegion(x: core.x, y: core.y + y, width: core.width, height: 1)
                            let place = 3 * (row.y * width + row.x)
                            (result + place).update(from: values + y * rowStride, count: 3 * row.width)
                            mixture.apply(to: row, seen: colors + place, values: result + place)
                        }
                    })
            }
        }
        return (result, architecture.isBlind ? nil : levels?.mean)
    }

    /// Frees the memory kept for the next picture, which then takes a little longer.
    public func releaseMemory() { inference.releaseMemory() }

    /// The noise levels; nil for a blind network, unless they say where there is none.
    private func levels(_ setting: NoiseSetting, analyze: () -> PictureAnalysis) -> NoiseLevelMap? {
        switch setting {
        case .map(let map): map
        case .sigma(let value): architecture.isBlind ? nil : NoiseLevelMap(uniform: value)
        case .automatic: architecture.isBlind ? nil : analyze().levels
        }
    }

    /// Runs the network with the noise level in the channel after the colors, unless it is blind, and the strength of
    /// the compression after that, if it is told.
    private func run(
        _ layout: PictureLayout, levels: NoiseLevelMap?, compression: CompressionStrength,
        fill: (_ run: ImageRegion, _ values: UnsafeMutablePointer<Float>) -> Void,
        progress: (Double) throws -> Void,
        store: (_ core: ImageRegion, _ values: UnsafePointer<Float>, _ rowStride: Int) throws -> Void
    ) throws {
        let told = architecture.isBlind ? nil : levels
        let (channels, compressionChannels) = (architecture.inputChannels, architecture.compressionChannels)
        try inference.run(
            layout,
            fill: { run, values in
                fill(run, values)
                let pixelCount = run.width * run.height
                if let told {
                    told.copyLevels(of: run, to: values + 3, stride: channels)
                    for pixel in 0..<pixelCount { values[channels * pixel + 3] /= 255 }
                }
                guard !compressionChannels.isEmpty else { return }
                for pixel in 0..<pixelCount {
                    compression.write(to: values + channels * pixel + compressionChannels.lowerBound)
                }
            }, progress: progress, store: store)
    }
}

/// Whether R = G = B in all pixels of interleaved colors.
private func isGray(_ colors: [Float]) -> Bool {
    colors.withUnsafeBufferPointer { colors in
        stride(from: 0, to: colors.count, by: 3).allSatisfy {
            colors[$0] == colors[$0 + 1] && colors[$0] == colors[$0 + 2]
        }
    }
}
