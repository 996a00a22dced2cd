import RestoreConcurrency
import Foundation
import RestoreNN

/// Answers commands, one per line; sleeps in the read between commands.
///
///     list                  the cases: name, work, floating-point operations of one run
///     export NAME FOLDER    case.json and case.safetensors: everything a peer needs, and our results
///     prepare NAME          creates plans and buffers, and does the first run
///     time NAME SECONDS     runs for that long, at least once; the seconds of each run
///     release NAME
struct Server {
    private let pool: WorkerPool
    private let cases = allCases
    private var runners: [String: any CaseRunner] = [:]

    init(pool: WorkerPool) {
        self.pool = pool
    }

    mutating func serve() {
        while let line = readLine() {
            do {
                try reply(to: line.split(separator: " ").map(String.init))
            } catch {
                answer(Failure(error: "\(error)"))
            }
        }
    }

    private mutating func reply(to words: [String]) throws {
        switch (words.first, words.count) {
        case ("list", 1):
            answer(try cases.map(Summary.init))
        case ("export", 3):
            let benchmark = try find(words[1])
            try export(benchmark, runner: try benchmark.runner(pool: pool), to: words[2])
            answer(Done(done: words[1], kernels: kernelDescription))
        case ("prepare", 2):
            let runner = try find(words[1]).runner(pool: pool)
            runner.reset()
            runner.run()
            runners[words[1]] = runner
            answer(Done(done: words[1], kernels: kernelDescription))
        case ("time", 3):
            guard let runner = runners[words[1]], let seconds = Double(words[2]) else { throw Refusal.notPrepared }
            answer(Times(seconds: time(runner, for: seconds)))
        case ("release", 2):
            runners[words[1]] = nil
            answer(Done(done: words[1], kernels: kernelDescription))
        default:
            throw Refusal.unknownCommand
        }
    }

    private func find(_ name: String) throws -> BenchmarkCase {
        guard let found = cases.first(where: { $0.name == name }) else { throw Refusal.unknownCase }
        return found
    }

    private func time(_ runner: any CaseRunner, for limit: Double) -> [Double] {
        let clock = ContinuousClock()
        var times: [Double] = []
        var total = 0.0
        runner.reset()
        repeat {
            let seconds = clock.measure { runner.run() } / .seconds(1)
            times.append(seconds)
            total += seconds
        } while total < limit
        return times
    }

    private func answer(_ reply: some Encodable) {
        // Encoding numbers and names cannot fail; the reader would treat an empty line as an error.
        let json = (try? JSONEncoder().encode(reply)) ?? Data()
        print(String(decoding: json, as: UTF8.self))
        fflush(nil)
    }
}

enum Refusal: Error {
    case unknownCommand
    case unknownCase
    case notPrepared
}

private struct Failure: Encodable { let error: String }
private struct Times: Encodable { let seconds: [Double] }

private struct Done: Encodable {
    let done: String
    let kernels: String
}

private struct Summary: Encodable {
    let name: String
    let work: Work
    let operations: Int

    init(_ benchmark: BenchmarkCase) throws {
        name = benchmark.name
        work = benchmark.work
        operations = try benchmark.operations()
    }
}
