import Glibc

/// Device and inode: the same for every path that leads to the same file or folder, through any links.
public struct FileIdentity: Hashable, Sendable {
    private let device: UInt
    private let inode: UInt

    /// Nil if `path` cannot be reached; symbolic links are followed.
    public init?(_ path: String) {
        var status = stat()
        guard isPassableToSystem(path), stat(systemPath(path), &status) == 0 else { return nil }
        device = UInt(status.st_dev)
        inode = UInt(status.st_ino)
    }
}

extension FileIdentity {
    /// Of an open file or folder; nil if the system does not say.
    init?(descriptor: Int32) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        (device, inode) = (UInt(status.st_dev), UInt(status.st_ino))
    }
}

/// The absolute path without links, "." and "..", as far as it exists. Components that do not exist yet are kept as
/// written, below the folder in which they would be created.
public func canonicalPath(_ path: String) -> String {
    guard isPassableToSystem(path) else { return path }
    if let resolved = realpath(systemPath(path), nil) {
        defer { free(resolved) }
        return pathFromSystem(resolved)
    }
    let (parent, name) = (parentFolder(of: path), lastPathComponent(of: path))
    let folder = parent == path ? path : canonicalPath(parent)
    switch name {
    case ".": return folder
    case "..": return parentFolder(of: folder)
    default: return joinPath(folder, name)
    }
}

/// Whether the file or folder at `path` is `folder` or inside it; both paths must be canonical (see `canonicalPath`).
public func isPath(_ path: String, inside folder: String) -> Bool {
    path == folder || folder == "/" || path.utf8.starts(with: (folder + "/").utf8)
}

/// Why nothing can be created at `path` or, if parent folders are missing, in the nearest existing one; nil if the
/// system would allow it.
public func obstacle(toWriting path: String) -> String? {
    guard isPassableToSystem(path) else { return "the path is empty or contains a NUL character" }
    var folder = parentFolder(of: path)
    while pathKind(folder) == .missing, !isSymbolicLink(folder), parentFolder(of: folder) != folder {
        folder = parentFolder(of: folder)
    }
    guard pathKind(folder) == .directory else { return "\(folder) is not a folder" }
    return access(systemPath(folder), W_OK | X_OK) == 0 ? nil : "\(folder): \(systemMessage(errno))"
}
