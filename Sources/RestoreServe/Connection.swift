import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import RestoreConcurrency
import RestoreFiles

/// One connection: reads requests, answers them one after the other, and closes it when a client is too slow.
final class Connection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        /// Waiting for a request.
        case idle
        case discarding(HTTPRequestHead, API.Plan, bytes: Int)
        case uploading(HTTPRequestHead, Upload, then: (StoredPicture) throws(ServeError) -> API.Plan)
        /// The answer is being made or sent.
        case answering
        case closing
    }

    private let server: Server
    private var state = State.idle
    private var deadline: Scheduled<Void>?
    private var uploadStart = NIODeadline.now()
    /// A job whose progress this connection shows; it is cancelled when nobody listens any more.
    private var job: String?
    private var keepsAlive = true

    /// Seconds that a client has to send the head of a request, and between two requests.
    private static let (headSeconds, idleSeconds, uploadSeconds) = (10.0, 60.0, 20.0)
    /// An upload or download that is slower than this many bytes per second is ended.
    private static let slowestRate = 16.0 * 1024
    /// Of requests that need no body.
    private static let mostDiscarded = 64 << 10

    init(server: Server) { self.server = server }

    // MARK: Reading

    func channelActive(context: ChannelHandlerContext) {
        guard server.enter() else {
            state = .closing
            context.close(promise: nil)
            return
        }
        close(after: Self.headSeconds, context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        if let job { _ = server.api.queue.cancel(job) }
        job = nil
        state = .closing
        server.leave()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (unwrapInboundIn(data), state) {
        case (.head(let head), .idle): begin(head, context)
        case (.body(let buffer), .uploading(let head, let upload, let then)):
            do {
                try upload.write(buffer)
                let allowed = Self.uploadSeconds + Double(upload.bytes) / Self.slowestRate
                let spent = Double((NIODeadline.now() - uploadStart).nanoseconds) / 1e9
                close(after: max(0, min(Self.uploadSeconds, allowed - spent)), context)
                state = .uploading(head, upload, then: then)
            } catch {
                refuse(error, head, context, bodyFollows: true)
            }
        case (.body(let buffer), .discarding(let head, let plan, let bytes)):
            state = .discarding(head, plan, bytes: bytes + buffer.readableBytes)
            if bytes + buffer.readableBytes > Self.mostDiscarded {
                refuse(ServeError(.payloadTooLarge, "this request takes no body"), head, context, bodyFollows: true)
            }
        case (.end, .discarding(let head, let plan, _)): perform(plan, head, context)
        case (.end, .uploading(let head, let upload, let then)):
            // Before the store, which may remove the folder of an upload that failed.
            state = .answering
            do { perform(try then(try upload.finish()), head, context) } catch { refuse(error, head, context) }
        case (_, .closing), (.body, _), (.end, _): break
        // A request before the answer to the last one: browsers do not do that.
        case (.head, _): context.close(promise: nil)
        }
    }

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        keepsAlive = head.isKeepAlive
        let length = head.headers.first(name: "content-length") ?? "0"
        let bodyFollows = head.headers.contains(name: "transfer-encoding") || length != "0"
        do throws(ServeError) {
            let plan = try server.plan(head)
            if case .upload(let name, let then) = plan {
                let announced = head.headers.first(name: "content-length").flatMap { Int($0) }
                let upload = try Upload(store: server.api.store, name: name, announced: announced)
                uploadStart = .now()
                close(after: Self.uploadSeconds, context)
                state = .uploading(head, upload, then: then)
                if head.headers.first(name: "expect")?.lowercased() == "100-continue" {
                    context.writeAndFlush(
                        wrapOutboundOut(.head(HTTPResponseHead(version: head.version, status: .continue))),
                        promise: nil)
                }
            } else {
                close(after: Self.headSeconds, context)
                state = .discarding(head, plan, bytes: 0)
            }
        } catch {
            refuse(error, head, context, bodyFollows: bodyFollows)
        }
    }

    private func close(after seconds: Double, _ context: ChannelHandlerContext) {
        deadline?.cancel()
        let channel = context.channel
        deadline = context.eventLoop.scheduleTask(in: .milliseconds(Int64(seconds * 1000))) {
            channel.close(promise: nil)
        }
    }

    // MARK: Answering

    private func perform(_ plan: API.Plan, _ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        state = .answering
        deadline?.cancel()
        switch plan {
        case .now(let answer): send(answer, head, context)
        case .blocking(let work): run(work, on: server.filePool, head, context)
        case .preview(let work): run(work, on: server.previewPool, head, context)
        case .job(let picture, let request, let wantsPicture):
            do { try start(picture, request, wantsPicture, head, context) } catch { refuse(error, head, context) }
        case .stop:
            keepsAlive = false
            send(.nothing, head, context)
            server.requestStop()
        case .upload: preconditionFailure("an upload after an upload")
        }
    }

    private func run(
        _ work: @escaping @Sendable () throws(ServeError) -> Answer, on pool: NIOThreadPool, _ head: HTTPRequestHead,
        _ context: ChannelHandlerContext
    ) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let eventLoop = context.eventLoop
        pool.submit { _ in
            let result: Result<Answer, ServeError>
            do throws(ServeError) { result = .success(try work()) } catch { result = .failure(error) }
            eventLoop.execute {
                let (connection, context) = bound.value
                switch result {
                case .success(let answer): connection.send(answer, head, context)
                case .failure(let error): connection.refuse(error, head, context)
                }
            }
        }
    }

    /// Starts a job and sends its events, or in the end its first result.
    private func start(
        _ picture: StoredPicture, _ request: TaskRequest, _ wantsPicture: Bool, _ head: HTTPRequestHead,
        _ context: ChannelHandlerContext
    ) throws(ServeError) {
        let id = server.api.store.newID()
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let eventLoop = context.eventLoop
        let entry = Job(id: id, picture: picture, request: request) { event in
            eventLoop.execute {
                let (connection, context) = bound.value
                connection.tell(event, of: id, wantsPicture, head, context)
            }
        }
        try server.api.queue.add(entry)
        job = id
        guard !wantsPicture else { return }
        write(head: .ok, [("content-type", "application/x-ndjson"), ("transfer-encoding", "chunked")], head, context)
    }

    private func tell(
        _ event: JobEvent, of id: String, _ wantsPicture: Bool, _ head: HTTPRequestHead,
        _ context: ChannelHandlerContext
    ) {
        guard job == id, case .answering = state else { return }
        if event.isLast { job = nil }
        guard !wantsPicture else {
            switch event {
            case .waiting, .running: break
            case .done(let results, _): send(results.first.map { server.api.file($0) } ?? .nothing, head, context)
            case .failed(let reason): refuse(ServeError(.unprocessableEntity, reason), head, context)
            case .cancelled: refuse(ServeError(.conflict, "cancelled"), head, context)
            }
            return
        }
        // A client that does not read misses some progress, and nothing piles up.
        guard event.isLast || context.channel.isWritable else { return }
        let text = context.channel.allocator.buffer(string: event.line(job: id) + "\n")
        context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(text))), promise: nil)
        if event.isLast { end(context) }
    }

    private func refuse(
        _ error: any Error, _ head: HTTPRequestHead, _ context: ChannelHandlerContext, bodyFollows: Bool = false
    ) {
        let failure = error as? ServeError ?? ServeError(.internalServerError, "\(error)")
        // What follows of the body is not read.
        if bodyFollows { keepsAlive = false }
        state = .answering
        let text = jsonText(["error": failure.description])
        send(text: Array(text.utf8), type: "application/json", failure.status, head, context)
    }

    private func send(_ answer: Answer, _ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }
        switch answer {
        case .text(let text, let type): send(text: Array(text.utf8), type: type, .ok, head, context)
        case .embedded(let bytes, let type): send(text: bytes, type: type, .ok, head, context)
        case .nothing: send(text: [], type: "text/plain", .ok, head, context)
        case .file(let path, let type, let headers): send(file: path, type, headers, head, context)
        }
    }

    private func send(
        text: [UInt8], type: String, _ status: HTTPResponseStatus, _ head: HTTPRequestHead,
        _ context: ChannelHandlerContext
    ) {
        guard context.channel.isActive else { return }
        write(head: status, [("content-type", type), ("content-length", "\(text.count)")], head, context)
        if head.method != .HEAD {
            let buffer = context.channel.allocator.buffer(bytes: text)
            context.write(wrapOutboundOut(.body(.byteBuffer(buffer))), promise: nil)
        }
        close(after: Self.idleSeconds, context)
        end(context)
    }

    private func send(
        file path: String, _ type: String, _ headers: [(String, String)], _ head: HTTPRequestHead,
        _ context: ChannelHandlerContext
    ) {
        let descriptor = open(systemPath(path), O_RDONLY | O_CLOEXEC)
        var information = stat()
        guard descriptor >= 0, fstat(descriptor, &information) == 0 else {
            if descriptor >= 0 { Glibc.close(descriptor) }
            return refuse(ServeError(.gone, "the picture has been removed"), head, context)
        }
        let size = Int(information.st_size)
        let file = NIOFileHandle(_deprecatedTakingOwnershipOfDescriptor: descriptor)
        write(head: .ok, [("content-type", type), ("content-length", "\(size)")] + headers, head, context)
        let region = FileRegion(fileHandle: file, readerIndex: 0, endIndex: size)
        close(after: Self.idleSeconds + Double(size) / Self.slowestRate, context)
        let handle = NIOLoopBound(file, eventLoop: context.eventLoop)
        context.write(wrapOutboundOut(.body(.fileRegion(region)))).whenComplete { _ in try? handle.value.close() }
        end(context)
    }

    private func write(
        head status: HTTPResponseStatus, _ headers: [(String, String)], _ request: HTTPRequestHead,
        _ context: ChannelHandlerContext
    ) {
        var response = HTTPResponseHead(version: request.version, status: status, headers: Server.securityHeaders)
        for (name, value) in headers { response.headers.replaceOrAdd(name: name, value: value) }
        response.headers.add(name: "connection", value: keepsAlive ? "keep-alive" : "close")
        context.write(wrapOutboundOut(.head(response)), promise: nil)
    }

    private func end(_ context: ChannelHandlerContext) {
        state = .idle
        let sent = context.writeAndFlush(wrapOutboundOut(.end(nil)))
        guard keepsAlive else {
            state = .closing
            let channel = context.channel
            // Without reading the rest of a body the system would reset the connection, and the client might not see the
            // answer: it gets a moment to do so.
            sent.whenComplete { _ in
                channel.eventLoop.scheduleTask(in: .milliseconds(200)) { channel.close(promise: nil) }
            }
            return
        }
        if deadline == nil { close(after: Self.idleSeconds, context) }
    }
}
