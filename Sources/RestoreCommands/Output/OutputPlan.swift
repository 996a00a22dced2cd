import RestoreFiles
import RestoreImage

/// Which file each input becomes.
struct OutputPlan: Equatable {
    struct Job: Equatable {
        let input: String
        let output: String
    }

    let jobs: [Job]

    /// Lays out the work before any is done.
    ///
    /// - Parameters:
    ///   - paths: INPUT... [OUTPUT] as typed. Two paths are input and output, unless both exist already: then nobody can
    ///     tell a second input from an output, and the second is only taken as one with `overwrite`.
    ///   - output: `--output`: a file for one input, a folder for several.
    ///   - suffix: between name and extension of outputs that are not named.
    /// - Throws: `UsageError`, or `FileError.alreadyExists` naming the output.
    init(paths: [String], output: String?, suffix: String, overwrite: Bool) throws {
        var inputs = paths
        var named: String? = output
        if named == nil, paths.count == 2 {
            if pathKind(paths[1]) == .regularFile, pathKind(paths[0]) == .regularFile, !overwrite {
                throw FileError.alreadyExists(path: paths[1])
            }
            named = inputs.removeLast()
        }
        if named == nil, paths.count > 2, let last = paths.last, pathKind(last) == .directory {
            named = inputs.removeLast()
        }
        guard !inputs.isEmpty else { throw UsageError(description: "no input was given") }
        let folder = named.flatMap { pathKind($0) == .directory || $0.hasSuffix("/") ? $0 : nil }
        if inputs.count > 1, named != nil, folder == nil {
            throw UsageError(description: "several inputs need a folder as output, which \(named ?? "") is not")
        }
        jobs = inputs.map { input in
            if let named, folder == nil { return Job(input: input, output: named) }
            let name = lastPathComponent(of: input)
            let fileExtension = name.dropFirst(removingPathExtension(name).count)
            let renamed = folder == nil ? removingPathExtension(name) + suffix + fileExtension : name
            guard let folder = folder ?? (input.contains("/") ? parentFolder(of: input) : nil) else {
                return Job(input: input, output: renamed)
            }
            return Job(input: input, output: joinPath(folder, renamed))
        }
        var seen: Set<String> = []
        for job in jobs {
            guard seen.insert(job.output).inserted else {
                throw UsageError(description: "two inputs would be written to \(job.output)")
            }
            if !overwrite, pathKind(job.output) != .missing { throw FileError.alreadyExists(path: job.output) }
        }
    }

    /// The format of an output: what its extension says, else that of the input.
    ///
    /// - Throws: `ImageError.unknownExtension`.
    static func encoding(
        for path: String, input format: ImageFormat, quality: Int?
    ) throws(ImageError) -> ImageEncoding {
        let hasExtension = !pathExtension(of: path).isEmpty
        guard let chosen = ImageFormat.forPath(path) ?? (hasExtension ? nil : format) else {
            throw .unknownExtension(path: path)
        }
        var encoding = ImageEncoding(format: chosen)
        if let quality { encoding.jpegQuality = quality }
        return encoding
    }
}
