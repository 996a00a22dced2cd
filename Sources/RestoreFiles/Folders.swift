import Glibc

/// What stands at a path, symbolic links followed.
public enum PathKind: Sendable, Equatable {
    /// Nothing that can be reached: no entry, a link that leads nowhere, or a folder on the way that is closed.
    case missing
    case regularFile
    case directory
    /// A FIFO, a device or a socket.
    case other
}

/// What stands at `path`, symbolic links followed.
public func pathKind(_ path: String) -> PathKind {
    var status = stat()
    guard isPassableToSystem(path), stat(systemPath(path), &status) == 0 else { return .missing }
    switch status.fileType {
    case S_IFREG: return .regularFile
    case S_IFDIR: return .directory
    default: return .other
    }
}

/// Why there is nothing to read at a `path` of kind `.missing`: mostly that no entry is there.
public func missingError(_ path: String) -> FileError {
    var status = stat()
    guard isPassableToSystem(path), stat(systemPath(path), &status) != 0 else { return .notFound(path: path) }
    return readingError(path, code: errno)
}

/// Whether a symbolic link stands at `path`, wherever it leads.
public func isSymbolicLink(_ path: String) -> Bool {
    var status = stat()
    return isPassableToSystem(path) && lstat(systemPath(path), &status) == 0 && status.fileType == S_IFLNK
}

/// Makes the folder `path` (permissions `0777 & ~umask`); a folder that exists already is no error.
///
/// - Parameter withIntermediates: whether the folders on the way are made as well.
/// - Throws: `FileError.cannotWrite`, also where a file is in the way.
public func makeDirectory(_ path: String, withIntermediates: Bool = true) throws(FileError) {
    guard isPassableToSystem(path) else {
        throw .cannotWrite(path: path, reason: "the path is empty or holds a NUL character")
    }
    if mkdir(systemPath(path), 0o777) == 0 { return }
    let code = errno
    // Asked after mkdir failed, not before: another process may make the same folder meanwhile.
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

/// The files below `folder` whose extension is one of `extensions`, sorted by the bytes of their paths; see the
/// overload that takes a closure.
///
/// - Parameter extensions: lower case, without the dot, such as `["png", "jpg"]`; file names are matched without regard
///   to case.
public func listFilesRecursively(
    _ folder: String, extensions: Set<String>
) throws(FileError) -> [String] {
    try listFilesRecursively(folder) { extensions.contains(pathExtension(of: $0)) }
}

/// The files below `folder` whose names match, sorted by the bytes of their paths (what is not UTF-8 comes last).
///
/// Symbolic links are followed, each folder is visited once whatever links lead to it (a real path goes before a
/// linked one), so that a loop of links ends. Hidden entries (a leading dot) are passed over. Links that lead
/// nowhere are listed, so that reading them names them; FIFOs, devices and sockets are not. What may be a folder and
/// cannot be reached, as for want of permission, is an error, not nothing.
///
/// - Parameters:
///   - folder: where to start; the paths returned begin with it.
///   - descends: whether the files in its folders are listed, too.
///   - passOver: takes what is wrong with a folder below `folder`, or with what may be one, whose files are then not
///     listed; nil to throw it.
///   - isMatch: asked with the name of a file, the last component of its path.
/// - Throws: `FileError.notFound`, or `.unreadable` for a folder that cannot be listed, and for a `folder` that is
///   no folder.
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
/// - Parameter hiddenOnes: whether names with a leading dot are among them.
/// - Throws: `FileError.notFound`, or `.unreadable` for a folder that cannot be listed.
public func listNames(in folder: String, hiddenOnes: Bool = false) throws(FileError) -> [String] {
    guard isPassableToSystem(folder) else { throw .notFound(path: folder) }
    return try entryNames(folder, hiddenOnes: hiddenOnes).sorted(by: isBytewiseLess)
}

private enum EntryKind {
    case folder, linkedFolder, matchingFile, ignored
    /// What the system does not tell of, which may be a folder.
    case unreachable
}

/// What the entry at `path` is to a search for files whose names match.
///
/// - Parameter type: as `readdir` says it, which needs no permission to enter the folder.
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
    // A picture that cannot be reached is named when it is read.
    case .missing: return matches ? .matchingFile : leadsNowhere(path) ? .ignored : .unreachable
    }
}

/// Whether nothing is there, at `path` or where its link leads, or a link leads in a circle: so nothing is passed over.
private func leadsNowhere(_ path: String) -> Bool {
    var status = stat()
    guard isPassableToSystem(path), stat(systemPath(path), &status) != 0 else { return false }
    return [ENOENT, ENOTDIR, ELOOP].contains(errno)
}

/// The names in one folder, in the order the file system gives them; hidden ones only if asked for.
private func entryNames(_ folder: String, hiddenOnes: Bool = false) throws(FileError) -> [String] {
    try entries(of: folder, hiddenOnes: hiddenOnes).map(\.name)
}

/// As `entryNames`, with what each entry is (`DT_DIR` and so on), links not followed; `DT_UNKNOWN` on some file systems.
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

/// Swift orders strings by Unicode; the byte order is the one that never changes with a library's version.
private func isBytewiseLess(_ first: String, _ second: String) -> Bool {
    first.utf8.lexicographicallyPrecedes(second.utf8)
}
