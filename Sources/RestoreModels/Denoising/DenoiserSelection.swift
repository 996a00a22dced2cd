import RestoreConcurrency
import RestoreImage

/// The denoisers that pictures of one run need: each is loaded when the first picture needs it, and once.
///
/// Used from one thread at a time.
public final class DenoiserSelection {
    /// The denoiser for white noise.
    public static let whiteNoiseModel = "denoise-color"
    /// The denoiser for what cameras leave, and JPEG of it.
    public static let photographModel = "denoise-photo"
    /// The denoiser for the damage of JPEG alone.
    public static let compressionModel = "denoise-jpeg"

    /// Level of the noise of a photograph, in units of 1/255, up to which the network for white noise removes it better,
    /// provided that it is told this level: the other one takes too much for noise.
    private static let greatestWhiteLevel = 12.0

    /// Strength of the quantization, that of quality 40, from which what the denoiser for photographs takes away is JPEG's
    /// damage, and says nothing of noise.
    private static let leastOverwhelmingCompression: Float = 0.26

    /// The denoiser that suits a picture: the only place that says which serves for what.
    public static func name(for noise: PictureAnalysis.Noise) -> String {
        switch noise {
        case .none, .white: whiteNoiseModel
        case .compressed: compressionModel
        case .recognized: photographModel
        case .photograph(let level): level > greatestWhiteLevel ? photographModel : whiteNoiseModel
        }
    }

    /// A denoiser and the name by which it was asked for.
    public struct Choice {
        public let name: String
        public let denoiser: Denoiser
    }

    private let catalog: ModelCatalog
    public let pool: WorkerPool
    private let willLoad: (_ path: String) -> Void
    private var loaded: [String: Denoiser] = [:]
    private var latest: Denoiser?

    /// - Parameter willLoad: called before a file is read.
    public init(
        catalog: ModelCatalog, pool: WorkerPool, willLoad: @escaping (_ path: String) -> Void = { _ in }
    ) {
        self.catalog = catalog
        self.pool = pool
        self.willLoad = willLoad
    }

    /// The denoiser of this name or path. The one before, if another, gives its working memory back: a limit holds for both
    /// together.
    ///
    /// - Throws: `ModelError`.
    public func denoiser(named name: String) throws(ModelError) -> Choice {
        let denoiser: Denoiser
        if let known = loaded[name] { denoiser = known } else { denoiser = try load(name) }
        if latest !== denoiser { latest?.releaseMemory() }
        latest = denoiser
        return Choice(name: name, denoiser: denoiser)
    }

    private func load(_ name: String) throws(ModelError) -> Denoiser {
        let path = try catalog.find(name).path
        willLoad(path)
        let denoiser = try Denoiser(path: path, pool: pool)
        loaded[name] = denoiser
        return denoiser
    }

    /// What noise a picture has: what statistics find, and, unless that is white noise, what the denoiser for photographs
    /// takes away.
    ///
    /// - Throws: `ModelError`, and as `Denoiser.denoise`.
    public func analysis(of picture: DecodedImage) throws -> PictureAnalysis {
        let analysis = PictureAnalysis(picture, pool: pool)
        if case .white = analysis.noise { return analysis }
        guard !analysis.isDrawn, isInstalled(Self.photographModel) else { return analysis }
        let denoiser = try denoiser(named: Self.photographModel).denoiser
        guard denoiser.architecture.isBlind else { return analysis }
        let compression = CompressionStrength(of: picture)
        if case .compressed = analysis.noise, compression.luminance > Self.leastOverwhelmingCompression {
            return analysis
        }
        let options = Denoiser.Options(noiseLevel: .automatic, compression: compression)
        guard let evidence = try ResidualEvidence(of: picture.image, by: denoiser, options: options) else {
            return analysis
        }
        return PictureAnalysis(noise: evidence.verdict(on: analysis.noise, isCompressed: compression != .none))
    }

    /// The denoiser that suits a picture; the one for white noise where the other is not installed.
    ///
    /// - Throws: `ModelError`; a model that is there and damaged is not passed over.
    public func denoiser(for noise: PictureAnalysis.Noise) throws(ModelError) -> Choice {
        let name = Self.name(for: noise)
        return try denoiser(named: isInstalled(name) ? name : Self.whiteNoiseModel)
    }

    private func isInstalled(_ name: String) -> Bool {
        // It throws only where there is none of the name.
        loaded[name] != nil || (try? catalog.find(name)) != nil
    }
}
