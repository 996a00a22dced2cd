import RestoreConcurrency

/// The denoisers that pictures of one run need: each is loaded when the first picture needs it, and once.
///
/// Used from one thread at a time.
public final class DenoiserSelection {
    /// The denoiser for each kind of noise.
    public static func name(for kind: NoiseKind) -> String {
        switch kind {
        case .gaussian: "denoise-color"
        case .photo: "denoise-photo"
        }
    }

    /// A denoiser and the name by which it was asked for.
    public struct Choice {
        public let name: String
        public let denoiser: Denoiser
    }

    private let catalog: ModelCatalog
    private let pool: WorkerPool
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

    /// The denoiser for a kind of noise; the one for Gaussian noise where the other is not installed.
    ///
    /// - Throws: `ModelError`; a model that is there and damaged is not passed over.
    public func denoiser(for kind: NoiseKind) throws(ModelError) -> Choice {
        let name = Self.name(for: kind)
        return try denoiser(named: isInstalled(name) ? name : Self.name(for: .gaussian))
    }

    private func isInstalled(_ name: String) -> Bool {
        // It throws only where there is none of the name.
        loaded[name] != nil || (try? catalog.find(name)) != nil
    }
}
