import RestoreFiles
import RestoreNN

/// Why a model cannot be used.
public enum ModelError: Error, Equatable, Sendable, CustomStringConvertible {
    /// No folder contains a model with this name.
    case notFound(name: String, searched: [String])
    case weights(WeightsError)
    /// The file is a model for another task, or not a model of this program.
    case wrongTask(path: String, expected: String, found: String?)
    case badArchitecture(path: String, reason: String)

    public var description: String {
        switch self {
        case .notFound(let name, let searched):
            let folders = searched.isEmpty ? "no folder" : searched.joined(separator: ", ")
            return "\(name): no such model; searched \(folders)"
        case .weights(let error):
            return error.description
        case .wrongTask(let path, let expected, let found):
            let task = found.map { "is a model for \"\($0)\"" } ?? "does not state its task"
            return "\(path): \(task), expected \"\(expected)\""
        case .badArchitecture(let path, let reason):
            return "\(path): \(reason)"
        }
    }
}
