import RestoreConcurrency
import RestoreImage
import RestoreNN

/// A trained colorizer, applied to pictures of any size.
///
/// The network sees a reduced copy of the luma; its chroma is brought to the picture's size along the edges of the luma
/// (`GuidedChroma`). The luma (Y′ of BT.601 on encoded values) stays as it is, up to rounding, and chroma is reduced where
/// it would leave the RGB cube.
public final class Colorizer {
    public struct Options: Equatable, Sendable {
        /// 0 gives the mean of all plausible colors, which is safe and dull; 1 the most probable ones.
        public var vividness: Double
        /// The chroma is multiplied by it; 0 is gray.
        public var saturation: Double
        public var hints: [ColorHint]
        /// The seed of one of several answers; nil for the default answer.
        public var sample: UInt64?

        public init(
            vividness: Double = 0, saturation: Double = 1, hints: [ColorHint] = [], sample: UInt64? = nil
        ) {
            self.vividness = vividness
            self.saturation = saturation
            self.hints = hints
            self.sample = sample
        }
    }

    public let architecture: ColorizerArchitecture
    public let metadata: ModelMetadata
    private let parameters: Parameters
    private let pool: WorkerPool
    private var plan: (shape: Shape, plan: InferencePlan)?

    /// Long side of the copy that the network sees. Chosen on training photographs.
    public static let workingSide = 256

    /// Rows that are colored at a time.
    private static let bandHeight = 32

    /// Loads a model file; its checksum is verified.
    public convenience init(path: String, pool: WorkerPool) throws(ModelError) {
        self.init(try Model<ColorizerArchitecture>(path: path), pool: pool)
    }

    public init(_ model: Model<ColorizerArchitecture>, pool: WorkerPool) {
        architecture = model.architecture
        metadata = model.metadata
        parameters = model.parameters
        self.pool = pool
    }

    /// The picture in color: same size, bit depth and alpha. The colors of a color picture are discarded.
    ///
    /// - Parameter progress: called with the fraction done, 0…1; an error it throws ends the work.
    /// - Throws: `NetworkError` if the machine has too little memory, `NonFinitePixel` if the network's output is not
    ///   finite.
    public func colorize(
        _ image: Image, options: Options = Options(), progress: (Double) throws -> Void = { _ in }
    ) throws -> Image {
        let copy = WorkingCopy(of: image, longSide: Self.workingSide, pool: pool)
        let chroma = try predictedChroma(of: copy, of: image, options)
        try progress(0.5)
        return try colored(image, by: chroma, saturation: Float(options.saturation)) {
            try progress(0.5 + 0.5 * $0)
        }
    }

    // MARK: Prediction

    private func predictedChroma(
        of copy: WorkingCopy, of image: Image, _ options: Options
    ) throws -> GuidedChroma {
        guard architecture.kind == .skip else {
            let colors = try predictedColors(of: copy)
            let side = architecture.pictureSize
            let chroma = (0..<(side * side)).map {
                Chroma.of(colors[3 * $0], colors[3 * $0 + 1], colors[3 * $0 + 2])
            }
            return GuidedChroma(
                chroma, luma: copy.luma(width: side, height: side), width: side, height: side)
        }
        let (width, height) = ((copy.width + 1) / 2, (copy.height + 1) / 2)
        let luma = copy.luma(width: width, height: height)
        let unguided = try networkChroma(of: copy, hints: [], options)
        guard !options.hints.isEmpty else {
            return GuidedChroma(unguided.chosen, luma: luma, width: width, height: height)
        }
        func hints(width: Int, height: Int) -> [ColorHint] {
            options.hints.map {
                ColorHint(x: $0.x * width / image.width, y: $0.y * height / image.height, chroma: $0.chroma)
            }
        }
        var chroma = unguided.chosen
        if architecture.takesHints {
            // The mean is better than either: the network sees what a hint means, but may believe it too far away.
            let guided = try networkChroma(of: copy, hints: hints(width: copy.width, height: copy.height), options)
            chroma = zip(chroma, guided.chosen).map { 0.5 * ($0 + $1) }
        }
        let spread = HintSpread(width: width, height: height, luma: luma, expected: unguided.mean)
        chroma = spread.corrected(chroma, by: hints(width: width, height: height), pool: pool)
        return GuidedChroma(chroma, luma: luma, width: width, height: height)
    }

    /// The network's chroma at half the copy's resolution: the mean of all plausible ones, and the one that the options
    /// choose.
    private func networkChroma(
        of copy: WorkingCopy, hints: [ColorHint], _ options: Options
    ) throws(NetworkError) -> (mean: [SIMD2<Float>], chosen: [SIMD2<Float>]) {
        let padded = PaddedSize(width: copy.width, height: copy.height, alignment: architecture.alignment)
        let input = copy.input(padded, channels: architecture.inputChannels, hints: hints)
        let shape = padded.shape(channels: architecture.inputChannels)
        let outputs = try mirrorAverage(Tensor(shape: shape, values: input))
        let half = PaddedSize.half(padded.width, padded.height)
        let mean = (0..<(half.width * half.height)).map {
            SIMD2(outputs[0].values[2 * $0], outputs[0].values[2 * $0 + 1])
        }
        var chosen = mean
        if options.vividness > 0 || options.sample != nil {
            let vivid = vividChroma(outputs[1], width: half.width, height: half.height, options)
            let share = options.sample == nil ? Float(options.vividness) : 1
            for index in chosen.indices { chosen[index] += share * (vivid[index] - chosen[index]) }
        }
        let (width, height) = ((copy.width + 1) / 2, (copy.height + 1) / 2)
        func visible(_ chroma: [SIMD2<Float>]) -> [SIMD2<Float>] {
            (0..<height).flatMap { y in chroma[(y * half.width)..<(y * half.width + width)] }
        }
        return (visible(mean), visible(chosen))
    }

    /// The chroma of the distribution, at half resolution.
    private func vividChroma(
        _ distribution: Tensor, width: Int, height: Int, _ options: Options
    ) -> [SIMD2<Float>] {
        let choice: ColorChoice
        if let seed = options.sample {
            var generator = SeededGenerator(seed: seed)
            choice = ColorChoice(vividness: options.vividness, using: &generator)
        } else {
            choice = ColorChoice(vividness: options.vividness)
        }
        let shape = distribution.shape
        var coarse = [Float](repeating: 0, count: 2 * shape.height * shape.width)
        coarse.withUnsafeMutableBufferPointer { coarse in
            distribution.values.withUnsafeBufferPointer { logits in
                guard let logits = logits.baseAddress, let coarse = coarse.baseAddress else { return }
                pool.run(taskCount: shape.height) { y, _ in
                    for x in 0..<shape.width {
                        let pixel = y * shape.width + x
                        let chroma = choice.chroma(logits + pixel * shape.channels)
                        (coarse[2 * pixel], coarse[2 * pixel + 1]) = (chroma.x, chroma.y)
                    }
                }
            }
        }
        let fine = Resizing(
            fromWidth: shape.width, height: shape.height, toWidth: width, height: height, filter: .lanczos3
        ).resized(coarse, channels: 2)
        return (0..<(width * height)).map { SIMD2(fine[2 * $0], fine[2 * $0 + 1]) }
    }

    /// What the textbook's networks give for a small picture: R, G, B in 0…1, with a luma of their own.
    ///
    /// - Precondition: the model is an autoencoder.
    public func reconstructedColors(of image: Image) throws -> [Float] {
        precondition(architecture.kind != .skip, "a network that predicts chroma has no colors of its own")
        return try predictedColors(of: WorkingCopy(of: image, longSide: Self.workingSide, pool: pool))
    }

    private func predictedColors(of copy: WorkingCopy) throws -> [Float] {
        let side = architecture.pictureSize
        let shape = Shape(batch: 1, height: side, width: side, channels: 1)
        return try run(Tensor(shape: shape, values: copy.luma(width: side, height: side)))[0].values
    }

    /// The mean of what the network says of a picture and of its mirror image: a picture and its mirror image have the same
    /// colors, and two opinions are better than one.
    private func mirrorAverage(_ input: Tensor) throws(NetworkError) -> [Tensor] {
        let outputs = try run(input)
        let mirrored = try run(input.mirrored)
        return zip(outputs, mirrored).map { output, other in
            Tensor(shape: output.shape, values: zip(output.values, other.mirrored.values).map { 0.5 * ($0 + $1) })
        }
    }

    private func run(_ input: Tensor) throws(NetworkError) -> [Tensor] {
        if plan?.shape != input.shape {
            // The old plan's memory first.
            plan = nil
            plan = (
                input.shape,
                try InferencePlan(architecture.network, inputShapes: [input.shape], parameters: parameters, pool: pool)
            )
        }
        return plan?.plan.run([input]) ?? []
    }

    // MARK: Coloring

    private func colored(
        _ image: Image, by chroma: GuidedChroma, saturation: Float, progress: (Double) throws -> Void
    ) throws -> Image {
        var result = image.inColor()
        let width = image.width
        var band = [Float](repeating: 0, count: 3 * width * min(Self.bandHeight, image.height))
        for top in stride(from: 0, to: image.height, by: Self.bandHeight) {
            let rows = min(Self.bandHeight, image.height - top)
            try band.withUnsafeMutableBufferPointer { band in
                guard let band = band.baseAddress else { return }
                pool.run(taskCount: rows) { row, _ in
                    color(row: top + row, of: image, by: chroma, saturation: saturation, to: band + 3 * width * row)
                }
                try result.setColors(
                    of: ImageRegion(x: 0, y: top, width: width, height: rows), from: band, pool: pool)
            }
            try progress(Double(top + rows) / Double(image.height))
        }
        return result
    }

    private func color(
        row y: Int, of image: Image, by chroma: GuidedChroma, saturation: Float, to colors: UnsafeMutablePointer<Float>
    ) {
        let width = image.width
        image.copyColors(of: ImageRegion(x: 0, y: y, width: width, height: 1), to: colors)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: width) { luma in
            withUnsafeTemporaryAllocation(of: SIMD2<Float>.self, capacity: width) { own in
                guard let luma = luma.baseAddress, let own = own.baseAddress else { return }
                for x in 0..<width { luma[x] = Luma.of(colors[3 * x], colors[3 * x + 1], colors[3 * x + 2]) }
                chroma.write(row: y, of: image.height, luma: luma, fullWidth: width, to: own)
                for x in 0..<width {
                    let color = Chroma.color(luma: min(max(luma[x], 0), 1), saturation * own[x])
                    (colors[3 * x], colors[3 * x + 1], colors[3 * x + 2]) = (color.x, color.y, color.z)
                }
            }
        }
    }
}

extension Tensor {
    /// The images with left and right exchanged.
    fileprivate var mirrored: Tensor {
        let (width, channels) = (shape.width, shape.channels)
        let values = [Float](unsafeUninitializedCapacity: self.values.count) { buffer, count in
            for row in 0..<(shape.batch * shape.height) {
                for x in 0..<width {
                    let (source, target) = (channels * (row * width + x), channels * (row * width + width - 1 - x))
                    for channel in 0..<channels { buffer[target + channel] = self.values[source + channel] }
                }
            }
            count = self.values.count
        }
        return Tensor(shape: shape, values: values)
    }
}
