import FoundationEssentials
import NIOHTTP1

/// What a request is answered with.
enum Answer: Sendable {
    case text(String, type: String)
    case embedded([UInt8], type: String)
    case file(path: String, type: String, headers: [(String, String)])
    case nothing

    /// A value as JSON.
    static func json(_ value: some Encodable) -> Answer { .text(jsonText(value), type: "application/json") }
}

/// Encodes a value on one line.
func jsonText(_ value: some Encodable) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    // Numbers and strings can always be encoded.
    return (try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
}

/// A picture as the API describes it.
struct PictureDescription: Encodable {
    let id: String
    let name: String
    let format: String
    /// As stored: before an orientation tag is applied.
    let width: Int
    let height: Int
    let bitDepth: Int
    let channels: Int
    let bytes: Int

    init(_ picture: StoredPicture) {
        (id, name, bytes) = (picture.id, picture.name, picture.bytes)
        format = picture.header.format.name
        (width, height) = (picture.header.width, picture.header.height)
        (bitDepth, channels) = (picture.header.bitDepth, picture.header.channelCount)
    }
}

extension JobEvent {
    private struct Line: Encodable {
        let job: String
        let state: String
        var before: Int?
        var done: Double?
        var secondsLeft: Double?
        var error: String?
        var results: [PictureDescription]?
    }

    /// The event as a line of JSON.
    func line(job: String) -> String {
        switch self {
        case .waiting(let count): return jsonText(Line(job: job, state: "waiting", before: count))
        case .running(let done, let left):
            return jsonText(Line(job: job, state: "running", done: done, secondsLeft: left))
        case .failed(let reason): return jsonText(Line(job: job, state: "failed", error: reason))
        case .cancelled: return jsonText(Line(job: job, state: "cancelled"))
        case .done(let results, let record):
            let line = jsonText(Line(job: job, state: "done", results: results.map { PictureDescription($0) }))
            // The command's record, as it is.
            return line.dropLast() + ",\"record\":\(record)}"
        }
    }
}
