import CExtendedAttributes
import Glibc
import RestoreFiles
import TestSupport
import Testing

/// Who may do what with a file that is replaced, or made of another one. Access control lists need a file system that has
/// them.
@Suite struct FileAttributeTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try folder.write([1], "a")
    }

    /// An access control list (linux/posix_acl_xattr.h) for the owner, one user, the group, others.
    private func accessList(owner: UInt8, user: UInt8, group: UInt8, mask: UInt8, others: UInt8) -> [UInt8] {
        let entries: [(tag: UInt8, permissions: UInt8, id: [UInt8])] = [
            (0x01, owner, [0xFF, 0xFF, 0xFF, 0xFF]), (0x02, user, [1, 0, 0, 0]),
            (0x04, group, [0xFF, 0xFF, 0xFF, 0xFF]),
            (0x10, mask, [0xFF, 0xFF, 0xFF, 0xFF]), (0x20, others, [0xFF, 0xFF, 0xFF, 0xFF]),
        ]
        return [2, 0, 0, 0] + entries.flatMap { [$0.tag, 0, $0.permissions, 0] + $0.id }
    }

    private static let access = "system.posix_acl_access"
    private static let inherited = "system.posix_acl_default"

    /// Returns false where the file system has no such attributes.
    private func set(_ value: [UInt8], _ name: String, of file: String) throws -> Bool {
        let code = setxattr(folder(file), name, value, value.count, 0)
        if code != 0 { try #require(errno == ENOTSUP || errno == EPERM, "\(errno)") }
        return code == 0
    }

    private func value(_ name: String, of file: String) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 1000)
        let count = getxattr(folder(file), name, &bytes, bytes.count)
        return count < 0 ? nil : Array(bytes[..<count])
    }

    private func status(_ file: String) throws -> stat {
        var status = stat()
        try #require(stat(folder(file), &status) == 0)
        return status
    }

    private func mode(_ file: String) throws -> mode_t { try status(file).st_mode & 0o777 }

    private func replace(_ file: String, madeOf source: FileSource? = nil) throws {
        try writeFileAtomically([9], to: folder(file), overwrite: true, madeOf: source)
        #expect(try readFile(folder(file)) == [9])
    }

    @Test func userAttributesAreKept() throws {
        let notes: [(String, [UInt8])] = [
            ("user.xdg.tags", Array("holiday".utf8)), ("user.baloo.rating", [56]), ("user.empty", []),
            ("user.long", [UInt8](repeating: 7, count: 900)),
        ]
        for (name, note) in notes where try !set(note, name, of: "a") { return }
        try replace("a", madeOf: FileSource(folder("a")))
        for (name, note) in notes { #expect(value(name, of: "a") == note, "\(name)") }
        // A new file is another one.
        try writeFileAtomically([9], to: folder("b"), overwrite: true, madeOf: FileSource(folder("a")))
        #expect(value("user.xdg.tags", of: "b") == nil)
    }

    @Test func theAccessControlListIsKept() throws {
        let list = accessList(owner: 6, user: 4, group: 0, mask: 4, others: 0)
        guard try set(list, Self.access, of: "a") else { return }
        try replace("a", madeOf: FileSource(folder("a")))
        #expect(value(Self.access, of: "a") == list)
        #expect(try mode("a") == 0o640)
    }

    /// The folder's list for new files adds nobody to a file that is replaced.
    @Test func aFileWithoutListGetsNone() throws {
        let list = accessList(owner: 7, user: 7, group: 7, mask: 7, others: 5)
        try folder.write([1], "in/a")
        chmod(folder("in/a"), 0o664)
        guard try set(list, Self.inherited, of: "in") else { return }
        try replace("in/a")
        #expect(value(Self.access, of: "in/a") == nil)
        #expect(try mode("in/a") == 0o664)
    }

    /// Where the system reports the mask, what counts is the permissions of the group.
    @Test(arguments: [(0, 4, 0o600), (4, 4, 0o640), (6, 4, 0o640), (4, 0, 0o600)])
    func theMaskIsNoRightOfTheGroup(group: UInt8, mask: UInt8, expected: mode_t) throws {
        let before = umask(0o022)
        defer { umask(before) }
        guard try set(accessList(owner: 6, user: 4, group: group, mask: mask, others: 0), Self.access, of: "a") else {
            return
        }
        try writeFileAtomically([9], to: folder("b"), overwrite: false, madeOf: FileSource(folder("a")))
        #expect(try mode("b") == expected)
        #expect(value(Self.access, of: "b") == nil)
    }

    // MARK: Owners, for whom only root may act

    @Test(.enabled(if: geteuid() == 0)) func theOwnerIsKept() throws {
        try #require(chown(folder("a"), 12, 34) == 0)
        chmod(folder("a"), 0o640)
        try replace("a", madeOf: FileSource(folder("a")))
        let status = try status("a")
        #expect(status.st_uid == 12 && status.st_gid == 34 && status.st_mode & 0o777 == 0o640)
    }

    /// The group of a new file is another one, whose members have no rights on the source.
    @Test(.enabled(if: geteuid() == 0)) func anotherGroupGetsTheRightsOfOthers() throws {
        let before = umask(0)
        defer { umask(before) }
        try #require(chown(folder("a"), 12, 34) == 0)
        for (source, expected) in [(0o640, 0o600), (0o664, 0o644), (0o644, 0o644), (0o604, 0o604)] as [(mode_t, mode_t)]
        {
            chmod(folder("a"), source)
            try writeFileAtomically([9], to: folder("\(source)"), overwrite: false, madeOf: FileSource(folder("a")))
            #expect(try mode("\(source)") == expected, "\(source)")
        }
    }

    // MARK: Times

    @Test func theModificationTimeIsKeptOnRequest() throws {
        let times = [timespec(tv_sec: 1_000_000_000, tv_nsec: 0), timespec(tv_sec: 981_173_106, tv_nsec: 123_456_789)]
        try #require(utimensat(AT_FDCWD, folder("a"), times, 0) == 0)
        try writeFileAtomically(
            [9], to: folder("b"), overwrite: false, madeOf: FileSource(folder("a"), keepsTime: true))
        try writeFileAtomically([9], to: folder("c"), overwrite: false, madeOf: FileSource(folder("a")))
        try replace("a", madeOf: FileSource(folder("a"), keepsTime: true))
        for name in ["a", "b"] {
            let time = try status(name).st_mtim
            #expect(time.tv_sec == 981_173_106 && time.tv_nsec == 123_456_789, "\(name)")
        }
        #expect(try status("c").st_mtim.tv_sec > 1_500_000_000)
    }
}
