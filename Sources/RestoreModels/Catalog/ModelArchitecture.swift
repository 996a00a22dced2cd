import FoundationEssentials
import RestoreNN

/// A type of network stored in model files: the JSON description in the file, and the network it defines.
public protocol ModelArchitecture: Codable, Sendable {
    /// The task of models of this type, as named in files: "denoise".
    static var task: String { get }

    /// What is wrong with an architecture read from a file, or nil.
    var defect: String? { get }

    /// - Precondition: `defect` is nil.
    var network: Network { get }
}

extension ModelArchitecture {
    /// Reads the JSON of a model file.
    ///
    /// - Throws: `ModelError.badArchitecture` naming `path`.
    public init(json: String, path: String) throws(ModelError) {
        do {
            self = try JSONDecoder().decode(Self.self, from: Data(json.utf8))
        } catch {
            // Messages stay on one line, however long the text is.
            let start = json.prefix(120)
            throw .badArchitecture(path: path, reason: "the architecture is not valid JSON for this program: \(start)")
        }
        if let defect { throw .badArchitecture(path: path, reason: defect) }
    }

    /// The form stored in model files.
    public var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        // Encoding strings and integers cannot fail.
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }
}

/// A trained model: its architecture, its parameters, and the metadata of its file. All tasks load models this way.
public struct Model<Architecture: ModelArchitecture>: Sendable {
    public let architecture: Architecture
    public let parameters: Parameters
    public let metadata: ModelMetadata

    /// - Precondition: `parameters` belong to the architecture's network.
    public init(architecture: Architecture, parameters: Parameters, notes: [String: String] = [:]) {
        self.architecture = architecture
        self.parameters = parameters
        metadata = ModelMetadata(task: Architecture.task, architecture: architecture.json, notes: notes)
    }

    /// Reads a model file. Its checksum must match, its tensors must be those of the architecture, and all values must
    /// be finite.
    ///
    /// - Throws: `ModelError`.
    public init(path: String) throws(ModelError) {
        let file: SafetensorsFile
        do { file = try SafetensorsFile(path: path) } catch { throw .weights(error) }
        metadata = try ModelMetadata(file, expectedTask: Architecture.task)
        architecture = try Architecture(json: metadata.architecture, path: path)
        do { parameters = try file.parameters(for: architecture.network) } catch { throw .weights(error) }
    }
}
