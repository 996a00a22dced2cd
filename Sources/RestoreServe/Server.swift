import NIOCore
import NIOHTTP1
import NIOPosix
import RestoreConcurrency
import RestoreFiles

/// The page and its API.
package final class Server: Sendable {
    package struct Settings: Sendable {
        package var host = "127.0.0.1"
        package var port = 8750
        /// The folder that the page may browse.
        package var folder: String?
        /// The program, whose commands are run.
        package var program: String
        /// Options for every command.
        package var arguments: [String] = []
        package var version: String
        package var limits = ServeLimits()

        package init(program: String, version: String) { (self.program, self.version) = (program, version) }
    }

    let api: API
    let filePool = NIOThreadPool(numberOfThreads: 1)
    let previewPool = NIOThreadPool(numberOfThreads: 1)
    private let access: RequestGuard
    private let settings: Settings
    private let connections = Monitor(0)
    private let isStopping = Monitor(false)

    /// Where the page is; it contains the token.
    package var address: String {
        let host = settings.host.contains(":") ? "[\(settings.host)]" : settings.host
        // Browsers do not send what follows the number sign to anyone.
        return "http://\(host):\(settings.port)/#\(access.token)"
    }

    /// - Throws: `FileError` for a folder that cannot be opened, or a temporary folder that cannot be made.
    package init(_ settings: Settings) throws(FileError) {
        let folder = try settings.folder.map { (path: String) throws(FileError) in try SharedFolder(path) }
        let store = try PictureStore(limits: settings.limits)
        let queue = JobQueue(store: store, program: settings.program, arguments: settings.arguments)
        api = API(
            store: store, queue: queue, folder: folder, program: settings.program, version: settings.version)
        access = RequestGuard(token: RequestGuard.newToken(), host: settings.host, port: settings.port)
        self.settings = settings
    }

    /// Serves until the page asks to stop or `isInterrupted` is true.
    ///
    /// - Parameter started: called once connections are accepted.
    /// - Throws: `PortError` if the address cannot be used.
    package func run(isInterrupted: () -> Bool, started: () -> Void) throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        filePool.start()
        previewPool.start()
        var worker = ThreadGroup(name: "restore-jobs")
        defer {
            api.queue.stop()
            worker.join()
            try? group.syncShutdownGracefully()
            try? filePool.syncShutdownGracefully()
            try? previewPool.syncShutdownGracefully()
            api.store.removeAll()
        }
        let channel: any Channel
        do {
            channel = try bootstrap(group).bind(host: settings.host, port: settings.port).wait()
        } catch {
            throw PortError(host: settings.host, port: settings.port, cause: error)
        }
        worker.start(1) { [queue = api.queue] _ in queue.work() }
        started()
        while !isStopping.withLock({ $0 }), !isInterrupted() { waitAMoment() }
        // What is being sent, such as the answer to the request to stop, gets there.
        waitAMoment()
        try? channel.close().wait()
    }

    private func bootstrap(_ group: any EventLoopGroup) -> ServerBootstrap {
        ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(
                        withPipeliningAssistance: false, withErrorHandling: true)
                    try channel.pipeline.syncOperations.addHandler(Connection(server: self))
                }
            }
            .childChannelOption(.maxMessagesPerRead, value: 4)
    }

    func requestStop() { isStopping.change { $0 = true } }

    // MARK: Requests

    /// Counts a connection, unless there are too many.
    func enter() -> Bool {
        connections.withLock { count in
            count += 1
            return count <= settings.limits.connections
        }
    }

    func leave() { connections.withLock { $0 -= 1 } }

    func plan(_ head: HTTPRequestHead) throws(ServeError) -> API.Plan {
        try access.checkSender(head.headers)
        guard let target = RequestTarget(head.uri) else { throw ServeError(.badRequest, "the address is malformed") }
        guard target.path.first == "api" else {
            guard head.method == .GET || head.method == .HEAD else {
                throw ServeError(.methodNotAllowed, "the page is only read")
            }
            guard let answer = PageFiles.answer(target.path) else { throw .unknown }
            return .now(answer)
        }
        try access.checkAccess(head.headers)
        return try api.plan(head.method, Array(target.path.dropFirst()), target)
    }

    private static let contentPolicy = """
        default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; \
        base-uri 'none'; form-action 'none'; frame-ancestors 'none'
        """

    /// Without CORS headers, no other site's page can read an answer.
    static let securityHeaders: HTTPHeaders = [
        "content-security-policy": contentPolicy,
        "x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "cache-control": "no-store",
        "cross-origin-opener-policy": "same-origin", "cross-origin-resource-policy": "same-origin",
    ]
}
