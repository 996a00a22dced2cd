import RestoreModels
import RestoreNN

/// Every setting of a denoiser's training run, as `config.yaml` holds it.
public struct DenoiserConfiguration: Equatable, Sendable {
    /// What the patches are made noisy with.
    public enum Noise: String, CaseIterable, Sendable {
        /// White Gaussian noise of a level that the network is told.
        case gaussian
        /// The noise of photographs (`PhotographNoise`), of which the network is told nothing.
        case photo
    }

    /// Pictures to learn from.
    public var data: [DataSource] = []
    public var noise = Noise.gaussian
    /// Strongest Gaussian noise, in units of 1/255.
    public var maximumSigma = 55.0
    /// Share of the patches that are made gray.
    public var grayShare = 0.1
    /// Share of the patches that stay clean, so that a blind network learns to leave clean pictures alone; with Gaussian noise
    /// there are levels down to zero anyway.
    public var cleanShare = 0.1
    /// Side of a patch in pixels.
    public var patchSize = 64
    /// Channels of the network's levels, fine to coarse.
    public var widths = DenoiserArchitecture().widths
    /// Residual blocks of the levels, or one number for all; none for those of the shipped network, which with other
    /// widths are two.
    public var blocks: [Int] = []
    /// Pictures set aside for validation.
    public var validationPictures = 32
    /// License, for the model's metadata.
    public var license: String?
    public var trainer = TrainerSettings()

    public init() {}

    /// Every setting in the order of the file.
    static let table = SettingsTable<DenoiserConfiguration>(
        settings: [
            Setting(key: "task") { (value, _) throws(Setting<DenoiserConfiguration>.Expectation) in
                guard value.scalar == "denoise" else { throw .init(text: "denoise") }
            } write: { _ in
                "denoise"
            },
            .sources("data", \.data),
            .choice("noise", \.noise),
            .number("max-sigma", \.maximumSigma, in: 1...75),
            .number("gray-share", \.grayShare, in: 0...1).alias("grey-share"),
            .number("clean-share", \.cleanShare, in: 0...1),
            .integer("patch-size", \.patchSize, in: 1...1024),
            .integers("widths", \.widths, expectation: "1 to 6 numbers of 1 to 1024 channels"),
            .integers("blocks", \.blocks, expectation: "a number of 1 to 16 for every level, or one for all"),
            .integer("validation-pictures", \.validationPictures, in: 0...100_000),
            .optionalText("license", \.license),
        ] + TrainerSettings.table.settings.map { $0.within(\.trainer) })

    /// Takes what a YAML file says; what it does not name stays.
    ///
    /// - Throws: `ConfigurationError` naming the file and the line.
    public mutating func read(yaml bytes: [UInt8], path: String) throws(ConfigurationError) {
        try Self.table.read(yaml: bytes, path: path, into: &self)
    }

    /// Takes an option of the command line: `key` is its name without dashes.
    public mutating func read(option key: String, _ text: String) throws(ConfigurationError) {
        try Self.table.read(option: key, text, into: &self)
    }

    /// The contents of `config.yaml`.
    public var yaml: String { Self.table.yaml(self) }

    /// Names of the settings in which this one differs from another.
    public func differences(from other: DenoiserConfiguration) -> [String] { Self.table.differences(self, other) }

    /// Steps of a run that is told no other end.
    private static let defaultSteps = 6000

    /// With everything that follows from other settings: the network's blocks, and the end of the run.
    ///
    /// - Throws: as `architecture`.
    public func resolved() throws(ConfigurationError) -> DenoiserConfiguration {
        var result = self
        result.blocks = try architecture().blocks
        let hasEnd = trainer.steps != nil || trainer.epochs != nil || trainer.timeLimit != nil
        if !hasEnd { result.trainer.steps = Self.defaultSteps }
        return result
    }

    /// What the settings come to, but for where the files lie: a checkpoint of other settings is of another run.
    public var digest: String {
        var settings = self
        settings.data = []
        settings.trainer.initialModel = nil
        return String(stableHash(settings.yaml), radix: 16)
    }

    /// The network; blind where the noise has no level that could be told.
    ///
    /// - Throws: `ConfigurationError` where the settings fit each alone but not together.
    public func architecture() throws(ConfigurationError) -> DenoiserArchitecture {
        let shipped = DenoiserArchitecture()
        let given = blocks.isEmpty ? (widths == shipped.widths ? shipped.blocks : [2]) : blocks
        let blocks = given.count == 1 ? widths.map { _ in given[0] } : given
        guard let architecture = DenoiserArchitecture(checking: widths, blocks: blocks, isBlind: noise == .photo) else {
            throw ConfigurationError(
                reason: """
                    --widths takes 1 to 6 numbers of 1 to 1024 and --blocks as many of 1 to 16, or one, \
                    found \(widths) and \(blocks)
                    """)
        }
        guard patchSize % architecture.alignment == 0 else {
            throw ConfigurationError(
                reason:
                    "--patch-size takes multiples of \(architecture.alignment) with \(widths.count) levels, found \(patchSize)"
            )
        }
        return architecture
    }
}

extension Setting {
    /// Data sources: paths, or lists of them with their weights.
    static func sources(_ key: String, _ path: WritableKeyPath<Root, [DataSource]> & Sendable) -> Setting {
        let expectation = Expectation(text: "a list of paths, each alone or as \"path:\" and \"weight:\"")
        return Setting(key: key) { (value, root) throws(Expectation) in
            guard case .list(let items, _) = value else { throw expectation }
            var sources: [DataSource] = []
            for item in items {
                guard let source = DataSource(yaml: item) else { throw expectation }
                sources.append(source)
            }
            root[keyPath: path] = sources
        } write: { root in
            if root[keyPath: path].isEmpty { return "[]" }
            return root[keyPath: path].map { source in
                "\n  - path: \(YAMLValue.quoted(source.path))\n    weight: \(source.weight)"
            }.joined()
        }
    }
}

extension DataSource {
    init?(yaml value: YAMLValue) {
        switch value {
        case .scalar(let path, _):
            self.init(path: path)
        case .mapping(let pairs, _):
            var (path, weight): (String?, Double?) = (nil, 1)
            for pair in pairs {
                switch pair.key {
                case "path": path = pair.value.scalar
                case "weight": weight = pair.value.scalar.flatMap { Double($0) }
                default: return nil
                }
            }
            guard let path, let weight, weight > 0, weight.isFinite else { return nil }
            self.init(path: path, weight: weight)
        case .list:
            return nil
        }
    }
}
