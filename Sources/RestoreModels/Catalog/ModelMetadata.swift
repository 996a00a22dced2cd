import RestoreNN

/// The description of a model in the string metadata of its file.
public struct ModelMetadata: Equatable, Sendable {
    /// "denoise"
    public var task: String
    /// The network, as JSON.
    public var architecture: String
    /// Further information: value range, color space, noise range, training data, license, scores …
    public var notes: [String: String]

    private static let prefix = "restore."

    public init(task: String, architecture: String, notes: [String: String] = [:]) {
        self.task = task
        self.architecture = architecture
        self.notes = notes
    }

    /// - Throws: `ModelError.wrongTask`, or `.badArchitecture` if the file lacks this metadata.
    public init(_ file: SafetensorsFile, expectedTask: String? = nil) throws(ModelError) {
        let own = file.metadata.filter { $0.key.hasPrefix(Self.prefix) }
        var notes: [String: String] = [:]
        for (key, value) in own { notes[String(key.dropFirst(Self.prefix.count))] = value }
        guard let task = notes.removeValue(forKey: "task"), expectedTask ?? task == task else {
            throw .wrongTask(
                path: file.path, expected: expectedTask ?? "a task", found: own[Self.prefix + "task"])
        }
        guard let architecture = notes.removeValue(forKey: "architecture") else {
            throw .badArchitecture(path: file.path, reason: "does not state its architecture")
        }
        self.init(task: task, architecture: architecture, notes: notes)
    }

    /// The form stored in a file's metadata.
    public var dictionary: [String: String] {
        var result = ["restore.task": task, "restore.architecture": architecture]
        for (key, value) in notes { result[Self.prefix + key] = value }
        return result
    }
}
