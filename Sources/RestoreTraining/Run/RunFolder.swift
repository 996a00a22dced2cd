import RestoreFiles
import RestoreNN

/// The folder of a run, and the names of its files.
public struct RunFolder: Sendable {
    public static let configuration = "config.yaml"
    public static let metrics = "metrics.csv"
    public static let report = "report.html"
    public static let samples = "samples"
    public static let lastModel = "last.safetensors"
    public static let bestModel = "best.safetensors"

    public let path: String

    public init(_ path: String) {
        self.path = path
    }

    public func callAsFunction(_ name: String) -> String { joinPath(path, name) }

    /// A file left here by an earlier run, or nil.
    public var earlierRun: String? {
        // A folder that cannot be listed cannot be written to either, which is reported later.
        let own = (try? ownFiles()) ?? []
        return own.first
    }

    /// Names of the files here that were written by a run, starting with its settings.
    private func ownFiles() throws(FileError) -> [String] {
        guard pathKind(path) != .missing else { return [] }
        let fixed = [Self.configuration, Self.metrics, Self.report, Self.lastModel, Self.bestModel]
        var files = fixed.filter { pathKind(self($0)) != .missing }.map { self($0) }
        for name in try listNames(in: path) {
            if Self.checkpointStep(name) != nil || name.hasPrefix(EventLog.prefix) { files.append(self(name)) }
        }
        let samples = self(Self.samples)
        guard pathKind(samples) == .directory, !isSymbolicLink(samples) else { return files }
        return files + (try listNames(in: samples)).filter(Self.isSample).map { joinPath(samples, $0) }
    }

    /// Checkpoints, newest first.
    func checkpoints() throws(FileError) -> [(step: Int, path: String)] {
        guard pathKind(path) != .missing else { return [] }
        return try listNames(in: path).compactMap { name in Self.checkpointStep(name).map { ($0, self(name)) } }
            .sorted { $0.step > $1.step }
    }

    /// Whether there is a checkpoint here from which a run could be resumed.
    public var hasCheckpoint: Bool { !((try? checkpoints()) ?? []).isEmpty }

    private static let checkpointPrefix = "checkpoint-"
    private static let modelSuffix = ".safetensors"

    private static func checkpointStep(_ name: String) -> Int? {
        guard name.hasPrefix(checkpointPrefix), name.hasSuffix(modelSuffix) else { return nil }
        return Int(name.dropFirst(checkpointPrefix.count).dropLast(modelSuffix.count))
    }

    // MARK: Samples

    private static let stepDigits = 8

    /// The name of a held-out image's sample at a step.
    static func sampleName(_ name: String, step: Int) -> String {
        "\(name)-\(padded(step)).png"
    }

    private static func padded(_ step: Int) -> String {
        String(repeating: "0", count: max(0, stepDigits - "\(step)".count)) + "\(step)"
    }

    private static func isSample(_ name: String) -> Bool {
        guard name.hasSuffix(".png"), let hyphen = name.lastIndex(of: "-") else { return false }
        let digits = name[name.index(after: hyphen)...].dropLast(4)
        return digits.count >= stepDigits && digits.allSatisfy { $0.isASCII && $0.isNumber }
    }

    /// The samples of a step, with their names; unreadable ones are omitted.
    func samples(step: Int) -> [(name: String, png: [UInt8])] {
        let (folder, suffix) = (self(Self.samples), "-\(Self.padded(step)).png")
        let names = (try? listNames(in: folder)) ?? []
        return names.filter { $0.hasSuffix(suffix) }.compactMap { name in
            (try? readFile(joinPath(folder, name))).map { (String(name.dropLast(suffix.count)), $0) }
        }
    }

    // MARK: Checkpoints

    func checkpointPath(step: Int) -> String { self("\(Self.checkpointPrefix)\(step).safetensors") }

    /// Removes the files of an earlier run, so that its events and checkpoints are not mistaken for those of the new
    /// one. The settings go first, since nothing can be resumed without them.
    ///
    /// - Throws: `TrainingError.file` if the folder cannot be listed.
    func removeEarlierRun() throws(TrainingError) {
        do {
            for file in try ownFiles() { removeFile(file) }
        } catch { throw .file(error) }
    }

    func write(_ bytes: [UInt8], _ name: String) throws(TrainingError) {
        do { try writeFileAtomically(bytes, to: self(name), overwrite: true) } catch { throw .file(error) }
    }

    /// Number of checkpoints to keep: the newest, and the previous one in case the newest is damaged.
    private static let keptCheckpoints = 2

    func write(_ checkpoint: Checkpoint) throws(TrainingError) {
        let path = checkpointPath(step: checkpoint.state.step)
        do { try writeFileAtomically(checkpoint.bytes, to: path, overwrite: true) } catch { throw .file(error) }
        // Failing to delete an old checkpoint does no harm.
        for old in ((try? checkpoints()) ?? []).dropFirst(Self.keptCheckpoints) { removeFile(old.path) }
    }

    /// The newest readable checkpoint, or nil if there are no checkpoints, and the newer ones that are unreadable.
    ///
    /// - Throws: the `TrainingError` of the newest checkpoint if none is readable, or an error if the folder cannot be
    ///   listed.
    func newestCheckpoint(
        layout: ParameterLayout, termCount: Int, settings: TrainerSettings
    ) throws(TrainingError) -> (checkpoint: Checkpoint?, damaged: [(path: String, error: TrainingError)]) {
        let all: [(step: Int, path: String)]
        do { all = try checkpoints() } catch { throw .file(error) }
        var damaged: [(path: String, error: TrainingError)] = []
        for (_, path) in all {
            do throws(TrainingError) {
                return (try Checkpoint(path: path, layout: layout, termCount: termCount, settings: settings), damaged)
            } catch {
                damaged.append((path, error))
            }
        }
        if let newest = damaged.first { throw newest.error }
        return (nil, [])
    }
}
