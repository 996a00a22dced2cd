import Glibc
import RestoreFiles
import RestoreImage

/// Which file each input becomes.
struct OutputPlan: Equatable {
    struct Job: Equatable {
        let input: String
        let output: String
    }

    /// What is to be done, in order.
    private(set) var jobs: [Job]
    /// What is not, because the output exists and `skipsExisting` was asked for.
    private(set) var existing: [Job] = []
    /// Folders that cannot be listed or hold no picture, while other inputs are there.
    let failures: [FileError]
    /// Files in folders that are results of an earlier run.
    private(set) var passedOver: Int
    /// Whether there are several inputs or a folder: one that fails does not stop the others.
    let isBatch: Bool

    /// What was typed.
    struct Request: Equatable {
        /// Given with `--input`.
        var inputs: [String] = []
        /// INPUT... [OUTPUT], or just [OUTPUT] where there is an `--input`.
        var paths: [String] = []
        /// Given with `--output`: a file for one input, a folder for several or for a folder.
        var output: String?
        /// Decides the extension of outputs that are not named.
        var format: ImageFormat?
        /// Between name and extension of outputs that are not named, if it was given.
        var suffix: String?
        var defaultSuffix: String
        var overwrite: Bool
        var skipsExisting = false
        /// Whether folders below folders are entered.
        var recursive = false
    }

    /// What stands for stdin and stdout.
    static let stream = "-"

    /// Whether an input is a folder; `-` is none, even where one is called so.
    static func isFolder(_ input: String) -> Bool { input != stream && pathKind(input) == .directory }

    /// Lays out the work before any is done.
    ///
    /// - Throws: `UsageError`, `FileError.notFound` for a single input that is not there, `.unreadable` for a single folder
    ///   without pictures, `ExistingOutputs`, or `.cannotWrite` where an output is a folder or its own folder cannot be there.
    init(_ request: Request) throws {
        let (inputs, output) = try Self.split(request)
        try Self.checkStreams(inputs: inputs, output: output)
        isBatch = inputs.count > 1 || inputs.contains { Self.isFolder($0) }
        let folder = try Self.folder(output, for: inputs, isBatch: isBatch, request)
        if let suffix = request.suffix { try Self.check(suffix: suffix, inputs: inputs, output: output) }
        guard folder == nil || inputs != [Self.stream] else {
            throw UsageError(description: "-: what is read from stdin has no name; its output needs one")
        }
        let found = try BatchInputs(
            inputs, suffix: request.suffix ?? request.defaultSuffix, recursive: request.recursive, outputFolder: folder)
        (failures, passedOver) = (found.failures, found.passedOver)
        jobs = found.files.map { file in
            if let output, folder == nil { return Job(input: file.path, output: output) }
            return Job(input: file.path, output: Self.defaultOutput(for: file, folder: folder, request))
        }
        // Of several inputs those that are there are done; of one nothing is left to do.
        if !isBatch, let job = jobs.first, job.input != Self.stream, pathKind(job.input) == .missing {
            throw missingError(job.input)
        }
        if let output, output != Self.stream {
            if folder == nil { try Self.requireFolder(parentFolder(of: output), for: output) }
            if let reason = obstacle(toWriting: folder.map { joinPath($0, "picture") } ?? output) {
                throw FileError.cannotWrite(path: output, reason: reason)
            }
        }
        if request.skipsExisting { passOverOwnResults() }
        try requireDistinctFiles()
        try separateExisting(request)
    }

    // MARK: What was meant

    /// Tells the inputs from the output.
    ///
    /// Two paths are input and output. Where both are files already nobody can tell a second input from an output, as
    /// when a pattern of the shell matched two pictures; the second is taken as output only with `--overwrite`. Of more
    /// paths the last is the output if it is a folder. Beside `--input` a file that is there may be meant as either.
    private static func split(_ request: Request) throws -> (inputs: [String], output: String?) {
        let paths = request.paths
        let all = request.inputs + paths
        if let output = request.output { return (all, output) }
        guard let last = paths.last, all.count > 1 else { return (all, nil) }
        let isFile = last != stream && pathKind(last) == .regularFile
        guard request.inputs.isEmpty || !isFile else {
            throw UsageError(
                description: "\(last): an input or the output? Beside --input say --input or --output for it, too")
        }
        let isPair = all.count == 2
        if isPair, !request.overwrite, isFile, all[0] != stream, pathKind(all[0]) == .regularFile {
            if FileIdentity(all[0]) == FileIdentity(last) { throw FileError.alreadyExists(path: last) }
            throw AmbiguousPair(path: last)
        }
        let isOutput = isPair || last == stream || pathKind(last) == .directory
        return isOutput ? (all.dropLast(), last) : (all, nil)
    }

    private static func checkStreams(inputs: [String], output: String?) throws(UsageError) {
        guard !inputs.isEmpty else { throw UsageError(description: "no input was given") }
        if inputs.contains(stream) {
            guard inputs.count == 1 else {
                throw UsageError(description: "-: stdin is one picture, and no other input")
            }
            guard output != nil else {
                throw UsageError(description: "-: what is read from stdin needs an output: a file, or - for stdout")
            }
        }
        if output == stream, inputs.count > 1 || isFolder(inputs[0]) {
            throw UsageError(description: "-: stdout takes one picture; several inputs need a folder as output")
        }
    }

    /// The folder that outputs go to; nil where the output is a file, or each stands beside its input.
    ///
    /// What is not there yet is a folder for several inputs, and for one where `--output` gives it no extension: a pattern of
    /// the shell may match a single picture.
    private static func folder(
        _ output: String?, for inputs: [String], isBatch: Bool, _ request: Request
    ) throws(UsageError) -> String? {
        // An empty name, as of a variable that is not set, is not the current folder.
        guard let output, output != stream, !output.isEmpty else { return nil }
        let kind = pathKind(output)
        if kind == .directory || output.utf8.last == UInt8(ascii: "/") { return output }
        let isMissing = kind == .missing && !isSymbolicLink(output)
        guard isBatch else {
            // What is read from stdin can only go to a file.
            let mayBeFolder = isMissing && pathExtension(of: output).isEmpty && inputs != [stream]
            guard mayBeFolder, request.format == nil else { return nil }
            guard request.output == nil else { return output }
            throw UsageError(
                description: """
                    \(output): a file or a folder? The name of a file ends in .png or .jpg; --output \(output) is a folder
                    """)
        }
        // Who writes the name of a picture means one.
        guard isMissing, ImageFormat.forPath(output) == nil else {
            let reason = inputs.count == 1 ? "which \(inputs[0]), a folder, needs" : "which several inputs need"
            throw UsageError(description: "\(output): is no folder, \(reason) as output")
        }
        return output
    }

    /// Refuses a suffix that would do nothing: in folders it also tells what results of an earlier run are.
    private static func check(suffix: String, inputs: [String], output: String?) throws(UsageError) {
        guard !suffix.utf8.contains(UInt8(ascii: "/")), !suffix.utf8.contains(0) else {
            throw UsageError(description: "--suffix \(suffix): is no part of a file's name")
        }
        guard output == nil || inputs.contains(where: { isFolder($0) }) else {
            throw UsageError(description: "--suffix is for outputs that are not named, and excludes --output for files")
        }
    }

    private static func defaultOutput(
        for file: BatchInputs.File, folder: String?, _ request: Request
    ) -> String {
        let name = lastPathComponent(of: file.path)
        let stem = removingPathExtension(name)
        // By bytes: with some letters a dot makes one character.
        let dot = name.utf8.index(name.startIndex, offsetBy: stem.utf8.count)
        let ending = request.format.map { "." + $0.fileExtensions[0] } ?? String(name[dot...])
        if let folder { return joinPath(folder, removingPathExtension(file.relativePath) + ending) }
        let renamed = stem + (request.suffix ?? request.defaultSuffix) + ending
        return file.path.utf8.contains(UInt8(ascii: "/"))
            ? joinPath(parentFolder(of: file.path), renamed) : renamed
    }

    // MARK: What stands in each other's way

    /// Leaves out inputs that are the finished outputs of others, as when a pattern of the shell matches both.
    private mutating func passOverOwnResults() {
        var makers: [FileIdentity: String] = [:]
        for job in jobs {
            if let made = FileIdentity(job.output), made != FileIdentity(job.input) { makers[made] = job.input }
        }
        let own = jobs.filter { job in FileIdentity(job.input).map { makers[$0] == nil } ?? true }
        passedOver += jobs.count - own.count
        jobs = own
    }

    /// Refuses two inputs with one output, and an output that is another's input: one of them would be lost.
    private func requireDistinctFiles() throws(UsageError) {
        var places = CanonicalPlaces()
        var readers: [FileIdentity: String] = [:]
        // By bytes: to Swift, texts are equal whose accents are composed in other ways.
        var readPlaces: [[UInt8]: String] = [:]
        for job in jobs where job.input != Self.stream {
            if let identity = FileIdentity(job.input) { readers[identity] = job.input }
            readPlaces[Array(places.place(of: job.input).utf8)] = job.input
        }
        var writers: [[UInt8]: String] = [:]
        for job in jobs where job.output != Self.stream {
            // A link that leads somewhere is written through.
            let identity = FileIdentity(job.output)
            let place = Array((identity == nil ? places.place(of: job.output) : canonicalPath(job.output)).utf8)
            if let other = writers.updateValue(job.input, forKey: place) {
                throw UsageError(
                    description: "\(job.output): two inputs would be written to it, \(other) and \(job.input)")
            }
            if identity != nil, identity == FileIdentity(job.input) { continue }
            if let reader = identity.flatMap({ readers[$0] }) ?? readPlaces[place], reader != job.input {
                let name = reader == job.output ? "" : ", as \(reader)"
                throw UsageError(description: "\(job.output): an input\(name), and the output of \(job.input)")
            }
        }
        try requireDistinctInputs()
    }

    /// Refuses inputs of which one lies in another, whose pictures would be done twice.
    private func requireDistinctInputs() throws(UsageError) {
        var places = CanonicalPlaces()
        var known: Set<[UInt8]> = []
        for job in jobs where job.input != Self.stream {
            guard known.insert(Array(places.place(of: job.input).utf8)).inserted else {
                throw UsageError(description: "\(job.input): an input twice; does one of the inputs lie in another?")
            }
        }
    }

    private mutating func separateExisting(_ request: Request) throws {
        var found: [String] = []
        var left: [Job] = []
        for job in jobs {
            let exists = try job.output == Self.stream ? false : Self.isReplaceable(job.output)
            if !exists || request.overwrite {
                left.append(job)
            } else {
                found.append(job.output)
                existing.append(job)
            }
        }
        jobs = left
        guard found.isEmpty || request.skipsExisting else {
            existing = []
            if found.count == 1, !isBatch { throw FileError.alreadyExists(path: found[0]) }
            throw ExistingOutputs(paths: found, outputCount: found.count + left.count)
        }
    }

    /// Whether a file that may be replaced stands there.
    ///
    /// - Throws: `FileError.cannotWrite` where something else does.
    static func isReplaceable(_ output: String) throws(FileError) -> Bool {
        switch pathKind(output) {
        case .missing:
            if isSymbolicLink(output) { throw brokenLinkError(output) }
            return false
        case .regularFile: return true
        case .directory: throw .cannotWrite(path: output, reason: "it exists and is not a regular file")
        case .other:
            throw .cannotWrite(
                path: output, reason: "it exists and is not a regular file; - writes to standard output")
        }
    }
}

/// `canonicalPath` of files in few folders, each of which is looked up once.
private struct CanonicalPlaces {
    private var folders: [[UInt8]: String] = [:]

    /// Where the entry itself lies: a link in the last place is not followed.
    mutating func place(of path: String) -> String {
        let parent = parentFolder(of: path)
        let key = Array(parent.utf8)
        let folder = folders[key] ?? canonicalPath(parent)
        folders[key] = folder
        return joinPath(folder, lastPathComponent(of: path))
    }
}
