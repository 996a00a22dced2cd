import FoundationEssentials
import RestoreNN

/// A kind of network that model files hold: what its JSON in the file says, and the network that follows.
public protocol ModelArchitecture: Codable, Sendable {
    /// What models of this kind do, as files name it: "denoise".
    static var task: String { get }

    /// What is wrong with an architecture that was read from a file, or nil.
    var defect: String? { get }

    /// - Precondition: there is no defect.
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
            // However long the text is, a message is one line.
            let start = json.prefix(120)
            throw .badArchitecture(path: path, reason: "the architecture is no valid JSON of this program: \(start)")
        }
        if let defect { throw .badArchitecture(path: path, reason: defect) }
    }

    /// As it is written in model files.
    public var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        // Strings and whole numbers always encode.
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }
}

/// A trained model: its architecture, its parameters, and what its file says about itself. Every task loads it the same way.
public struct Model<Architecture: ModelArchitecture>: Sendable {
    public let architecture: Architecture
    public let parameters: Parameters
    public let metadata: ModelMetadata

    /// - Precondition: `parameters` are those of the architecture's network.
    public init(architecture: Architecture, parameters: Parameters, notes: [String: String] = [:]) {
        self.architecture = architecture
        self.parameters = parameters
        metadata = ModelMetadata(task: Architecture.task, architecture: architecture.json, notes: notes)
    }

    /// Reads a model file. Its checksum is verified, its tensors must be those of the architecture, and all values finite.
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
