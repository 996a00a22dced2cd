import RestoreFiles
import RestoreImage

/// A task with its options, as the API takes them: the names and values are those of the command.
struct TaskRequest: Sendable {
    enum Task: String, CaseIterable {
        case denoise, colorize, inpaint

        var suffix: String {
            switch self {
            case .denoise: "_denoised"
            case .colorize: "_colorized"
            case .inpaint: "_inpainted"
            }
        }

        /// Options with a value.
        fileprivate var options: Set<String> {
            switch self {
            case .denoise: ["sigma", "strength", "wrap"]
            case .colorize: ["saturation", "vividness", "hint", "samples", "seed"]
            case .inpaint: ["dilate", "feather", "method", "samples", "seed", "temperature"]
            }
        }

        fileprivate var flags: Set<String> { self == .denoise ? ["ensemble"] : [] }

        /// Options whose value is a picture that was uploaded.
        fileprivate var pictureOptions: Set<String> {
            switch self {
            case .denoise: []
            case .colorize: ["hints"]
            case .inpaint: ["mask"]
            }
        }
    }

    /// Options that every task takes.
    private static let sharedOptions: Set<String> = ["model", "quality", "format", "tile"]
    private static let sharedFlags: Set<String> = ["strip", "tolerant"]
    /// What is not for the command.
    private static let ownParameters: Set<String> = ["picture", "name", "answer"]
    private static let mostHints = 1000

    let task: Task
    /// For the command, without pictures.
    let arguments: [String]
    /// Pictures that the command reads besides the first one, by their options.
    let companions: [(option: String, picture: StoredPicture)]
    let format: ImageFormat?

    /// - Throws: `ServeError` for an option that the task lacks, or one that names files.
    init(
        _ task: Task, _ query: [(name: String, value: String)], limits: ServeLimits,
        picture: (String) -> StoredPicture?
    ) throws(ServeError) {
        var arguments = ["--max-pixels=\(limits.megapixels)"]
        var companions: [(option: String, picture: StoredPicture)] = []
        var format: ImageFormat?
        guard query.count <= Self.mostHints + 32 else { throw ServeError(.badRequest, "there are too many parameters") }
        for (name, value) in query where !Self.ownParameters.contains(name) {
            if task.pictureOptions.contains(name) {
                if name == "mask", value == "alpha" {
                    arguments.append("--mask=alpha")
                } else if let found = picture(value) {
                    companions.append((name, found))
                } else {
                    throw ServeError(.notFound, "\(name): there is no picture \(value)")
                }
            } else if (task.flags.union(Self.sharedFlags)).contains(name) {
                guard ["true", "1", "false", "0", ""].contains(value) else {
                    throw ServeError(.badRequest, "\(name) takes true or false")
                }
                if !["false", "0"].contains(value) { arguments.append("--\(name)") }
            } else if task.options.union(Self.sharedOptions).contains(name) {
                try Self.check(name, value, limits)
                if name == "format" { format = Self.format(value) }
                // In one argument, so that no value is taken for an option.
                arguments.append("--\(name)=\(value)")
            } else {
                throw ServeError(.badRequest, "\(task.rawValue) has no option \(name)")
            }
        }
        (self.task, self.arguments, self.companions, self.format) = (task, arguments, companions, format)
    }

    private static func check(_ name: String, _ value: String, _ limits: ServeLimits) throws(ServeError) {
        switch name {
        case "model":
            // The command also takes a path, which could lead anywhere.
            guard value.wholeMatch(of: /[A-Za-z0-9][A-Za-z0-9._-]{0,99}/) != nil, !value.hasSuffix(".safetensors")
            else {
                throw ServeError(.badRequest, "model takes the name of an installed model")
            }
        case "samples":
            guard let count = Int(value), (1...limits.samples).contains(count) else {
                throw ServeError(.badRequest, "samples takes 1 to \(limits.samples)")
            }
        default: break
        }
    }

    private static func format(_ value: String) -> ImageFormat? {
        ImageFormat.allCases.first { $0.fileExtensions.contains(value.lowercased()) }
    }

    /// The name of the result of a picture, as of the command without an output.
    func outputName(of picture: StoredPicture) -> String {
        let stem = removingPathExtension(picture.name)
        let own = picture.name.dropFirst(stem.count)
        let matches = ImageFormat.forPath(picture.name) == picture.header.format
        let ending =
            format.map { ".\($0.fileExtensions[0])" }
            ?? (matches ? String(own) : ".\(picture.header.format.fileExtensions[0])")
        return stem + task.suffix + ending
    }
}
