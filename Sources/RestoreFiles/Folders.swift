import Glibc

/// What is at a path; symbolic links are followed.
public enum PathKind: Sendable, Equatable {
    /// Nothing that can be reached: no entry, a dangling link, or an inaccessible parent folder.
    case missing
    case regularFile
    case directory
    /// A FIFO, a device or a socket.
    case other
}

/// What is at `path`; symbolic links are followed.
public func pathKind(_ path: String) -> PathKind {
    var status = stat()
    guard isPassableToSystem(path), stat(systemPath(path), &status) == 0 else { return .missing }
    switch status.fileType {
    case S_IFREG: return .regularFile
    case S_IFDIR: return .directory
    default: return .other
    }
}

/// Why nothing can be read at a `path` of kind `.missing`: usually because there is no entry.
public func missingError(_ path: String) -> FileError {
    var status = stat()
    guard isPassableToSystem(path), stat(systemPath(path), &status) != 0 else { return .notFound(path: path) }
    return readingError(path, code: errno)
}

/// Whether `path` is a symbolic link, whatever its target.
public func isSymbolicLink(_ path: String) -> Bool {
    var status = stat()
    return isPassableToSystem(path) && lstat(systemPath(path), &status) == 0 && status.fileType == S_IFLNK
}

/// Creates the folder `path` (permissions `0777 & ~umask`); it is not an error if the folder already exists.
///
/// - Parameter withIntermediates: whether missing parent folders are created as well.
/// - Throws: `FileError.cannotWrite`, also if a file is in the way.
public func makeDirectory(_ path: String, withIntermediates: Bool = true) throws(FileError) {
    guard isPassableToSystem(path) else {
        throw .cannotWrite(path: path, reason: "the path is empty or contains a NUL character")
    }
    if mkdir(systemPath(path), 0o777) == 0 { return }
    let code = errno
    // Checked after mkdir has failed, not before: another process may create the same folder in the meantime.
    switch pathKind(path) {
    case .directory: return
    case .regularFile, .other: throw .cannotWrite(path: path, reason: "it exists and is not a folder")
    case .missing: break
    }
    let parent = parentFolder(of: path)
    guard code == ENOENT, withIntermediates, parent != path, pathKind(parent) == .missing else {
        throw writingError(path, code: code)
    }
    try makeDirectory(parent, withIntermediates: true)
    guard mkdir(systemPath(path), 0o777) == 0 || pathKind(path) == .directory else {
        throw writingError(path, code: errno)
    }
}

/// The files inside `folder` whose extension is one of `extensions`, sorted by the bytes of their paths; see the
/// overload that takes a closure.
///
/// - Parameter extensions: lower case, without the dot, such as `["png", "jpg"]`; file names are matched
///   case-insensitively.
public func listFilesRecursively(
    _ folder: String, extensions: Set<String>
) throws(FileError) -> [String] {
    try listFilesRecursively(folder) { extensions.contains(pathExtension(of: $0)) }
}

/// The files inside `folder` whose names match, sorted by the bytes of their paths (names that are not UTF-8 come
/// last).
///
/// Symbolic links are followed, and each folder is visited once regardless of the links that lead to it (real paths
/// before linked ones), so a link loop terminates. Hidden entries (with a leading dot) are skipped. Dangling links are
/// listed, so that reading them reports them; FIFOs, devices and sockets are not. An entry that may be a folder but
/// cannot be reached, for example for lack of permission, is an error and not silently skipped.
///
/// - Parameters:
///   - folder: where to start; the returned paths begin with it.
///   - descends: whether the files in its subfolders are listed too.
///   - passOver: receives errors about folders inside `folder`, or entries that may be folders, whose files are then
///     not listed; nil to throw these errors.
///   - isMatch: called with the name of a file, the last component of its path.
/// - Throws: `FileError.notFound`, or `.unreadable` for a folder that cannot be listed, or if `folder` is not a folder.
public func listFilesRecursively(
    _ folder: String, descends: Bool = true, passOver: ((FileError) -> Void)? = nil,
    where isMatch: (_ name: String) -> Bool
) throws(FileError) -> [String] {
    var files: [String] = []
    var visited: Set<FileIdentity> = []
    var pending = [folder]
    var linked: [String] = []
    while let next = pending.popLast() ?? linked.popLast() {
        do throws(FileError) {
            guard pathKind(next) == .directory, let identity = FileIdentity(next) else { throw notAFolder(next) }
            guard visited.insert(identity).inserted else { continue }
            for (name, type) in try entries(of: next) {
                let path = joinPath(next, name)
                switch entryKind(at: path, type: type, matches: isMatch(name)) {
                case .folder: if descends { pending.append(path) }
                case .linkedFolder, .unreachable: if descends { linked.append(path) }
                case .matchingFile: files.append(path)
                case .ignored: break
                }
            }
        } catch {
            guard let passOver, next != folder else { throw error }
            passOver(error)
        }
        linked.sort { isBytewiseLess($1, $0) }
    }
    return files.sorted(by: isBytewiseLess)
}

/// The names of the files and folders in `folder`, sorted by their bytes.
///
/// - Parameter hiddenOnes: whether names with a leading dot are included.
/// - Throws: `FileError.notFound`, or `.unreadable` for a folder that cannot be listed.
public func listNames(in folder: String, hiddenOnes: Bool = false) throws(FileError) -> [String] {
    guard isPassableToSystem(folder) else { throw .notFound(path: folder) }
    return try entryNames(folder, hiddenOnes: hiddenOnes).sorted(by: isBytewiseLess)
}

private enum EntryKind {
    case folder, linkedFolder, matchingFile, ignored
    /// An entry that the system gives no information about, which may be a folder.
    case unreachable
}

/// How a search for files with matching names treats the entry at `path`.
///
/// - Parameter type: as returned by `readdir`, which requires no permission to enter the folder.
private func entryKind(at path: String, type: Int, matches: Bool) -> EntryKind {
    switch type {
    case Int(DT_DIR): return .folder
    case Int(DT_REG): return matches ? .matchingFile : .ignored
    case Int(DT_LNK), Int(DT_UNKNOWN): break
    default: return .ignored
    }
    switch pathKind(path) {
    case .directory: return isSymbolicLink(path) ? .linkedFolder : .folder
    case .regularFile: return matches ? .matchingFile : .ignored
    case .other: return .ignored
    // An image that cannot be reached is reported when it is read.
    case .missing: return matches ? .matchingFile : leadsNowhere(path) ? .ignored : .unreachable
    }
}

/// Whether nothing exists at `path` or at the target of its link, or the link is part of a loop: skipping it loses
/// nothing.
private func leadsNowhere(_ path: String) -> Bool {
    var status = stat()
    guard isPassableToSystem(path), stat(systemPath(path), &status) != 0 else { return false }
    return [ENOENT, ENOTDIR, ELOOP].contains(errno)
}

/// The names in a folder, in file system order; hidden ones only if requested.
private func entryNames(_ folder: String, hiddenOnes: Bool = false) throws(FileError) -> [String] {
    try entries(of: folder, hiddenOnes: hiddenOnes).map(\.name)
}

/// Like `entryNames`, with the type of each entry (`DT_DIR` and so on), links not followed; `DT_UNKNOWN` on some file
/// systems.
private func entries(of folder: String, hiddenOnes: Bool = false) throws(FileError) -> [(name: String, type: Int)] {
    guard let stream = opendir(systemPath(folder)) else { throw readingError(folder, code: errno) }
    defer { closedir(stream) }
    var entries: [(name: String, type: Int)] = []
    errno = 0
    while let entry = readdir(stream) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { name in
            name.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: name.pointee)) {
                pathFromSystem($0)
            }
        }
        let isHidden = name.utf8.first == UInt8(ascii: ".")
        if !isHidden || (hiddenOnes && name != "." && name != "..") {
            entries.append((name, Int(entry.pointee.d_type)))
        }
        errno = 0
    }
    guard errno == 0 else { throw .unreadable(path: folder, reason: systemMessage(errno)) }
    return entries
}

private func notAFolder(_ path: String) -> FileError {
    pathKind(path) == .missing ? missingError(path) : .unreadable(path: path, reason: "it is not a folder")
}

/// Swift orders strings by Unicode rules, which may change between library versions; byte order never does.
private func isBytewiseLess(_ first: String, _ second: String) -> Bool {
    first.utf8.lexicographicallyPrecedes(second.utf8)
}
