import RestoreFiles
import RestoreImage

/// Which file each input becomes.
struct OutputPlan: Equatable {
    struct Job: Equatable {
        let input: String
        let output: String
    }

    let jobs: [Job]

    /// What was typed.
    struct Request: Equatable {
        /// Given with `--input`.
        var inputs: [String] = []
        /// INPUT... [OUTPUT], or just [OUTPUT] where there is an `--input`.
        var paths: [String] = []
        /// Given with `--output`: a file for one input, a folder for several.
        var output: String?
        /// Decides the extension of outputs that are not named.
        var format: ImageFormat?
        /// Between name and extension of outputs that are not named.
        var suffix: String
        var overwrite: Bool
    }

    /// Lays out the work before any is done.
    ///
    /// - Throws: `UsageError`, `FileError.notFound` for a single input that is not there, `.alreadyExists` naming the
    ///   output, or `.cannotWrite` where it is a folder, or its own folder is not there.
    init(_ request: Request) throws {
        for path in request.inputs + request.paths { try Self.requireName(path) }
        if let output = request.output { try Self.requireName(output) }
        let (inputs, output) = try Self.split(request)
        guard !inputs.isEmpty else { throw UsageError(description: "no input was given") }
        let folder = output.flatMap { pathKind($0) == .directory || $0.hasSuffix("/") ? $0 : nil }
        if inputs.count > 1, let output, folder == nil {
            throw UsageError(description: "\(output): is no folder, which several inputs need as output")
        }
        jobs = inputs.map { input in
            if let output, folder == nil { return Job(input: input, output: output) }
            return Job(input: input, output: Self.defaultOutput(for: input, folder: folder, request))
        }
        // Of several inputs those that are there are done; of one nothing is left to do.
        if jobs.count == 1, pathKind(jobs[0].input) == .missing { throw FileError.notFound(path: jobs[0].input) }
        if let output { try Self.requireFolder(folder ?? parentFolder(of: output), for: output) }
        let read = Set(inputs)
        var seen: Set<String> = []
        for job in jobs {
            guard seen.insert(job.output).inserted else {
                throw UsageError(description: "\(job.output): two inputs would be written to it")
            }
            guard job.input == job.output || !read.contains(job.output) else {
                throw UsageError(description: "\(job.output): an input, and the output of \(job.input)")
            }
            try Self.requireReplaceable(job.output, overwrite: request.overwrite)
        }
    }

    /// Refuses "-", which means a stream to other programs, rather than taking it for a file's name.
    static func requireName(_ path: String) throws(UsageError) {
        guard path != "-" else {
            throw UsageError(description: "-: streams are not supported; ./- names a file that is called so")
        }
    }

    /// Refuses an output that exists, unless it is a file that may be replaced.
    static func requireReplaceable(_ output: String, overwrite: Bool) throws(FileError) {
        switch pathKind(output) {
        case .missing: return
        case .regularFile:
            if !overwrite { throw .alreadyExists(path: output) }
        case .directory, .other:
            throw .cannotWrite(path: output, reason: "it exists and is not a regular file")
        }
    }

    /// Says before the work, which may take minutes, that its result could not be written.
    static func requireFolder(_ folder: String, for output: String) throws(FileError) {
        guard pathKind(folder) == .directory else {
            throw .cannotWrite(path: output, reason: "its folder does not exist")
        }
    }

    /// Tells the inputs from the output.
    ///
    /// Two paths are input and output. Where both are files already nobody can tell a second input from an output, as
    /// when a pattern of the shell matched two pictures; the second is taken as output only with `--overwrite`. Of more
    /// paths the last is the output if it is a folder.
    private static func split(_ request: Request) throws(FileError) -> (inputs: [String], output: String?) {
        let paths = request.paths
        let all = request.inputs + paths
        if let output = request.output { return (all, output) }
        guard let last = paths.last, all.count > 1 else { return (all, nil) }
        let isPair = all.count == 2
        if isPair, request.inputs.isEmpty, !request.overwrite, all.allSatisfy({ pathKind($0) == .regularFile }) {
            throw .alreadyExists(path: last)
        }
        return isPair || pathKind(last) == .directory ? (all.dropLast(), last) : (all, nil)
    }

    private static func defaultOutput(for input: String, folder: String?, _ request: Request) -> String {
        let name = lastPathComponent(of: input)
        let stem = removingPathExtension(name)
        let ending = request.format.map { "." + $0.fileExtensions[0] } ?? String(name.dropFirst(stem.count))
        if let folder { return joinPath(folder, stem + ending) }
        let renamed = stem + request.suffix + ending
        return input.contains("/") ? joinPath(parentFolder(of: input), renamed) : renamed
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
