import RestoreConcurrency
import RestoreImage
import RestoreNN

/// What a model makes of a small picture that the program draws: a model whose weights are intact may still be computed
/// wrongly, by a compiler, a processor or a library that is broken.
public struct KnownOutput: Codable, Equatable, Sendable {
    /// Every `stride`-th sample of the result, 0…65535.
    public let samples: [Int]
    /// The largest difference allowed, in the same units. Kernels for other processors round differently.
    public let tolerance: Int

    public init(samples: [Int], tolerance: Int = 64) {
        (self.samples, self.tolerance) = (samples, tolerance)
    }

    /// The largest difference from what was found; nil if the numbers of samples differ.
    public func difference(from found: KnownOutput) -> Int? {
        guard samples.count == found.samples.count else { return nil }
        return zip(samples, found.samples).map { abs($0 - $1) }.max() ?? 0
    }

    /// Samples between two that are kept; prime to the rows and channels, so that all of them occur.
    private static let stride = 89
    private static let (width, height) = (48, 40)

    /// What the model at `path` makes of the picture; nil for tasks that do not make pictures of photographs.
    ///
    /// - Throws: `ModelError`, `NetworkError` if the machine has too little memory, `NonFinitePixel`.
    public static func computed(path: String, task: String, pool: WorkerPool) throws -> KnownOutput? {
        let result: Image
        switch task {
        case DenoiserArchitecture.task:
            let options = Denoiser.Options(noiseLevel: .sigma(25))
            result = try Denoiser(path: path, pool: pool).denoise(picture, options: options).image
        case ColorizerArchitecture.task:
            result = try Colorizer(path: path, pool: pool).colorize(picture)
        case InpainterArchitecture.task:
            let model = try Model<InpainterArchitecture>(path: path)
            guard model.architecture.kind == .photo else { return nil }
            result = try PictureFill(.network(Inpainter(model, pool: pool)), pool: pool).fill(picture, mask)
        default:
            return nil
        }
        guard case .uint16(let samples) = result.samples else { return nil }
        return KnownOutput(samples: Swift.stride(from: 0, to: samples.count, by: stride).map { Int(samples[$0]) })
    }

    /// A disk before a gradient, with noise; integers only, so that every machine draws the same.
    private static var picture: Image {
        var generator = SeededGenerator(seed: 1)
        var samples: [UInt16] = []
        samples.reserveCapacity(3 * width * height)
        for y in 0..<height {
            for x in 0..<width {
                let isInside = (x - 20) * (x - 20) + (y - 18) * (y - 18) < 150
                for c in 0..<3 {
                    let color = isInside ? 42_000 - 9_000 * c : 14_000 + 450 * x + 300 * y * (c + 1) / 2
                    samples.append(UInt16(color + generator.index(below: 12_001) - 6_000))
                }
            }
        }
        return Image(width: width, height: height, channelLayout: .rgb, samples: .uint16(samples))
    }

    /// Squares of four pixels, a third of the picture.
    private static var mask: FillMask {
        let isMissing = (0..<(width * height)).map { ($0 % width / 4 + $0 / width / 4) % 3 == 0 }
        return FillMask(width: width, height: height, isMissing: isMissing)
    }
}
