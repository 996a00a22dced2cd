import ArgumentParser
import RestoreFiles
import RestoreImage

struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Measures a model on pictures.",
        subcommands: Tasks.all.map { $0.evaluateCommand })
}

/// Files with pictures in folders, or the files themselves.
///
/// - Throws: `FileError` for a path that is not there, or a folder without pictures.
func pictureFiles(below paths: [String]) throws(FileError) -> [String] {
    var files: [String] = []
    for path in paths {
        switch pathKind(path) {
        case .missing: throw missingError(path)
        case .directory:
            let found = try listFilesRecursively(path, extensions: ImageFormat.allFileExtensions)
            guard !found.isEmpty else { throw .unreadable(path: path, reason: "it holds no PNG or JPEG file") }
            files += found
        default: files.append(path)
        }
    }
    return files
}
