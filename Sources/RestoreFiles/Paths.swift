import Glibc

// Paths are split at bytes, not at Swift characters: a slash followed by a combining accent is one character to Swift
// but still a separator to the system.

/// The last component of a path: "b.png" for "a/b.png" and "b" for "a/b/".
public func lastPathComponent(of path: String) -> String {
    let trimmed = withoutTrailingSlashes(path[...])
    guard let slash = trimmed.utf8.lastIndex(of: slashByte), trimmed.utf8.count > 1 else {
        return String(trimmed)
    }
    return String(trimmed[trimmed.utf8.index(after: slash)...])
}

/// The folder that contains `path`: "a" for "a/b.png", "/" for "/b.png" and "." for "b.png".
public func parentFolder(of path: String) -> String {
    let trimmed = withoutTrailingSlashes(path[...])
    guard let slash = trimmed.utf8.lastIndex(of: slashByte) else { return "." }
    let parent = withoutTrailingSlashes(trimmed[..<slash])
    return parent.isEmpty ? "/" : String(parent)
}

/// The extension of the last component in lower case and without its dot: "png" for "a.b/C.PNG", and "" if there is
/// none. A leading dot marks a hidden file and does not start an extension.
public func pathExtension(of path: String) -> String {
    let name = lastPathComponent(of: path)
    guard let dot = extensionDot(in: name) else { return "" }
    return name[name.utf8.index(after: dot)...].lowercased()
}

/// `path` without the extension of its last component: "a.b/c" for "a.b/c.png".
public func removingPathExtension(_ path: String) -> String {
    let name = lastPathComponent(of: path)
    guard path.utf8.last != slashByte, let dot = extensionDot(in: name) else { return path }
    let suffixCount = name[dot...].utf8.count
    return String(path[..<path.utf8.index(path.utf8.endIndex, offsetBy: -suffixCount)])
}

/// `name` inside `folder`; an absolute `name` is returned unchanged.
public func joinPath(_ folder: String, _ name: String) -> String {
    if folder.isEmpty || name.utf8.first == slashByte { return name }
    return folder.utf8.last == slashByte ? folder + name : folder + "/" + name
}

/// The absolute path; links and ".." are kept.
public func absolutePath(_ path: String) -> String {
    guard path.utf8.first != slashByte, let folder = getcwd(nil, 0) else { return path }
    defer { free(folder) }
    return joinPath(pathFromSystem(folder), path)
}

private let slashByte = UInt8(ascii: "/")

private func extensionDot(in name: String) -> String.Index? {
    guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")), dot != name.startIndex else { return nil }
    return dot
}

private func withoutTrailingSlashes(_ path: Substring) -> Substring {
    var rest = path
    while rest.utf8.count > 1 && rest.utf8.last == slashByte {
        rest = rest[..<rest.utf8.index(before: rest.utf8.endIndex)]
    }
    return rest
}
