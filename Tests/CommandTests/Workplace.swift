import Foundation
import ModelTestSupport
import RestoreFiles
import RestoreImage
import TestSupport
import Testing

/// A folder to run the program in, and another one with a tiny model, named `tiny`.
final class Workplace {
    let folder: TemporaryFolder
    let models: TemporaryFolder
    static let model = TinyModel()

    init() throws {
        folder = try TemporaryFolder()
        models = try TemporaryFolder()
        try models.write(Self.model.file(), "tiny/model.safetensors")
    }

    /// Nothing of the machine: no models, no home.
    private var environment: [String: String] {
        ["PATH": "/usr/bin:/bin", "HOME": models("home"), "RESTORE_MODELS": models.path]
    }

    /// - Parameters:
    ///   - input: a file that stands for standard input, none unless given.
    ///   - output: a file or device that stands for standard output.
    ///   - executable: the program, or a copy of it elsewhere.
    func start(
        _ arguments: [String], environment: [String: String] = [:], inputFrom input: String? = nil,
        outputTo output: String? = nil, executable: String = Program.path
    ) throws -> RunningProgram {
        try RunningProgram(
            arguments, in: folder.path, environment: self.environment.merging(environment) { $1 }, input: input,
            output: output, executable: executable)
    }

    func run(
        _ arguments: [String], environment: [String: String] = [:], inputFrom input: String? = nil,
        outputTo output: String? = nil, executable: String = Program.path
    ) throws -> Outcome {
        try start(
            arguments, environment: environment, inputFrom: input, outputTo: output, executable: executable
        ).outcome()
    }

    /// Runs a script of the shell, in which `restore` is the program: for limits, redirections and names that are not UTF-8.
    func shell(_ script: String) throws -> Outcome {
        let environment = environment.merging(["RESTORE": Program.path]) { $1 }
        let function = "restore() { \"$RESTORE\" \"$@\"; }\n"
        return try RunningProgram(
            ["-c", function + script], in: folder.path, environment: environment, executable: "/bin/sh"
        ).outcome()
    }

    /// `restore denoise` with the tiny model and a known noise level.
    func denoise(_ arguments: String...) throws -> Outcome {
        try run(["denoise", "-m", "tiny", "-j", "2", "--sigma", "25"] + arguments)
    }

    /// Every file of the folder, hidden ones too, with its bytes; folders are empty.
    var contents: [String: [UInt8]] {
        get throws {
            var contents: [String: [UInt8]] = [:]
            for name in try folder.names {
                contents[name] = pathKind(folder(name)) == .regularFile ? try readFile(folder(name)) : []
            }
            return contents
        }
    }

    func image(_ name: String) throws -> Image { try readImage(folder(name)).image }

    /// Runs the program, which must fail with this code, say so in one line on stderr that names what is wrong, say
    /// nothing on stdout, and leave the folder as it was.
    func expectFailure(
        _ arguments: [String], code: Int32, naming name: String, environment: [String: String] = [:],
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let before = try contents
        let outcome = try run(arguments, environment: environment)
        #expect(outcome.code == code, "\(arguments): \(outcome.errors)", sourceLocation: sourceLocation)
        #expect(outcome.output == "", sourceLocation: sourceLocation)
        #expect(outcome.errorLines.count == 1, "\(outcome.errors)", sourceLocation: sourceLocation)
        #expect(outcome.errors.hasPrefix("restore: "), "\(outcome.errors)", sourceLocation: sourceLocation)
        #expect(outcome.errors.contains(name), "\(outcome.errors)", sourceLocation: sourceLocation)
        #expect(try contents == before, "the folder is as it was", sourceLocation: sourceLocation)
    }
}

extension Fixtures {
    static func bytes(_ name: String) throws -> [UInt8] { try readFile(path(name)) }
}
