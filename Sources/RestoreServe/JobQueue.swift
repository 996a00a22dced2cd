import FoundationEssentials
import Glibc
import RestoreConcurrency
import RestoreFiles

/// What a job tells whoever asked for it.
enum JobEvent: Sendable {
    /// Jobs before it.
    case waiting(Int)
    /// The fraction that is done, 0…1, and the seconds that are left if they can be told.
    case running(Double, left: Double?)
    case done([StoredPicture], record: String)
    case failed(String)
    case cancelled

    var isLast: Bool {
        switch self {
        case .waiting, .running: false
        case .done, .failed, .cancelled: true
        }
    }
}

/// A picture to be computed.
final class Job: Sendable {
    let id: String
    let picture: StoredPicture
    let request: TaskRequest
    let tell: @Sendable (JobEvent) -> Void
    fileprivate let process = ChildProcess()

    init(id: String, picture: StoredPicture, request: TaskRequest, tell: @escaping @Sendable (JobEvent) -> Void) {
        (self.id, self.picture, self.request, self.tell) = (id, picture, request, tell)
    }

    fileprivate var inputs: [String] { [picture.id] + request.companions.map(\.picture.id) }
}

/// Computes one picture at a time, in the order of the requests.
final class JobQueue: Sendable {
    private struct State {
        var waiting: [Job] = []
        var running: Job?
        var cancelled: Set<String> = []
        var isStopping = false
    }

    private let state = Monitor(State())
    private let store: PictureStore
    private let program: String
    /// For every command.
    private let arguments: [String]

    init(store: PictureStore, program: String, arguments: [String]) {
        (self.store, self.program, self.arguments) = (store, program, arguments)
    }

    /// Runs jobs until `stop`; for a thread of its own.
    func work() {
        while true {
            let next = state.wait(until: { $0.isStopping || !$0.waiting.isEmpty }) { state -> Job? in
                guard !state.isStopping else { return nil }
                state.running = state.waiting.removeFirst()
                return state.running
            }
            guard let next else { return }
            tellWaiting()
            next.tell(.running(0, left: nil))
            var event = compute(next)
            let isCancelled = state.change { state -> Bool in
                state.running = nil
                return state.cancelled.remove(next.id) != nil
            }
            if isCancelled {
                if case .done(let results, _) = event { for result in results { store.remove(result.id) } }
                event = .cancelled
            }
            store.endUse(next.inputs)
            next.tell(event)
        }
    }

    /// - Throws: `ServeError` if too many jobs are waiting.
    func add(_ job: Job) throws(ServeError) {
        let position = state.change { state -> Int? in
            guard state.waiting.count < store.limits.jobs, !state.isStopping else { return nil }
            store.use(job.inputs)
            state.waiting.append(job)
            return state.waiting.count - (state.running == nil ? 1 : 0)
        }
        guard let position else { throw ServeError(.tooManyRequests, "too many pictures are waiting") }
        job.tell(.waiting(position))
    }

    /// Takes a job out of the queue, or ends its process.
    ///
    /// - Returns: whether there is such a job.
    func cancel(_ id: String) -> Bool {
        let (found, waiting) = state.change { state -> (Job?, Job?) in
            if let running = state.running, running.id == id {
                state.cancelled.insert(id)
                return (running, nil)
            }
            guard let index = state.waiting.firstIndex(where: { $0.id == id }) else { return (nil, nil) }
            let job = state.waiting.remove(at: index)
            return (job, job)
        }
        if let waiting {
            store.endUse(waiting.inputs)
            waiting.tell(.cancelled)
            tellWaiting()
        } else {
            found?.process.stop()
        }
        return found != nil
    }

    func stop() {
        let (running, waiting) = state.change { state -> (Job?, [Job]) in
            state.isStopping = true
            if let running = state.running { state.cancelled.insert(running.id) }
            defer { state.waiting = [] }
            return (state.running, state.waiting)
        }
        running?.process.stop()
        for job in waiting { job.tell(.cancelled) }
    }

    private func tellWaiting() {
        let (waiting, offset) = state.withLock { ($0.waiting, $0.running == nil ? 0 : 1) }
        for (index, job) in waiting.enumerated() { job.tell(.waiting(index + offset)) }
    }

    private func compute(_ job: Job) -> JobEvent {
        let folder = joinPath(store.root, job.id)
        defer { removeTree(folder) }
        do throws(ServeError) {
            let output = try prepare(job, in: folder)
            var messages: [String] = []
            let outcome = job.process.run(program, arguments(job, output: output), in: folder) { line in
                if let progress = Progress(line) {
                    job.tell(.running(progress.done, left: progress.seconds_left))
                } else if messages.count < 100 {
                    messages.append(line)
                }
            }
            guard let outcome else { return .failed("the program could not be started") }
            guard outcome.code == 0 else { return .failed(Self.reason(messages, outcome)) }
            return try finish(job, outcome, in: folder)
        } catch {
            return .failed(error.description)
        }
    }

    /// Lays out the files as a user would.
    private func prepare(_ job: Job, in folder: String) throws(ServeError) -> String {
        _ = try store.makeFolder(job.id)
        for name in ["out"] + job.request.companions.map(\.option) {
            guard mkdir(systemPath(joinPath(folder, name)), 0o700) == 0 else { throw PictureStore.storageError(errno) }
        }
        try link(job.picture, joinPath(folder, job.picture.name))
        for (option, picture) in job.request.companions {
            try link(picture, joinPath(joinPath(folder, option), picture.name))
        }
        return joinPath("out", job.request.outputName(of: job.picture))
    }

    private func link(_ picture: StoredPicture, _ path: String) throws(ServeError) {
        guard Glibc.link(systemPath(picture.path), systemPath(path)) == 0 else {
            throw PictureStore.storageError(errno)
        }
    }

    private func arguments(_ job: Job, output: String) -> [String] {
        let companions = job.request.companions.map { "--\($0.option)=\(joinPath($0.option, $0.picture.name))" }
        let files = ["--input=\(job.picture.name)", "--output=\(output)"]
        return [job.request.task.rawValue, "--json", "--progress=json"] + files + arguments + job.request.arguments
            + companions
    }

    private static func reason(_ messages: [String], _ outcome: ChildProcess.Outcome) -> String {
        let own = messages.map { $0.hasPrefix("restore: ") ? String($0.dropFirst(9)) : $0 }
        let text = own.prefix { !$0.hasPrefix("Usage:") }.joined(separator: "\n")
        return text.isEmpty ? "the command ended with \(outcome.code.map { "code \($0)" } ?? "a signal")" : text
    }

    /// Takes the results over.
    private func finish(_ job: Job, _ outcome: ChildProcess.Outcome, in folder: String) throws(ServeError) -> JobEvent {
        let record = String(decoding: outcome.output, as: UTF8.self).split(separator: "\n").first.map { String($0) }
        guard let record, let files = Record(record) else { return .failed("the command left no record") }
        var results: [StoredPicture] = []
        for file in files.outputs ?? [files.output] {
            let path = joinPath(folder, file)
            let size = fileSize(path) ?? 0
            try store.reserve(size)
            let id = store.newID()
            let place = joinPath(try store.makeFolder(id), lastPathComponent(of: file))
            guard rename(systemPath(path), systemPath(place)) == 0 else { throw PictureStore.storageError(errno) }
            results.append(try store.add(id, name: lastPathComponent(of: file), path: place, bytes: size))
        }
        return .done(results, record: record)
    }

    /// A line of `--progress json`.
    private struct Progress: Decodable {
        let done: Double
        let seconds_left: Double?

        init?(_ line: String) {
            guard line.hasPrefix("{"), let found = try? JSONDecoder().decode(Self.self, from: Data(line.utf8)) else {
                return nil
            }
            self = found
        }
    }

    /// What is needed of the record of a picture.
    private struct Record: Decodable {
        let output: String
        let outputs: [String]?

        init?(_ line: String) {
            guard let found = try? JSONDecoder().decode(Self.self, from: Data(line.utf8)) else { return nil }
            self = found
        }
    }
}
