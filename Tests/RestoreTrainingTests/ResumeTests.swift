import RestoreConcurrency
import Glibc
import RestoreFiles
import RestoreNN
import RestoreTraining
import Synchronization
import TestSupport
import Testing

/// Runs that are stopped and go on.
@Suite struct ResumeTests {
    private let folder: TemporaryFolder
    private let log = LogRecorder()

    init() throws {
        folder = try TemporaryFolder()
    }

    private static let steps = 23

    private var settings: TrainerSettings {
        var settings = TrainerSettings(
            steps: Self.steps, learningRate: 0.05, warmupSteps: 4, averageDecay: 0.8, reportInterval: 3,
            validationInterval: 7)
        settings.batchSize = 2
        return settings
    }

    /// - Parameter stop: the step after which it is asked to stop.
    @discardableResult private func run(
        _ name: String, stop: Int? = nil, resuming: Bool = false, overwriting: Bool = false, workers: Int = 1,
        task: ScriptedTask = ScriptedTask(), settings: TrainerSettings? = nil, digest: String = "same"
    ) throws -> Trainer<ScriptedTask>.Outcome {
        let asked = Counter()
        let start = Trainer<ScriptedTask>.Start(
            about: RunDescription(configuration: "a: 1\n", settingsDigest: digest), isResumed: resuming,
            overwrites: overwriting,
            isStopRequested: { asked.next() == stop })
        return try Trainer(
            task, settings: settings ?? self.settings, folder: folder(name), start: start,
            pool: WorkerPool(workerCount: workers), logger: log.logger
        ).run()
    }

    /// Counts the questions, one a step.
    private final class Counter: Sendable {
        private let count = Mutex(0)

        func next() -> Int {
            count.withLock { count in
                count += 1
                return count
            }
        }
    }

    /// Everything that must come out the same: models, the columns of the metrics that are no times, and the names of the
    /// other files. Which checkpoints there are depends on where a run was stopped.
    private func result(_ name: String) throws -> [String: [UInt8]] {
        var result: [String: [UInt8]] = [:]
        for file in try ["last.safetensors", "best.safetensors"] + samples(name) {
            result[file] = try readFile(folder("\(name)/\(file)"))
        }
        let csv = String(decoding: try readFile(folder("\(name)/metrics.csv")), as: UTF8.self)
        let rows = csv.split(separator: "\n").map { row in
            row.split(separator: ",", omittingEmptySubsequences: false).enumerated().filter { $0.offset != 5 }
                .map(\.element).joined(separator: ",")
        }
        result["metrics"] = Array(rows.joined(separator: "\n").utf8)
        let names = try folder.names.filter {
            $0.hasPrefix("\(name)/") && !$0.contains("events") && !$0.contains("checkpoint")
        }
        result["names"] = Array(names.map { $0.dropFirst(name.count) }.joined(separator: " ").utf8)
        return result
    }

    private func samples(_ name: String) throws -> [String] {
        try folder.names.filter { $0.hasPrefix("\(name)/samples/") }.map { String($0.dropFirst(name.count + 1)) }
    }

    @Test func wheneverARunIsStoppedItEndsInTheSameBits() throws {
        let whole = try run("whole")
        #expect(whole.end == .finished && whole.steps == Self.steps)
        let expected = try result("whole")
        for stop in 1..<Self.steps {
            let name = "stopped\(stop)"
            let first = try run(name, stop: stop, workers: 1 + stop % 3)
            #expect((first.end, first.steps) == (.interrupted, stop))
            let second = try run(name, resuming: true, workers: 1 + (stop + 1) % 3)
            #expect((second.end, second.steps) == (.finished, Self.steps))
            #expect(try result(name) == expected, "stopped after step \(stop)")
        }
    }

    /// With matrices for Muon between the first layer and the last.
    @Test(arguments: [OptimizerKind.muon, .adam]) func soDoRunsByOtherOptimizers(optimizer: OptimizerKind) throws {
        var task = ScriptedTask()
        var network = Network()
        var value = network.input("input")
        for (index, (inputs, outputs)) in [(1, 3), (3, 5), (5, 2), (2, 1)].enumerated() {
            let layer = Convolution(inputChannels: inputs, outputChannels: outputs, kernel: 1)
            value = network.add("layer\(index)", layer, value)
        }
        network.output(value)
        task.graph = TrainingGraph(network, loss: DifferenceLoss(.l1), name: "loss")
        var settings = settings
        settings.optimizer = optimizer
        settings.weightDecay = 0.1
        try run("whole", task: task, settings: settings)
        let expected = try result("whole")
        for stop in [1, 8, 22] {
            try run("s\(stop)", stop: stop, task: task, settings: settings)
            try run("s\(stop)", resuming: true, workers: 3, task: task, settings: settings)
            #expect(try result("s\(stop)") == expected, "stopped after step \(stop)")
        }
        settings.optimizer = .adamw
        try run("adamw", task: task, settings: settings)
        #expect(try result("adamw") != expected)
    }

    @Test func aRunMayBeStoppedAfterEveryStep() throws {
        try run("whole")
        var outcome = try run("halting", stop: 1)
        while outcome.end == .interrupted { outcome = try run("halting", stop: 1, resuming: true) }
        #expect(outcome.steps == Self.steps)
        #expect(try result("halting") == result("whole"))
    }

    @Test func patienceAndTheBestScoreSurvive() throws {
        var settings = settings
        settings.steps = 40
        settings.validationInterval = 2
        settings.patience = 3
        // Steps this large make the weight swing around its goal.
        settings.learningRate = 0.9
        settings.warmupSteps = 0
        let whole = try run("whole", settings: settings)
        #expect(whole.end == .outOfPatience && whole.steps < 40, "the task must run out of patience")
        for stop in 1..<whole.steps {
            try run("s\(stop)", stop: stop, settings: settings)
            let outcome = try run("s\(stop)", resuming: true, settings: settings)
            #expect((outcome.end, outcome.steps, outcome.bestScore) == (whole.end, whole.steps, whole.bestScore))
            #expect(try result("s\(stop)") == result("whole"))
        }
    }

    // MARK: Checkpoints

    private func checkpoints(_ name: String) throws -> [String] {
        try folder.names.filter { $0.hasPrefix("\(name)/checkpoint-") }
    }

    @Test func theTwoNewestAreKept() throws {
        try run("run")
        #expect(try checkpoints("run") == ["run/checkpoint-21.safetensors", "run/checkpoint-23.safetensors"])
    }

    @Test func whereTheNewestIsDamagedTheOneBeforeServes() throws {
        try run("whole")
        try run("run", stop: 16)
        #expect(try checkpoints("run") == ["run/checkpoint-14.safetensors", "run/checkpoint-16.safetensors"])
        var bytes = try readFile(folder("run/checkpoint-16.safetensors"))
        bytes[bytes.count - 5] ^= 0x10
        try folder.write(bytes, "run/checkpoint-16.safetensors")
        // It does not count among the two that are kept.
        try run("run", stop: 1, resuming: true)
        #expect(log.lines.contains { $0.contains("checkpoint-16.safetensors") && $0.contains("checksum") })
        let kept = ["run/checkpoint-14.safetensors", "run/checkpoint-15.safetensors"]
        #expect(try checkpoints("run").filter { !$0.hasSuffix(".damaged") } == kept)
        #expect(try checkpoints("run").contains("run/checkpoint-16.safetensors.damaged"))
        try run("run", resuming: true)
        #expect(try result("run") == result("whole"))
    }

    @Test func whereAllAreDamagedNothingIsTouched() throws {
        try run("run", stop: 16)
        for name in try checkpoints("run") { try folder.write(Array("no checkpoint".utf8), name) }
        let before = try result("run")
        let error = #expect(throws: TrainingError.self) { try run("run", resuming: true) }
        #expect("\(try #require(error))".contains("checkpoint-16.safetensors"))
        #expect(try result("run") == before)
    }

    @Test func aRunThatWasEndedBeforeItsFirstCheckpointStartsAnew() throws {
        try run("whole")
        try folder.write(Array("a: 1\n".utf8), "run/config.yaml")
        try run("run", resuming: true)
        #expect(try result("run") == result("whole"))
    }

    @Test func aFinishedRunStaysAsItIs() throws {
        try run("run")
        let before = try result("run")
        let report = try readFile(folder("run/report.html"))
        let score = try run("whole").lastScore
        let outcome = try run("run", resuming: true)
        #expect((outcome.end, outcome.steps) == (.finished, Self.steps))
        #expect(outcome.lastScore == score && score != nil)
        #expect(try result("run") == before)
        #expect(try readFile(folder("run/report.html")) == report)
        #expect(try folder.names.count { $0.hasPrefix("run/events") } == 1)
    }

    /// Models and no checkpoint: what was trained so far would be lost.
    @Test func aRunWithoutItsCheckpointsIsNotTrainedOver() throws {
        try run("run", stop: 9)
        for name in try checkpoints("run") { removeFile(folder(name)) }
        let before = try result("run")
        #expect(throws: TrainingError.noCheckpoint(folder: folder("run"))) { try run("run", resuming: true) }
        #expect(try result("run") == before)
    }

    // MARK: Time

    /// Writes into the newest checkpoint that so many seconds of the run are over.
    private func setSeconds(_ seconds: Double, in run: String) throws {
        let name = try #require(try checkpoints(run).last)
        let file = try SafetensorsFile(path: folder(name))
        let tensors = try file.tensorNames.map { tensor in
            SafetensorsFile.NamedTensor(
                name: tensor, shape: try #require(file.shape(of: tensor)), values: try file.values(of: tensor))
        }
        var metadata = file.metadata
        #expect(try #require(metadata["restore.seconds"].flatMap { Double($0) }) > 0, "what the run took so far")
        metadata["restore.seconds"] = "\(seconds)"
        metadata["restore.checksum"] = nil
        try folder.write(SafetensorsFile.serialize(tensors, metadata: metadata), name)
    }

    /// Of an hour, a part is over by the clock of the parts before: the schedule is as far, and an hour that is over
    /// leaves nothing to do. What the test itself takes is less than a thousandth of the hour.
    @Test(arguments: [0, 900, 1800, 2700, 3590, 3600, 4000] as [Double])
    func aTimeLimitGoesOnWhereItStopped(seconds: Double) throws {
        var settings = settings
        (settings.steps, settings.timeLimit, settings.validationInterval) = (nil, 60, 1_000_000)
        (settings.reportInterval, settings.warmupSteps) = (1, 0)
        #expect(try run("run", stop: 5, settings: settings).end == .interrupted)
        try setSeconds(seconds, in: "run")
        let outcome = try run("run", stop: 1, resuming: true, settings: settings)
        let isOver = seconds >= 3600
        #expect((outcome.end, outcome.steps) == (isOver ? .finished : .interrupted, isOver ? 5 : 6))
        #expect((seconds...(seconds + 3.6)).contains(outcome.seconds), "\(outcome.seconds)")
        guard !isOver else { return }
        let csv = String(decoding: try readFile(folder("run/metrics.csv")), as: UTF8.self).split(separator: "\n")
        let rates = try csv.dropFirst().map { try #require(Double($0.split(separator: ",")[2])) }
        #expect(rates.count == 6 && rates[0] > 0.0499)
        // Loshchilov & Hutter, "SGDR", eq. 5, at this share of the hour.
        let expected = 0.05 * 0.5 * (1 + cos(Double.pi * seconds / 3600))
        #expect(abs(rates[5] - expected) < 0.05 * Double.pi / 2 * 1e-3, "\(rates), expected \(expected)")
    }

    @Test func twoDoNotWorkInOneFolder() throws {
        do {
            let trainer = try Trainer(
                ScriptedTask(), settings: settings, folder: folder("run"),
                start: .init(about: RunDescription(settingsDigest: "same")), pool: WorkerPool(workerCount: 1),
                logger: log.logger)
            let error = #expect(throws: TrainingError.self) { try run("run") }
            #expect("\(try #require(error))".contains("another program is using this folder"))
            #expect(try trainer.run().steps == Self.steps)
        }
        #expect(try run("run", resuming: true).end == .finished)
    }

    @Test func aModelIsNoCheckpoint() throws {
        try run("run", stop: 16)
        for name in try checkpoints("run") { try folder.write(readFile(folder("run/last.safetensors")), name) }
        #expect(throws: TrainingError.self) { try run("run", resuming: true) }
    }

    @Test func theCheckpointOfAnotherRunIsRefused() throws {
        try run("run", stop: 9)
        var other = settings
        other.seed = 2
        var longer = settings
        longer.steps = 99
        var data = ScriptedTask()
        data.dataDigest = "others"
        let changed = #expect(throws: TrainingError.self) { try run("run", resuming: true, digest: "changed") }
        #expect("\(try #require(changed))".contains("its settings were different"))
        for (settings, task, word) in [
            (other, ScriptedTask(), "seed"), (longer, ScriptedTask(), "23 steps"),
            (settings, data, "its data was different (scripted, now others)"),
        ] {
            let error = #expect(throws: TrainingError.self) {
                try run("run", resuming: true, task: task, settings: settings)
            }
            guard case .otherRun(_, let reason) = error else {
                Issue.record("expected otherRun, found \(String(describing: error))")
                continue
            }
            #expect(reason.contains(word))
        }
    }

    // MARK: Starting anew

    @Test func aNewRunInTheFolderTakesTheOldOneAway() throws {
        try run("run")
        #expect(throws: TrainingError.file(.alreadyExists(path: folder("run/config.yaml")))) { try run("run") }
        try run("run", stop: 2, overwriting: true)
        #expect(try checkpoints("run") == ["run/checkpoint-2.safetensors"])
        #expect(try folder.names.count { $0.contains("tfevents") } == 1)
        #expect(!(try folder.names.contains("run/last.safetensors")))
        #expect(try samples("run").isEmpty)
    }

    /// A run's folder may hold other things; what only looks like a run's stays.
    @Test func othersFilesStay() throws {
        let others = [
            "run/checkpoint-final.pth", "run/checkpoint-a.safetensors", "run/samples/photo.png", "run/samples/a-12.png",
            "run/photo-00000005.png", "elsewhere/b-00000005.png",
        ]
        for name in others { try folder.write([7], name) }
        try run("run")
        try run("run", stop: 2, overwriting: true)
        for name in others { #expect(try readFile(folder(name)) == [7], "\(name)") }
        // Nor is anything removed behind a link.
        try folder.makeFolder("linked")
        try #require(symlink(folder("elsewhere"), folder("linked/samples")) == 0)
        try run("linked", stop: 2, overwriting: true)
        #expect(try readFile(folder("elsewhere/b-00000005.png")) == [7])
    }

    @Test(arguments: [
        "metrics.csv", "checkpoint-3.safetensors", "events.out.tfevents.1.a.2.0", "samples/1-00000005.png",
    ])
    func whatLooksLikeARunIsNotReplaced(name: String) throws {
        try folder.write([7], "run/\(name)")
        #expect(throws: TrainingError.file(.alreadyExists(path: folder("run/\(name)")))) { try run("run") }
        #expect(try readFile(folder("run/\(name)")) == [7])
    }

    @Test func weightsMayBeGiven() throws {
        let task = ScriptedTask()
        var parameters = Parameters(initializing: task.graph.network, seed: 1)
        parameters.values[0] = 2
        var settings = settings
        settings.learningRate = 1e-9
        let trainer = try Trainer(
            task, settings: settings, folder: folder("run"),
            start: Trainer<ScriptedTask>.Start(parameters: parameters), pool: WorkerPool(workerCount: 1),
            logger: log.logger)
        #expect(abs(try #require(try trainer.run().lastScore)) < 1e-6)
    }
}
