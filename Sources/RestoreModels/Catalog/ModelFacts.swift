import FoundationEssentials
import RestoreFiles

/// What people should know about a shipped model before they use it, and what it computes: `facts.json` beside the
/// weights. The model card says the same at length.
public struct ModelFacts: Codable, Equatable, Sendable {
    /// Of the weights.
    public let license: String
    /// Who has which rights in the pictures that the model was trained with.
    public let trainingDataLicense: String
    public let scores: String
    /// What the model is not made for.
    public let limits: String
    public let knownFailures: String
    public let knownOutput: KnownOutput

    private enum CodingKeys: String, CodingKey {
        case license
        case trainingDataLicense = "training_data_license"
        case scores, limits
        case knownFailures = "known_failures"
        case knownOutput = "known_output"
    }

    /// The facts as text, by their names in the file.
    public var texts: [String: String] {
        [
            CodingKeys.license: license, .trainingDataLicense: trainingDataLicense, .scores: scores, .limits: limits,
            .knownFailures: knownFailures,
        ].reduce(into: [:]) { $0[$1.key.rawValue] = $1.value }
    }

    /// The facts about the model at `path`; nil if there are none, as for models that a user trained.
    ///
    /// - Throws: `ModelError.badFacts`.
    public init?(ofModelAt path: String) throws(ModelError) {
        let file = joinPath(parentFolder(of: path), "facts.json")
        guard lastPathComponent(of: path) == "model.safetensors", pathKind(file) != .missing else { return nil }
        do {
            self = try JSONDecoder().decode(Self.self, from: Data(readFile(file, maximumBytes: 1 << 20)))
        } catch let error as FileError {
            throw .badFacts(path: file, reason: error.description)
        } catch {
            throw .badFacts(path: file, reason: "not the facts of a model for this program")
        }
    }
}
