import Glibc
import NIOHTTP1
import RestoreFiles
import RestoreImage

/// FOLDER: what the page may browse, and write to when asked.
///
/// Paths are opened one component at a time, and no component may be `..` or a symbolic link, so that nothing outside can
/// be reached, whatever changes in the folder meanwhile.
final class SharedFolder: Sendable {
    private let descriptor: Int32
    let path: String

    struct Entry: Sendable, Encodable {
        let name: String
        let folder: Bool
    }

    private static let mostEntries = 10_000

    /// - Throws: `FileError` for a folder that cannot be opened.
    init(_ path: String) throws(FileError) {
        descriptor = open(systemPath(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw pathKind(path) == .missing
                ? missingError(path) : .unreadable(path: path, reason: String(cString: strerror(errno)))
        }
        self.path = path
    }

    deinit { close(descriptor) }

    /// The pictures and folders in a folder, by name; hidden ones and symbolic links are left out.
    func entries(_ components: [String]) throws(ServeError) -> [Entry] {
        let folder = try openFolder(components)
        guard let stream = fdopendir(folder) else {
            close(folder)
            throw ServeError.unknown
        }
        defer { closedir(stream) }
        var entries: [Entry] = []
        while let entry = readdir(stream), entries.count < Self.mostEntries {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { pathFromSystem(Array($0.prefix { $0 != 0 })) }
            guard !name.hasPrefix("."), String(validating: name.utf8, as: UTF8.self) != nil else { continue }
            var information = stat()
            guard fstatat(folder, systemPath(name), &information, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
            switch information.st_mode & S_IFMT {
            case S_IFDIR: entries.append(Entry(name: name, folder: true))
            case S_IFREG where ImageFormat.forPath(name) != nil: entries.append(Entry(name: name, folder: false))
            default: break
            }
        }
        return entries.sorted { ($0.folder ? 0 : 1, $0.name) < ($1.folder ? 0 : 1, $1.name) }
    }

    /// Opens a regular file for reading.
    ///
    /// - Returns: its descriptor and its size.
    func openFile(_ components: [String]) throws(ServeError) -> (descriptor: Int32, bytes: Int) {
        guard let name = components.last else { throw .unknown }
        try Self.check(name)
        let folder = try openFolder(components.dropLast())
        defer { close(folder) }
        // Not blocking: a pipe would wait for a writer.
        let file = openat(folder, systemPath(name), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw .unknown }
        var information = stat()
        guard fstat(file, &information) == 0, information.st_mode & S_IFMT == S_IFREG else {
            close(file)
            throw .unknown
        }
        return (file, Int(information.st_size))
    }

    /// Writes a result into a folder; an existing file is replaced only if that was asked for.
    func save(_ picture: StoredPicture, in components: [String], name: String, overwrite: Bool) throws(ServeError) {
        try Self.check(name)
        guard ImageFormat.forPath(name) == picture.header.format else {
            throw ServeError(
                .badRequest, "\(name): the result is \(picture.header.format.name), which its name should say")
        }
        let folder = try openFolder(components)
        defer { close(folder) }
        var information = stat()
        if fstatat(folder, systemPath(name), &information, AT_SYMLINK_NOFOLLOW) == 0,
            information.st_mode & S_IFMT != S_IFREG
        {
            throw ServeError(.conflict, "\(name): exists and is not a regular file")
        }
        // The folder itself, whatever its path leads to by now.
        let destination = "/proc/self/fd/\(folder)/\(name)"
        do throws(FileError) {
            try writeFileAtomically(readFile(picture.path), to: destination, overwrite: overwrite)
        } catch {
            switch error {
            case .alreadyExists: throw ServeError(.conflict, "\(name): already exists; overwrite=true replaces it")
            case .noSpace: throw ServeError(.insufficientStorage, "\(name): the disk is full")
            default: throw ServeError(.forbidden, "\(name): cannot be written")
            }
        }
    }

    private func openFolder(_ components: some Sequence<String>) throws(ServeError) -> Int32 {
        var folder = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard folder >= 0 else { throw .unknown }
        // A descriptor of its own, since the position in the listing is shared by duplicates.
        let own = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        close(folder)
        folder = own
        for name in components {
            let next: Int32
            do throws(ServeError) {
                try Self.check(name)
                next = openat(folder, systemPath(name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            } catch {
                close(folder)
                throw error
            }
            close(folder)
            folder = next
            guard folder >= 0 else { throw .unknown }
        }
        guard folder >= 0 else { throw .unknown }
        return folder
    }

    private static func check(_ name: String) throws(ServeError) {
        guard !name.isEmpty, name != ".", name != "..", !name.hasPrefix("."), !name.utf8.contains(UInt8(ascii: "/")),
            !name.utf8.contains(0), name.utf8.count <= 255
        else { throw .unknown }
    }
}
