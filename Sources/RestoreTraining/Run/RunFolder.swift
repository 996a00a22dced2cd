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
        let names = [Self.configuration, Self.metrics, Self.lastModel, Self.bestModel, Self.report]
        return (names.map { self($0) } + checkpoints().map(\.path)).first { pathKind($0) != .missing }
    }

    /// Checkpoints, newest first.
    func checkpoints() -> [(step: Int, path: String)] {
        // A folder that is not there or cannot be read has none.
        let files = (try? listFilesRecursively(path, extensions: ["safetensors"])) ?? []
        return files.compactMap { file in
            let name = lastPathComponent(of: file)
            guard parentFolder(of: file) == parentFolder(of: self("x")), name.hasPrefix(Self.checkpointPrefix) else {
                return nil
            }
            let digits = removingPathExtension(name).dropFirst(Self.checkpointPrefix.count)
            return Int(digits).map { ($0, file) }
        }.sorted { $0.step > $1.step }
    }

    private static let checkpointPrefix = "checkpoint-"

    func checkpointPath(step: Int) -> String { self("\(Self.checkpointPrefix)\(step).safetensors") }

    /// Takes away what an earlier run has left, lest its events and checkpoints pass for those of the new one.
    ///
    /// - Throws: `TrainingError.file` where the folder cannot be listed.
    func removeEarlierRun() throws(TrainingError) {
        let names: [String]
        do { names = try listNames(in: path) } catch { throw .file(error) }
        for name in names where name.hasPrefix(Self.checkpointPrefix) || name.hasPrefix(EventLog.prefix) {
            removeFile(self(name))
        }
        for name in [Self.metrics, Self.report, Self.lastModel, Self.bestModel] { removeFile(self(name)) }
        let pictures = (try? listFilesRecursively(self(Self.samples), extensions: ["png"])) ?? []
        for picture in pictures { removeFile(picture) }
    }

    func write(_ bytes: [UInt8], _ name: String) throws(TrainingError) {
        do { try writeFileAtomically(bytes, to: self(name), overwrite: true) } catch { throw .file(error) }
    }

    /// Checkpoints that stay: the newest, and the one before in case the newest is lost.
    private static let keptCheckpoints = 2

    func write(_ checkpoint: Checkpoint) throws(TrainingError) {
        let path = checkpointPath(step: checkpoint.state.step)
        do { try writeFileAtomically(checkpoint.bytes, to: path, overwrite: true) } catch { throw .file(error) }
        for old in checkpoints().dropFirst(Self.keptCheckpoints) { removeFile(old.path) }
    }

    /// The newest checkpoint that can be read, or nil where there is none at all.
    ///
    /// - Parameter warn: told of each that cannot be read.
    /// - Throws: `TrainingError` of the newest where none can be read.
    func newestCheckpoint(
        layout: ParameterLayout, settings: TrainerSettings, warn: (String) -> Void
    ) throws(TrainingError) -> Checkpoint? {
        var failure: TrainingError?
        for (_, path) in checkpoints() {
            do throws(TrainingError) {
                return try Checkpoint(path: path, layout: layout, settings: settings)
            } catch {
                warn("\(error)")
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
        return nil
    }
}
