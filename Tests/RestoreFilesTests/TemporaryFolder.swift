import Foundation
import RestoreFiles

/// A folder of its own for a test; it is removed with everything in it when the test lets go of it.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "restore-files-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func callAsFunction(_ name: String) -> String { joinPath(path, name) }

    /// The names in the folder, hidden ones too, sorted.
    var names: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
    }

    /// Makes a file of a few bytes and the folders on its way.
    func makeFile(_ name: String, _ bytes: [UInt8] = [1, 2, 3]) throws {
        try makeDirectory(parentFolder(of: self(name)))
        try writeFileAtomically(bytes, to: self(name), overwrite: false)
    }
}
