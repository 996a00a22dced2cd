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
    /// `facts.json` beside a model cannot be used.
    case badFacts(path: String, reason: String)
    /// The model computes something else than it should.
    ///
    /// - Parameters:
    ///   - difference: the largest, of 65535; nil if there are not as many samples as expected.
    case wrongOutput(path: String, difference: Int?, tolerance: Int)

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
        case .badArchitecture(let path, let reason), .badFacts(let path, let reason):
            return "\(path): \(reason)"
        case .wrongOutput(let path, let difference, let tolerance):
            guard let difference else { return "\(path): computes another number of samples than it should" }
            return """
                \(path): computes a wrong picture on this machine: it differs by \(difference) of 65535, \
                allowed are \(tolerance)
                """
        }
    }
}
