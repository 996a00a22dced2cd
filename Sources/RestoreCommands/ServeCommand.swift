import ArgumentParser
import Glibc
import RestoreConcurrency
import RestoreFiles
import RestoreImage
import RestoreServe

struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Offers denoise, colorize and inpaint as a page in the browser.",
        usage: "restore serve [--port PORT] [--open] [FOLDER]",
        discussion: """
            The page and its HTTP API are available on this computer only, to whoever has the address that is printed: it \
            contains a token. Results are those of the commands, bit for bit. One picture is computed at a time.

            The page can browse the pictures in FOLDER, and save results there on request. Nothing outside of it is \
            reachable. Pictures are kept in a private temporary folder ($TMPDIR) until the server ends. Ctrl-C or the \
            page's Stop button ends it.

            The API is documented in docs/serve.md.
            """)

    @Argument(help: "Folder that the page can browse.", completion: .directory)
    var folder: String?

    @Option(help: "Port to listen on.")
    var port = 8750

    @Option(
        help: ArgumentHelp(
            "Address to listen on. Others than the default are reachable by other computers, unencrypted.",
            valueName: "address"))
    var host = "127.0.0.1"

    @Flag(help: "Open the page in the default browser.")
    var open = false

    @Option(help: ArgumentHelp("Reject images with more megapixels.", valueName: "megapixels"))
    var maxPixels = 512

    @Option(help: ArgumentHelp("Reject larger files.", valueName: "800M|1.5G"))
    var maxUpload = MemorySize(bytes: 512 << 20)

    @Option(
        help: ArgumentHelp(
            "Memory limit of the computation, in units of 1024² or 1024³ bytes.", valueName: "800M|1.5G"))
    var maxMemory = MemorySize(bytes: 1 << 30)

    @OptionGroup var models: ModelOptions
    @OptionGroup var threads: ThreadOptions

    func validate() throws {
        guard (1...65535).contains(port) else { throw ValidationError("--port takes 1 to 65535.") }
        guard (1...1_000_000).contains(maxPixels) else { throw ValidationError("--max-pixels takes 1 or more.") }
    }

    func run() throws {
        try reportingFailure {
            _ = try models.catalog()
            // Commands run in other folders.
            for name in ["RESTORE_MODELS", "XDG_DATA_HOME", "HOME", "TMPDIR"] {
                guard let path = getenv(name).map({ pathFromSystem($0) }), !path.isEmpty else { continue }
                setenv(name, systemPath(absolutePath(path)), 1)
            }
            Interruption.watch()
            let server = try Server(settings)
            do {
                try server.run(isInterrupted: { Interruption.isRequested }) {
                    Console.message("Serving at the following address until Ctrl-C:")
                    try? Console.data(server.address)
                    if open { openInBrowser(server.address) }
                }
            } catch let error as PortError {
                Console.message("restore: \(error)")
                throw ExitCode.cannotCreate
            }
        }
    }

    private var settings: Server.Settings {
        var settings = Server.Settings(program: "/proc/self/exe", version: RestoreCommand.version)
        (settings.host, settings.port, settings.folder) = (host, port, folder)
        settings.arguments = ["--max-memory=\(maxMemory.bytes)"]
        if let threads = threads.threads { settings.arguments.append("--threads=\(threads)") }
        if let folder = models.modelsDir { settings.arguments.append("--models-dir=\(absolutePath(folder))") }
        settings.limits.megapixels = maxPixels
        settings.limits.uploadBytes = maxUpload.bytes
        return settings
    }

    private func openInBrowser(_ address: String) {
        // A shell in the background, so that a slow browser holds nothing up.
        let command = "xdg-open '\(address)' >/dev/null 2>&1 &"
        guard system(command) != 0 else { return }
        Console.message("restore: warning: xdg-open cannot be run; open the address yourself")
    }
}

/// Makes a picture that every browser shows, for the server, in a process whose memory is returned when it ends.
struct ServePreviewCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve-preview", abstract: "Writes a picture as the page shows it.", shouldDisplay: false)

    @Argument(help: "Picture.") var input: String
    @Argument(help: "Preview.") var output: String
    @Option(help: "Longer side at most; 0 for all pixels.") var side = 0
    @Option(help: "Reject images with more megapixels.") var maxPixels = 512
    @Flag(help: "Read as much as possible of a damaged image.") var tolerant = false

    func run() throws {
        try reportingFailure {
            keepFreedMemoryFromPilingUp()
            try writePreview(
                of: input, to: output, side: side, limits: ImageLimits(maximumPixels: maxPixels * 1_000_000),
                tolerant: tolerant, pool: WorkerPool())
        }
    }
}
