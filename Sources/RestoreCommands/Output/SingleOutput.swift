import Glibc
import RestoreFiles
import RestoreImage

extension OutputPlan {
    /// Refuses "-" where a stream is not supported, rather than taking it for a file's name.
    static func requireName(_ path: String) throws(UsageError) {
        guard path != stream else {
            throw UsageError(description: "-: streams are not supported here; ./- names a file that is called so")
        }
    }

    /// Refuses an output that exists, unless it is a file that may be replaced.
    static func requireReplaceable(_ output: String, overwrite: Bool) throws(FileError) {
        if try isReplaceable(output), !overwrite { throw .alreadyExists(path: output) }
    }

    /// Says before the work, which may take minutes, that its result could not be written.
    static func requireFolder(_ folder: String, for output: String) throws(FileError) {
        guard pathKind(folder) == .directory else {
            throw .cannotWrite(path: output, reason: "its folder does not exist")
        }
    }

    /// Refuses to read a picture from a terminal, or write one to it.
    func requireRedirection() throws(UsageError) {
        for job in jobs {
            if job.picture == Self.stream, isatty(STDIN_FILENO) == 1 {
                throw UsageError(description: "-: stdin is a terminal, not a picture")
            }
            if job.isStreamed, isatty(STDOUT_FILENO) == 1 {
                throw UsageError(description: "-: stdout is a terminal, which shows no pictures; send it to a file")
            }
        }
    }

    /// The format of an output: the one asked for, else what its extension says, else that of the input.
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
