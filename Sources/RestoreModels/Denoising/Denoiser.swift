import RestoreConcurrency
import RestoreImage
import RestoreNN

/// A trained denoiser, applied to pictures.
public final class Denoiser {
    /// How noisy a picture is: the standard deviation of its noise in units of 1/255.
    public enum NoiseLevel: Equatable, Sendable {
        case sigma(Double)
        /// Estimated from the picture (`NoiseEstimator`).
        case automatic
    }

    /// What the result is worth.
    public enum Quality: String, CaseIterable, Sendable {
        /// The network sees the picture once.
        case fast
        /// The mean of what it makes of the picture in eight orientations: a few hundredths of a dB for eight times the work.
        case best
    }

    public struct Options: Equatable, Sendable {
        public var noiseLevel: NoiseLevel
        /// 0 leaves the picture as it is, 1 is the full effect.
        public var strength: Double
        public var quality: Quality
        public var tiling: Tiling

        public init(
            noiseLevel: NoiseLevel = .automatic, strength: Double = 1, quality: Quality = .fast,
            tiling: Tiling = .memory(512 << 20)
        ) {
            self.noiseLevel = noiseLevel
            self.strength = strength
            self.quality = quality
            self.tiling = tiling
        }
    }

    public let metadata: ModelMetadata
    public let architecture: DenoiserArchitecture
    private let inference: TiledInference
    private let pool: WorkerPool
    private let noiseEstimator: NoiseEstimator

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
        noiseEstimator = NoiseEstimator(pool: pool)
        inference = TiledInference(
            network: architecture.network, parameters: model.parameters, inputChannels: architecture.inputChannels,
            alignment: architecture.alignment, pool: pool)
    }

    /// The picture without its noise; same size, bit depth, color space and alpha. Pixels that are wholly transparent stay as
    /// they are, and have no influence on the others.
    ///
    /// - Parameter progress: called with the fraction done, 0…1; what it throws ends the work.
    /// - Throws: `NonFinitePixel` where the network gives something that is no number.
    /// - Returns: the picture and the noise level that the network was told, in units of 1/255; nil for a blind network, which
    ///   is told none.
    public func denoise(
        _ image: Image, options: Options = Options(), progress: (Double) throws -> Void = { _ in }
    ) throws -> (image: Image, sigma: Double?) {
        let layout = try layout(for: image, quality: options.quality, tiling: options.tiling)
        return try denoise(image, layout: layout, options: options, progress: progress)
    }

    /// The same by a layout of this picture (`layout(for:quality:tiling:)`), whatever quality and tiling the options have.
    public func denoise(
        _ image: Image, layout: DenoisingLayout, options: Options, progress: (Double) throws -> Void = { _ in }
    ) throws -> (image: Image, sigma: Double?) {
        let sigma = architecture.isBlind ? nil : level(options.noiseLevel, of: image)
        let space = image.colorSpace
        var image = image
        image.colorSpace = space.inOwnPrimaries
        // While they are made they take a third more: as the result does later, where the last picture's plan is gone.
        if layout.hiddenBytes > 0 { inference.releasePlan() }
        let visible = VisibleColors(image, pool: pool)
        var result = RestoredImage(
            image, visible: visible, strength: Float(options.strength), pool: pool)
        let channels = architecture.inputChannels
        try denoise(
            layout, width: image.width, height: image.height, sigma: sigma ?? 0,
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
        return (restored, sigma)
    }

    /// How `denoise` takes a picture, and the memory that this needs beside the picture and its result.
    ///
    /// - Throws: `NetworkError` where the network does not fit the picture at all.
    public func layout(for image: Image, quality: Quality, tiling: Tiling) throws(NetworkError) -> DenoisingLayout {
        try DenoisingLayout(
            inference, width: image.width, height: image.height, quality: quality, tiling: tiling,
            hiddenBytes: VisibleColors.memory(for: image, pool: pool))
    }

    /// Gives back what was kept for the next picture; that then takes a little longer.
    public func releaseMemory() { inference.releaseMemory() }

    private func level(_ level: NoiseLevel, of image: Image) -> Double {
        switch level {
        case .sigma(let value): value
        case .automatic: noiseEstimator.estimate(image)
        }
    }

    /// The same on floats: RGB, interleaved, 0…1 where the values are not clipped.
    ///
    /// - Parameters:
    ///   - sigma: in units of 1/255; a blind network is not told.
    ///   - fill: writes the pixels of a rectangle that is one pixel high or one wide, with the architecture's `inputChannels`
    ///     floats a pixel (the noise level is filled in here). Called on several threads at once.
    ///   - progress: called with the fraction done, 0…1; what it throws ends the work.
    ///   - store: takes the pixels of a rectangle, 3 floats each, rows `rowStride` floats apart. Rectangles come from top to
    ///     bottom, window by window.
    public func denoise(
        width: Int, height: Int, sigma: Double, quality: Quality = .fast, tiling: Tiling,
        fill: (_ run: ImageRegion, _ values: UnsafeMutablePointer<Float>) -> Void,
        progress: (Double) throws -> Void = { _ in },
        store: (_ core: ImageRegion, _ values: UnsafePointer<Float>, _ rowStride: Int) throws -> Void
    ) throws {
        let layout = try DenoisingLayout(
            inference, width: width, height: height, quality: quality, tiling: tiling, hiddenBytes: 0)
        try denoise(
            layout, width: width, height: height, sigma: sigma, fill: fill, progress: progress, store: store)
    }

    private func denoise(
        _ layout: DenoisingLayout, width: Int, height: Int, sigma: Double,
        fill: (_ run: ImageRegion, _ values: UnsafeMutablePointer<Float>) -> Void,
        progress: (Double) throws -> Void,
        store: (_ core: ImageRegion, _ values: UnsafePointer<Float>, _ rowStride: Int) throws -> Void
    ) throws {
        let level = Float(sigma / 255)
        func fillAll(_ run: ImageRegion, _ values: UnsafeMutablePointer<Float>) {
            fill(run, values)
            guard !architecture.isBlind else { return }
            for pixel in 0..<(run.width * run.height) { values[4 * pixel + 3] = level }
        }
        switch layout.quality {
        case .fast:
            for pass in layout.strips.flatMap(\.passes) {
                try inference.run(pass.grid, width: width, height: height, fill: fillAll) {
                    core, values, rowStride, done in
                    try store(core, values, rowStride)
                    try progress(done)
                }
            }
        case .best:
            let ensemble = SelfEnsemble(
                inference: inference, pool: pool, inputChannels: architecture.inputChannels, width: width,
                height: height)
            try ensemble.run(layout, fill: fillAll, progress: progress) { strip, values in
                try store(strip, values, 3 * width)
            }
        }
    }
}

extension Denoiser {
    /// Interleaved RGB floats (0…1, not necessarily clipped) without their noise.
    ///
    /// - Parameters:
    ///   - sigma: in units of 1/255; a blind network is not told.
    ///   - progress: called with the fraction done, 0…1; what it throws ends the work.
    /// - Precondition: 3 floats a pixel.
    public func denoise(
        colors: [Float], width: Int, height: Int, sigma: Double, quality: Quality = .fast,
        tiling: Tiling = .memory(512 << 20), progress: (Double) throws -> Void = { _ in }
    ) throws -> [Float] {
        precondition(colors.count == 3 * width * height, "\(colors.count) floats for \(width)×\(height) pixels")
        var result = [Float](repeating: 0, count: colors.count)
        let channels = architecture.inputChannels
        try colors.withUnsafeBufferPointer { colors in
            try denoise(
                width: width, height: height, sigma: sigma, quality: quality, tiling: tiling,
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
                        let place = 3 * ((core.y + y) * width + core.x)
                        for i in 0..<(3 * core.width) { result[place + i] = values[y * rowStride + i] }
                    }
                })
        }
        return result
    }
}
