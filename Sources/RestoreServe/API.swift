import Glibc
import NIOHTTP1
import RestoreConcurrency
import RestoreFiles
import RestoreImage

/// The requests that the server answers.
final class API: Sendable {
    /// What is to be done once a request is complete.
    enum Plan {
        case now(Answer)
        /// On a thread that may wait.
        case blocking(@Sendable () throws(ServeError) -> Answer)
        /// Makes a preview, one at a time.
        case preview(@Sendable () throws(ServeError) -> Answer)
        /// The body is a picture.
        case upload(name: String, then: (StoredPicture) throws(ServeError) -> Plan)
        case job(StoredPicture, TaskRequest, wantsPicture: Bool)
        case stop
    }

    let store: PictureStore
    let queue: JobQueue
    private let folder: SharedFolder?
    private let program: String
    private let version: String

    init(store: PictureStore, queue: JobQueue, folder: SharedFolder?, program: String, version: String) {
        (self.store, self.queue, self.folder) = (store, queue, folder)
        (self.program, self.version) = (program, version)
    }

    /// - Parameter path: without the leading `api`.
    func plan(_ method: HTTPMethod, _ path: [String], _ target: RequestTarget) throws(ServeError) -> Plan {
        switch (method, path.first ?? "", path.count) {
        case (.GET, "server", 1): return .now(.json(description))
        case (.POST, "stop", 1): return .stop
        case (.POST, "pictures", 1):
            return .upload(name: target["name"] ?? "") { picture throws(ServeError) in
                .now(.json(PictureDescription(picture)))
            }
        case (.GET, "pictures", 2): return .now(file(try picture(path[1])))
        case (.GET, "pictures", 3) where path[2] == "preview": return try preview(path[1], target)
        case (.DELETE, "pictures", 2):
            store.remove(path[1])
            return .now(.nothing)
        case (.DELETE, "jobs", 2):
            guard queue.cancel(path[1]) else { throw ServeError(.notFound, "there is no such job") }
            return .now(.nothing)
        case (_, "folder", _): return try folderPlan(method, path, target)
        case (.POST, let name, 1):
            guard let task = TaskRequest.Task(rawValue: name) else { throw .unknown }
            return try taskPlan(task, target)
        default: throw .unknown
        }
    }

    private struct Description: Encodable {
        let version: String
        let folder: String?
        let uploadBytes: Int
        let megapixels: Int
        let samples: Int
    }

    private var description: Description {
        Description(
            version: version, folder: folder.map { lastPathComponent(of: canonicalPath($0.path)) },
            uploadBytes: store.limits.uploadBytes, megapixels: store.limits.megapixels, samples: store.limits.samples)
    }

    private func picture(_ id: String) throws(ServeError) -> StoredPicture {
        guard let picture = store[id] else { throw ServeError(.notFound, "there is no picture \(id)") }
        return picture
    }

    private func taskPlan(_ task: TaskRequest.Task, _ target: RequestTarget) throws(ServeError) -> Plan {
        let request = try TaskRequest(task, target.query, limits: store.limits) { store[$0] }
        let wantsPicture = target["answer"] == "picture"
        if let id = target["picture"] { return .job(try picture(id), request, wantsPicture: wantsPicture) }
        return .upload(name: target["name"] ?? "") { picture throws(ServeError) in
            .job(picture, request, wantsPicture: wantsPicture)
        }
    }

    // MARK: Files

    func file(_ picture: StoredPicture) -> Answer {
        // RFC 8187; other characters than these are escaped.
        let name = picture.name.utf8.map { byte in
            let isPlain = (byte >= 0x30 && byte < 0x3A) || (byte | 0x20 >= 0x61 && byte | 0x20 < 0x7B)
            return isPlain || ".-_".utf8.contains(byte)
                ? String(UnicodeScalar(byte)) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }.joined()
        return .file(
            path: picture.path, type: Self.type(picture.header.format),
            headers: [("content-disposition", "attachment; filename*=UTF-8''\(name)")])
    }

    private static func type(_ format: ImageFormat) -> String { format == .png ? "image/png" : "image/jpeg" }

    private func preview(_ id: String, _ target: RequestTarget) throws(ServeError) -> Plan {
        let picture = try picture(id)
        guard let side = Int(target["side"] ?? "0"), (0...8192).contains(side) else {
            throw ServeError(.badRequest, "side takes 0 to 8192")
        }
        let isTolerant = target["tolerant"] == "true"
        return .preview { [store, program] () throws(ServeError) in
            let output = joinPath(parentFolder(of: picture.path), ".preview-\(side)")
            store.use([id])
            defer { store.endUse([id]) }
            if pathKind(output) != .regularFile {
                var messages: [String] = []
                let arguments =
                    ["serve-preview", "--side=\(side)", "--max-pixels=\(store.limits.megapixels)"]
                    + (isTolerant ? ["--tolerant"] : []) + ["--", picture.name, output]
                let outcome = ChildProcess().run(program, arguments, in: parentFolder(of: picture.path)) {
                    if messages.count < 10 { messages.append($0) }
                }
                guard outcome?.code == 0 else {
                    let reason = messages.first.map { $0.hasPrefix("restore: ") ? String($0.dropFirst(9)) : $0 }
                    throw ServeError(.unprocessableEntity, reason ?? "\(picture.name): cannot be shown")
                }
            }
            let start = (try? readStart(of: output, maximumBytes: ImageFormat.signatureBytes)) ?? []
            return .file(path: output, type: Self.type(ImageFormat.detect(start) ?? .png), headers: [])
        }
    }

    // MARK: The shared folder

    private struct Listing: Encodable {
        let entries: [SharedFolder.Entry]
    }

    private func folderPlan(
        _ method: HTTPMethod, _ path: [String], _ target: RequestTarget
    ) throws(ServeError) -> Plan {
        guard let folder else { throw ServeError(.notFound, "the server was started without a folder") }
        let components = (target["path"] ?? "").split(separator: "/").map { String($0) }
        switch (method, path.count, path.last) {
        case (.GET, 1, _):
            return .blocking { () throws(ServeError) in .json(Listing(entries: try folder.entries(components))) }
        case (.POST, 2, "open"):
            return .blocking { [store] () throws(ServeError) in
                .json(PictureDescription(try Self.copy(components, of: folder, to: store)))
            }
        case (.POST, 2, "save"):
            let result = try picture(target["picture"] ?? "")
            let overwrite = target["overwrite"] == "true"
            guard let name = components.last else { throw ServeError(.badRequest, "path names the new file") }
            return .blocking { () throws(ServeError) in
                try folder.save(result, in: Array(components.dropLast()), name: name, overwrite: overwrite)
                return .nothing
            }
        default: throw .unknown
        }
    }

    /// What happens to the picture does not depend on what happens to the file meanwhile.
    private static func copy(
        _ components: [String], of folder: SharedFolder, to store: PictureStore
    ) throws(ServeError) -> StoredPicture {
        let (file, size) = try folder.openFile(components)
        defer { close(file) }
        let upload = try Upload(store: store, name: components.last ?? "", announced: size)
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = read(file, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw ServeError(.internalServerError, "the file cannot be read") }
            if count == 0 { break }
            if let failure = buffer.withUnsafeBytes({ upload.write(UnsafeRawBufferPointer(rebasing: $0[..<count])) }) {
                throw failure
            }
        }
        return try upload.finish()
    }
}
