import Glibc
import RestoreFiles
import RestoreImage

extension OutputPlan {
    /// Rejects "-" if streams are not supported, rather than treating it as a file name.
    static func requireName(_ path: String) throws(UsageError) {
        guard path != stream else {
            throw UsageError(description: "-: streams are not supported here; use ./- for a file with this name")
        }
    }

    /// Rejects an output that exists, unless it is a file that may be replaced.
    static func requireReplaceable(_ output: String, overwrite: Bool) throws(FileError) {
        if try isReplaceable(output), !overwrite { throw .alreadyExists(path: output) }
    }

    /// Reports that the result could not be written before the work starts, since that may take minutes.
    static func requireFolder(_ folder: String, for output: String) throws(FileError) {
        guard pathKind(folder) == .directory else {
            throw .cannotWrite(path: output, reason: "its folder does not exist")
        }
    }

    /// Refuses to read an image from a terminal or write one to it.
    func requireRedirection() throws(UsageError) {
        for job in jobs {
            if job.picture == Self.stream, isatty(STDIN_FILENO) == 1 {
                throw UsageError(description: "-: stdin is a terminal, not an image")
            }
            if job.isStreamed, isatty(STDOUT_FILENO) == 1 {
                throw UsageError(description: "-: stdout is a terminal; redirect it to a file")
            }
        }
    }

    /// The output format: the requested one, or else the one given by the extension, or else that of the input.
    ///
    /// - Throws: `ImageError.unknownExtension`.
    static func encoding(
        for path: String, format: ImageFormat?, input inputFormat: ImageFormat, quality: Int?
    ) throws(ImageError) -> ImageEncoding {
        let hasExtension = !pathExtension(of: path).isEmpty
        guard let chosen = format ?? ImageFormat.forPath(path) ?? (hasExtension ? nil : inputFormat) else {
            throw .unknownExtension(path: path)
        }
        var encoding = ImageEncoding(format: chosen)
        if let quality { encoding.jpegQuality = quality }
        return encoding
    }
}
