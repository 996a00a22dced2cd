import CExtendedAttributes
import Glibc

/// What a file has besides its contents: who may do what with it, and what users and programs have noted about it.
struct FileAttributes {
    let owner: uid_t
    let group: gid_t
    /// Permissions as the system reports them: of a file with an access control list, those of the group are its mask.
    let mode: mode_t
    let modified: timespec
    /// Nil if the permissions say everything.
    let accessList: AccessControlList?
    /// Extended attributes of the namespace `user`, such as tags and ratings, by their names.
    let notes: [(name: String, value: [UInt8])]

    /// Nil if the file cannot be reached; symbolic links are followed.
    init?(_ path: String) {
        var status = stat()
        guard isPassableToSystem(path), stat(systemPath(path), &status) == 0 else { return nil }
        (owner, group, mode, modified) = (status.st_uid, status.st_gid, status.st_mode & 0o777, status.st_mtim)
        accessList = extendedAttribute(AccessControlList.attribute, of: path).map { AccessControlList(bytes: $0) }
        notes = extendedAttributeNames(of: path).filter { $0.hasPrefix("user.") }.compactMap { name in
            extendedAttribute(name, of: path).map { (name, $0) }
        }
    }

    /// The permissions without the access control list: what named users and groups may do is nobody else's right.
    var plainMode: mode_t {
        guard let accessList else { return mode }
        return mode & 0o707 | accessList.groupPermissions << 3
    }

    /// Permissions of a new file that is made of this one: its owner may read and write it, and group and others may
    /// not do more than with this one.
    var modeOfProduct: mode_t { 0o600 | plainMode & 0o066 }

    /// Permissions for a file of another group: what its members may do with this one as others.
    static func withoutGroup(_ mode: mode_t) -> mode_t { mode & (0o707 | (mode & 0o007) << 3) }

    /// Gives all of this to an open file, which nobody else may have been able to open before.
    ///
    /// - Returns: 0, or the `errno` of what could not be kept.
    func apply(to descriptor: Int32) -> Int32 {
        var mode = mode
        if !keepOwner(of: descriptor) {
            // The members of this other group have no rights but those of others.
            mode = Self.withoutGroup(plainMode)
            return applyPermissions(mode, nil, to: descriptor) ?? applyNotes(to: descriptor)
        }
        if let code = applyPermissions(mode, accessList, to: descriptor) { return code }
        return applyNotes(to: descriptor)
    }

    /// Returns whether the file has the group of this one; the owner may be another one, if the system insists.
    private func keepOwner(of descriptor: Int32) -> Bool {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return false }
        if status.st_uid == owner, status.st_gid == group { return true }
        return fchown(descriptor, owner, group) == 0 || fchown(descriptor, uid_t.max, group) == 0
    }

    /// Returns nil, or the `errno` of a failure.
    private func applyPermissions(_ mode: mode_t, _ list: AccessControlList?, to descriptor: Int32) -> Int32? {
        // The folder may have given the new file a list of its own.
        _ = fremovexattr(descriptor, AccessControlList.attribute)
        if let list {
            let code = list.bytes.withUnsafeBytes {
                fsetxattr(descriptor, AccessControlList.attribute, $0.baseAddress, $0.count, 0)
            }
            if code == 0 { return nil }
        }
        // The umask may have removed permissions. EPERM: the file system has none of its own.
        return fchmod(descriptor, list == nil ? mode : plainMode) == 0 || errno == EPERM ? nil : errno
    }

    private func applyNotes(to descriptor: Int32) -> Int32 {
        for note in notes {
            let code = note.value.withUnsafeBytes { fsetxattr(descriptor, note.name, $0.baseAddress, $0.count, 0) }
            if code != 0 { return errno }
        }
        return 0
    }
}

/// A POSIX access control list in the system's form (linux/posix_acl_xattr.h): a version, then entries of a tag (2
/// bytes), permissions (2 bytes) and an ID (4 bytes), all little-endian.
struct AccessControlList {
    /// The name of the extended attribute.
    static let attribute = "system.posix_acl_access"

    let bytes: [UInt8]

    private static let owningGroupTag = 0x04
    private static let maskTag = 0x10

    /// What the owning group may do, 0…7; 0 if the list cannot be read.
    var groupPermissions: mode_t {
        guard let group = permissions(of: Self.owningGroupTag) else { return 0 }
        return group & (permissions(of: Self.maskTag) ?? 7)
    }

    private func permissions(of tag: Int) -> mode_t? {
        stride(from: 4, through: bytes.count - 8, by: 8).first {
            Int(bytes[$0]) | Int(bytes[$0 + 1]) << 8 == tag
        }.map { mode_t(bytes[$0 + 2] & 7) }
    }
}

/// The value of an attribute; nil if there is none or it cannot be read.
private func extendedAttribute(_ name: String, of path: String) -> [UInt8]? {
    filled { getxattr(systemPath(path), name, $0.baseAddress, $0.count) }
}

/// Names that are not UTF-8 are left out.
private func extendedAttributeNames(of path: String) -> [String] {
    let list = filled { listxattr(systemPath(path), $0.baseAddress, $0.count) } ?? []
    return list.split(separator: 0).compactMap { String(validating: $0, as: UTF8.self) }
}

/// What a system call writes to a buffer that is as large as it asks for; nil if it fails. The size may change in
/// between.
private func filled(_ call: (UnsafeMutableRawBufferPointer) -> Int) -> [UInt8]? {
    for _ in 0..<10 {
        let size = call(UnsafeMutableRawBufferPointer(start: nil, count: 0))
        guard size >= 0 else { return nil }
        if size == 0 { return [] }
        var bytes = [UInt8](repeating: 0, count: size)
        let count = bytes.withUnsafeMutableBytes { call($0) }
        if count >= 0 { return Array(bytes[..<count]) }
        guard errno == ERANGE else { return nil }
    }
    return nil
}
