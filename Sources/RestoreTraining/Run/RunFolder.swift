import RestoreFiles
import RestoreNN

/// The folder of a run, and the names in it.
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

    /// What an earlier run has left here, or nil.
    public var earlierRun: String? {
        // A folder that cannot be listed cannot be written to either, which is said then.
        let own = (try? ownFiles()) ?? []
        return own.first
    }

    /// The files here that a run has written, by their names; the settings first.
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

    /// Whether a run could go on from a checkpoint here.
    public var hasCheckpoint: Bool { !((try? checkpoints()) ?? []).isEmpty }

    private static let checkpointPrefix = "checkpoint-"
    private static let modelSuffix = ".safetensors"

    private static func checkpointStep(_ name: String) -> Int? {
        guard name.hasPrefix(checkpointPrefix), name.hasSuffix(modelSuffix) else { return nil }
        return Int(name.dropFirst(checkpointPrefix.count).dropLast(modelSuffix.count))
    }

    // MARK: Samples

    private static let stepDigits = 8

    /// The name of a held-out picture as it is after a step.
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

    /// The pictures of a step, with their names; those that cannot be read are left out.
    func samples(step: Int) -> [(name: String, png: [UInt8])] {
        let (folder, suffix) = (self(Self.samples), "-\(Self.padded(step)).png")
        let names = (try? listNames(in: folder)) ?? []
        return names.filter { $0.hasSuffix(suffix) }.compactMap { name in
            (try? readFile(joinPath(folder, name))).map { (String(name.dropLast(suffix.count)), $0) }
        }
    }

    // MARK: Checkpoints

    func checkpointPath(step: Int) -> String { self("\(Self.checkpointPrefix)\(step).safetensors") }

    /// Takes away what an earlier run has left, lest its events and checkpoints pass for those of the new one; first its
    /// settings, without which nothing can be resumed.
    ///
    /// - Throws: `TrainingError.file` where the folder cannot be listed.
    func removeEarlierRun() throws(TrainingError) {
        do {
            for file in try ownFiles() { removeFile(file) }
        } catch { throw .file(error) }
    }

    func write(_ bytes: [UInt8], _ name: String) throws(TrainingError) {
        do { try writeFileAtomically(bytes, to: self(name), overwrite: true) } catch { throw .file(error) }
    }

    /// Checkpoints that stay: the newest, and the one before in case the newest is lost.
    private static let keptCheckpoints = 2

    func write(_ checkpoint: Checkpoint) throws(TrainingError) {
        let path = checkpointPath(step: checkpoint.state.step)
        do { try writeFileAtomically(checkpoint.bytes, to: path, overwrite: true) } catch { throw .file(error) }
        // One too many is no harm.
        for old in ((try? checkpoints()) ?? []).dropFirst(Self.keptCheckpoints) { removeFile(old.path) }
    }

    /// The newest checkpoint that can be read, nil where there is none at all, and those after it that cannot.
    ///
    /// - Throws: `TrainingError` of the newest where none can be read, and where the folder cannot be listed.
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
