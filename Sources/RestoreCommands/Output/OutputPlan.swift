import Glibc
import RestoreFiles
import RestoreImage

/// Maps each picture to its output files.
package struct OutputPlan: Equatable {
    /// The work to do, in order.
    private(set) var jobs: [PictureJob]
    /// Inputs skipped because all outputs exist and `skipsExisting` was requested.
    private(set) var existing: [PictureJob] = []
    /// Folders that cannot be listed or contain no images, if there are other inputs.
    let failures: [FileError]
    /// The folder for all outputs, if there is one.
    let folder: String?
    /// What is unusual about the names of outputs, one line each.
    private(set) var remarks: [String] = []
    /// Lines about files in folders that are images of unsupported formats.
    let unsupported: [String]
    /// Number of files in folders that are results of an earlier run.
    private(set) var passedOver: Int
    /// Whether there are several inputs or a folder, in which case a failure does not stop the others.
    let hasSeveralInputs: Bool

    /// Where the inputs of another role are.
    package struct CompanionSource: Equatable {
        let role: InputRole
        /// A file, which belongs to every picture, or a folder with one file per picture, of the same relative path.
        let path: String

        package init(role: InputRole, path: String) {
            (self.role, self.path) = (role, path)
        }
    }

    /// The user's request.
    struct Request: Equatable {
        /// Given with `--input`.
        var inputs: [String] = []
        /// INPUT... [OUTPUT], or just [OUTPUT] if there is an `--input`.
        var paths: [String] = []
        /// Given with `--output`: a file for a single input, a folder for several or for a folder.
        var output: String?
        /// Determines the extension of outputs without explicit names.
        var format: ImageFormat?
        /// Inserted between the name and extension of outputs without explicit names, if given.
        var suffix: String?
        var defaultSuffix: String
        /// Inputs besides the pictures.
        var companions: [CompanionSource] = []
        /// Results of each picture; several are numbered.
        var versionCount = 1
        var overwrite: Bool
        var skipsExisting = false
        /// Whether subfolders are included.
        var recursive = false
    }

    /// Denotes stdin and stdout.
    static let stream = "-"

    /// Whether an input is a folder. `-` never is, even if a folder has that name.
    static func isFolder(_ input: String) -> Bool { input != stream && pathKind(input) == .directory }

    /// Plans all work before any of it starts.
    ///
    /// - Throws: `UsageError`, `FileError.notFound` for a single input that does not exist, `.unreadable` for a single
    ///   folder without images, `ExistingOutputs`, or `.cannotWrite` if an output is a folder or its own folder cannot
    ///   be created.
    init(_ request: Request) throws {
        let (inputs, output) = try Self.split(request)
        try Self.checkStreams(inputs: inputs, output: output)
        hasSeveralInputs = inputs.count > 1 || inputs.contains { Self.isFolder($0) }
        folder = try Self.folder(output, for: inputs, hasSeveralInputs: hasSeveralInputs, request)
        if let suffix = request.suffix { try Self.check(suffix: suffix, inputs: inputs, output: output) }
        guard folder == nil || inputs != [Self.stream] else {
            throw UsageError(description: "-: input from stdin has no name; specify an output")
        }
        guard output != Self.stream || request.versionCount == 1 else {
            throw UsageError(description: "-: stdout takes one picture, not \(request.versionCount) versions of it")
        }
        for source in request.companions where pathKind(source.path) == .missing { throw missingError(source.path) }
        let found = try PictureInputs(
            inputs, suffix: request.suffix ?? request.defaultSuffix, recursive: request.recursive, outputFolder: folder)
        (failures, passedOver) = (found.failures, found.passedOver)
        unsupported = found.unsupported.map(\.description)
        jobs = []
        for file in found.files {
            let result = (folder == nil ? output : nil) ?? defaultOutput(for: file, request)
            jobs.append(
                PictureJob(
                    picture: file.path, companions: request.companions.map { Self.companion(of: file, from: $0) },
                    outputs: numberedOutputs(result, count: request.versionCount)))
        }
        // With several inputs, the missing ones are reported later; with a single one, there is nothing left to do.
        if !hasSeveralInputs, let job = jobs.first {
            for input in job.inputs where input.path != Self.stream && pathKind(input.path) == .missing {
                throw missingError(input.path)
            }
        }
        if let output, output != Self.stream {
            if folder == nil { try Self.requireFolder(parentFolder(of: output), for: output) }
            if let reason = obstacle(toWriting: folder.map { joinPath($0, "picture") } ?? output) {
                throw FileError.cannotWrite(path: output, reason: reason)
            }
        }
        if request.format == nil { try requireFormatsOfReplacedFiles() }
        if request.skipsExisting { passOverOwnResults() }
        try requireDistinctFiles()
        try separateExisting(request)
    }

    // MARK: Interpreting the arguments

    /// Separates the inputs from the output.
    ///
    /// Two paths are an input and an output. If both exist as files, a second input cannot be told from an output, as
    /// when a shell pattern matched two images; the second is then taken as the output only with `--overwrite`. With
    /// more paths, the last is the output if it is a folder. With `--input`, an existing file may be either.
    private static func split(_ request: Request) throws -> (inputs: [String], output: String?) {
        let paths = request.paths
        let all = request.inputs + paths
        if let output = request.output { return (all, output) }
        guard let last = paths.last, all.count > 1 else { return (all, nil) }
        let isFile = last != stream && pathKind(last) == .regularFile
        guard request.inputs.isEmpty || !isFile else {
            throw UsageError(
                description: "\(last): an input or the output? With --input, use --input or --output for it, too")
        }
        let isPair = all.count == 2
        if isPair, !request.overwrite, isFile, all[0] != stream, pathKind(all[0]) == .regularFile {
            if FileIdentity(all[0]) == FileIdentity(last) { throw FileError.alreadyExists(path: last) }
            throw AmbiguousPair(path: last)
        }
        let isOutput = isPair || last == stream || pathKind(last) == .directory
        return isOutput ? (all.dropLast(), last) : (all, nil)
    }

    /// The inputs, as far as they can be told from an output whatever is wrong: for the records of a plan that failed.
    static func inputs(_ inputs: [String], _ paths: [String], output: String?) -> [String] {
        guard output == nil, inputs.count + paths.count > 1, let last = paths.last else { return inputs + paths }
        let isOutput = last == stream || pathKind(last) == .directory || inputs.count + paths.count == 2
        return isOutput ? inputs + paths.dropLast() : inputs + paths
    }

    private static func checkStreams(inputs: [String], output: String?) throws(UsageError) {
        guard !inputs.isEmpty else { throw UsageError(description: "no input was given") }
        if inputs.contains(stream) {
            guard inputs.count == 1 else {
                throw UsageError(description: "-: stdin is a single image and cannot be combined with other inputs")
            }
            guard output != nil else {
                throw UsageError(description: "-: input from stdin needs an output: a file, or - for stdout")
            }
        }
        if output == stream, inputs.count > 1 || isFolder(inputs[0]) {
            throw UsageError(description: "-: stdout takes a single image; several inputs need an output folder")
        }
    }

    /// The folder for the outputs; nil if the output is a file, or each output goes next to its input.
    ///
    /// A path that does not exist yet is a folder if there are several inputs, and also for a single input if
    /// `--output` has no extension, because a shell pattern may match a single image.
    private static func folder(
        _ output: String?, for inputs: [String], hasSeveralInputs: Bool, _ request: Request
    ) throws(UsageError) -> String? {
        // An empty name, for example from an unset variable, does not mean the current folder.
        guard let output, output != stream, !output.isEmpty else { return nil }
        let kind = pathKind(output)
        if kind == .directory || output.utf8.last == UInt8(ascii: "/") { return output }
        let isMissing = kind == .missing && !isSymbolicLink(output)
        guard hasSeveralInputs else {
            // The output for stdin can only be a file.
            let mayBeFolder = isMissing && pathExtension(of: output).isEmpty && inputs != [stream]
            guard mayBeFolder, request.format == nil else { return nil }
            guard request.output == nil else { return output }
            throw UsageError(
                description: """
                    \(output): a file or a folder? File names end in .png or .jpg; use --output \(output) for a folder
                    """)
        }
        // A name with an image extension means an image.
        guard isMissing, ImageFormat.forPath(output) == nil else {
            let reason = inputs.count == 1 ? "which \(inputs[0]), a folder, needs" : "which several inputs need"
            throw UsageError(description: "\(output): is not a folder, \(reason) as output")
        }
        return output
    }

    /// Rejects a suffix that would have no effect. In folders it also identifies the results of an earlier run.
    private static func check(suffix: String, inputs: [String], output: String?) throws(UsageError) {
        guard !suffix.utf8.contains(UInt8(ascii: "/")), !suffix.utf8.contains(0) else {
            throw UsageError(description: "--suffix \(suffix): cannot be part of a file name")
        }
        guard output == nil || inputs.contains(where: { isFolder($0) }) else {
            throw UsageError(
                description:
                    "--suffix requires outputs without explicit names; it cannot be combined with --output for files")
        }
    }

    private mutating func defaultOutput(for file: PictureInputs.File, _ request: Request) -> String {
        let name = lastPathComponent(of: file.path)
        let stem = removingPathExtension(name)
        // Compared as bytes, because a dot can combine with some letters into one character.
        let dot = name.utf8.index(name.startIndex, offsetBy: stem.utf8.count)
        var ending = request.format.map { "." + $0.fileExtensions[0] } ?? String(name[dot...])
        if request.format == nil, let content = Self.misnamedFormat(of: file.path) {
            ending = "." + content.fileExtensions[0]
            remarks.append("\(file.path): is a \(content.name) file, so its result is a \(ending)")
        }
        if let folder { return joinPath(folder, removingPathExtension(file.relativePath) + ending) }
        let renamed = stem + (request.suffix ?? request.defaultSuffix) + ending
        return file.path.utf8.contains(UInt8(ascii: "/"))
            ? joinPath(parentFolder(of: file.path), renamed) : renamed
    }

    /// The format of a picture whose name has the extension of another one, or of none that is known. A file that cannot
    /// be read keeps its extension: what is wrong with it is reported later.
    private static func misnamedFormat(of picture: String) -> ImageFormat? {
        guard picture != stream, !pathExtension(of: picture).isEmpty,
            let start = try? readStart(of: picture, maximumBytes: ImageFormat.signatureBytes),
            let content = ImageFormat.detect(start), content != ImageFormat.forPath(picture)
        else { return nil }
        return content
    }

    /// The file of another role for a picture. In a folder it may have the extension of another format, and the role in its
    /// name, as in `photo_mask.png`.
    private static func companion(of file: PictureInputs.File, from source: CompanionSource) -> PictureJob.Companion {
        guard isFolder(source.path) else { return PictureJob.Companion(role: source.role, path: source.path) }
        let same = joinPath(source.path, file.relativePath)
        let stem = removingPathExtension(same)
        let extensions = ImageFormat.allCases.flatMap(\.fileExtensions)
        let others = [stem, "\(stem)_\(source.role.rawValue)"].flatMap { name in extensions.map { "\(name).\($0)" } }
        // If there is none, reading it fails and names the file that was expected.
        let found = ([same] + others).first { pathKind($0) == .regularFile } ?? same
        return PictureJob.Companion(role: source.role, path: found)
    }

    // MARK: Conflicts

    /// Leaves out inputs that are existing outputs of other inputs, as when a shell pattern matches both.
    private mutating func passOverOwnResults() {
        var makers: [FileIdentity: String] = [:]
        for job in jobs {
            for output in job.outputs {
                if let made = FileIdentity(output), made != FileIdentity(job.picture) { makers[made] = job.picture }
            }
        }
        let own = jobs.filter { job in FileIdentity(job.picture).map { makers[$0] == nil } ?? true }
        passedOver += jobs.count - own.count
        jobs = own
    }

    /// Rejects outputs that would replace their input by a file of another format, because its name has the wrong
    /// extension: a PNG of 16 bits would become a JPEG of 8.
    private func requireFormatsOfReplacedFiles() throws(UsageError) {
        for job in jobs {
            guard let content = Self.misnamedFormat(of: job.picture) else { continue }
            for output in job.outputs where output != Self.stream {
                guard let format = ImageFormat.forPath(output), let identity = FileIdentity(output),
                    identity == FileIdentity(job.picture)
                else { continue }
                throw UsageError(
                    description: """
                        \(job.picture): is a \(content.name) file; replacing it would make it a \(format.name) file, which \
                        its extension asks for; use --format \(content.fileExtensions[0]), or rename it
                        """)
            }
        }
    }

    /// Rejects two results with the same output, and an output that is an input of another job or a companion of its own:
    /// one of them would be lost.
    private func requireDistinctFiles() throws(UsageError) {
        var places = CanonicalPlaces()
        var readers = Readers()
        for job in jobs {
            for input in job.inputs where input.path != Self.stream { readers.add(input.path, of: job, &places) }
        }
        var writers: [[UInt8]: String] = [:]
        for job in jobs {
            for output in job.outputs where output != Self.stream {
                // A symbolic link that leads to a file is written through.
                let identity = FileIdentity(output)
                let place = Array((identity == nil ? places.place(of: output) : canonicalPath(output)).utf8)
                if let other = writers.updateValue(job.picture, forKey: place) {
                    throw UsageError(
                        description: "\(output): two inputs would be written to it: \(other) and \(job.picture)")
                }
                if identity != nil, identity == FileIdentity(job.picture) { continue }
                if let reader = readers.reader(identity, place), reader != job.picture {
                    let name = reader == output ? "" : " (as \(reader))"
                    throw UsageError(description: "\(output): both an input\(name) and the output of \(job.picture)")
                }
            }
        }
        try requireDistinctInputs()
    }

    /// Rejects inputs that contain one another, whose images would be processed twice.
    private func requireDistinctInputs() throws(UsageError) {
        var places = CanonicalPlaces()
        var known: Set<[UInt8]> = []
        for job in jobs where job.picture != Self.stream {
            guard known.insert(Array(places.place(of: job.picture).utf8)).inserted else {
                throw UsageError(
                    description:
                        "\(job.picture): appears twice among the inputs; is one of the inputs inside another?")
            }
        }
    }

    /// Sets jobs aside whose outputs all exist. One that lacks some is done; only the missing ones are written.
    private mutating func separateExisting(_ request: Request) throws {
        var found: [String] = []
        var left: [PictureJob] = []
        for job in jobs {
            let outputs = try job.existingOutputs()
            if !request.overwrite { found += outputs }
            if request.overwrite || outputs.count < job.outputs.count {
                left.append(job)
            } else {
                existing.append(job)
            }
        }
        let outputCount = jobs.reduce(0) { $0 + $1.outputs.count }
        let pictures = jobs.map(\.picture)
        jobs = left
        guard found.isEmpty || request.skipsExisting else {
            existing = []
            if outputCount == 1, !hasSeveralInputs { throw FileError.alreadyExists(path: found[0]) }
            throw ExistingOutputs(paths: found, pictures: pictures, outputCount: outputCount)
        }
    }

    /// Whether a file exists at this path that may be replaced.
    ///
    /// - Throws: `FileError.cannotWrite` if something other than a file does.
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

/// `canonicalPath` of files in few folders, each of which is resolved only once.
private struct CanonicalPlaces {
    private var folders: [[UInt8]: String] = [:]

    /// The location of the entry itself: if the last component is a symbolic link, it is not followed.
    mutating func place(of path: String) -> String {
        let parent = parentFolder(of: path)
        let key = Array(parent.utf8)
        let folder = folders[key] ?? canonicalPath(parent)
        folders[key] = folder
        return joinPath(folder, lastPathComponent(of: path))
    }
}

/// Inputs by the file that a path leads to, and by where the path itself lies.
private struct Readers {
    private var identities: [FileIdentity: String] = [:]
    // By bytes: to Swift, texts are equal whose accents are composed in other ways.
    private var places: [[UInt8]: String] = [:]

    mutating func add(_ path: String, of job: PictureJob, _ canonical: inout CanonicalPlaces) {
        if let identity = FileIdentity(path) { identities[identity] = path }
        places[Array(canonical.place(of: path).utf8)] = path
    }

    func reader(_ identity: FileIdentity?, _ place: [UInt8]) -> String? {
        identity.flatMap { identities[$0] } ?? places[place]
    }
}
