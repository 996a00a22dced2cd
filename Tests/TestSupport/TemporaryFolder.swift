import Foundation
import Glibc
import RestoreFiles

/// A folder of its own for a test; it is removed with everything in it when the test lets go of it.
package final class TemporaryFolder: Sendable {
    package let path: String

    package init() throws {
        path = NSTemporaryDirectory() + "restore-test-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The path of `name` in the folder.
    package func callAsFunction(_ name: String) -> String { joinPath(path, name) }

    /// The paths below the folder, relative to it, hidden ones too, sorted.
    package var names: [String] {
        get throws { try FileManager.default.subpathsOfDirectory(atPath: path).sorted() }
    }

    /// Writes a file and makes the folders on its way.
    ///
    /// - Returns: its path.
    @discardableResult
    package func write(_ bytes: [UInt8], _ name: String) throws -> String {
        try makeDirectory(parentFolder(of: self(name)))
        try writeFileAtomically(bytes, to: self(name), overwrite: true)
        return self(name)
    }

    /// Makes folders of one name, each in the one before, whose paths may be longer than the system takes. To be removed by
    /// `removeDeepFolders`.
    package func makeDeepFolders(named name: String, count: Int) {
        var place = open(path, O_RDONLY | O_DIRECTORY)
        for _ in 0..<count {
            mkdirat(place, name, 0o777)
            enter(name, from: &place)
        }
        close(place)
    }

    /// Removes what `makeDeepFolders` has made, for which Foundation's paths are too short.
    package func removeDeepFolders(named name: String, count: Int) {
        var place = open(path, O_RDONLY | O_DIRECTORY)
        for _ in 1..<count { enter(name, from: &place) }
        for _ in 0..<count {
            unlinkat(place, name, AT_REMOVEDIR)
            enter("..", from: &place)
        }
        close(place)
    }

    private func enter(_ name: String, from place: inout Int32) {
        let next = openat(place, name, O_RDONLY | O_DIRECTORY)
        close(place)
        place = next
    }

    /// Makes a folder in it.
    ///
    /// - Returns: its path.
    @discardableResult
    package func makeFolder(_ name: String) throws -> String {
        try makeDirectory(self(name))
        return self(name)
    }
}
