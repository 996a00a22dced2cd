import Glibc
import RestoreConcurrency
import ModelTestSupport
import RestoreFiles
import RestoreNN
import RestoreTraining
import TestSupport
import Testing

/// What the trainer does with any task: files, records, the best model, and a loss that is not finite.
@Suite struct TrainerTests {
    private let folder: TemporaryFolder
    private let log = LogRecorder()

    init() throws {
        folder = try TemporaryFolder()
    }

    private func settings(steps: Int, validationInterval: Int = 2) -> TrainerSettings {
        var settings = TrainerSettings(
            steps: steps, learningRate: 0.1, warmupSteps: 0, averageDecay: 0, reportInterval: 1,
            validationInterval: validationInterval)
        settings.batchSize = 2
        return settings
    }

    private func run(
        _ task: ScriptedTask, _ settings: TrainerSettings
    ) throws -> Trainer<ScriptedTask>.Outcome {
        let trainer = try Trainer(
            task, settings: settings, folder: folder("run"), pool: WorkerPool(workerCount: 2), logger: log.logger)
        return try trainer.run()
    }

    private func stepOfModel(_ name: String) throws -> String? {
        try SafetensorsFile(path: folder("run/\(name).safetensors")).metadata["step"]
    }

    private func rows() throws -> [[String]] {
        let text = String(decoding: try readFile(folder("run/metrics.csv")), as: UTF8.self)
        return text.split(separator: "\n").map { line in
            line.split(separator: ",", omittingEmptySubsequences: false).map { String($0) }
        }
    }

    @Test func theBestModelIsThatOfTheHighestScore() throws {
        let outcome = try run(ScriptedTask(scores: [10, 30, 20, 30]), settings(steps: 8))
        #expect(try stepOfModel("last") == "8")
        // The first of two equal scores: a later model that is no better replaces nothing.
        #expect(try stepOfModel("best") == "4")
        #expect((outcome.steps, outcome.lastScore, outcome.bestScore) == (8, 30, 30))
    }

    @Test func aScoreThatOnlyFallsKeepsTheFirst() throws {
        let outcome = try run(ScriptedTask(scores: [3, 2, 1]), settings(steps: 6))
        #expect(try stepOfModel("best") == "2")
        #expect((outcome.lastScore, outcome.bestScore) == (1, 3))
    }

    /// Without pictures to validate on nobody can say what is best; then it is the latest.
    @Test func withoutScoresTheLatestIsTheBest() throws {
        let outcome = try run(ScriptedTask(scores: []), settings(steps: 6))
        #expect(try stepOfModel("best") == "6")
        #expect(try stepOfModel("last") == "6")
        #expect(outcome.lastScore == nil && outcome.bestScore == nil)
        #expect(try rows().dropFirst().allSatisfy { $0[4].isEmpty })
        #expect(!log.lines.contains { $0.contains("validation") })
    }

    @Test func theLastStepIsValidatedWhateverTheInterval() throws {
        _ = try run(ScriptedTask(scores: [1, 2, 3]), settings(steps: 5))
        #expect(try stepOfModel("last") == "5")
        #expect(try stepOfModel("best") == "5")
    }

    @Test func metricsHaveARowForEveryReportAndValidation() throws {
        var settings = settings(steps: 10, validationInterval: 5)
        settings.reportInterval = 2
        _ = try run(ScriptedTask(scores: [10.5, 11.25]), settings)
        let rows = try rows()
        #expect(
            rows[0] == ["step", "loss", "learning_rate", "gradient_norm", "validation_psnr", "seconds", "megapixels"])
        #expect(rows.dropFirst().map { $0[0] } == ["2", "4", "5", "6", "8", "10"])
        #expect(rows.dropFirst().map { $0[4] } == ["", "", "10.5000", "", "", "11.2500"])
        for row in rows.dropFirst() {
            #expect(row.count == 7)
            #expect([1, 2, 3, 5, 6].allSatisfy { Double(row[$0]).map { $0 >= 0 && $0.isFinite } ?? false }, "\(row)")
            // Half a cosine over ten steps, at the one before the row.
            let (step, rate) = (try #require(Double(row[0])), try #require(Double(row[2])))
            #expect(abs(rate - 0.05 * (1 + cos(Double.pi * (step - 1) / 10))) < 1e-7, "\(row)")
        }
    }

    /// The loss that is recorded is the mean since the last record, and falls as the one weight finds its target.
    @Test func theRecordedLossFalls() throws {
        var settings = settings(steps: 20, validationInterval: 20)
        settings.learningRate = 0.3
        _ = try run(ScriptedTask(scores: [0]), settings)
        let losses = try rows().dropFirst().map { try #require(Double($0[1])) }
        #expect(losses.count == 20)
        #expect(try #require(losses.last) < 0.2 * losses[0])
    }

    @Test func progressSaysWhatAPersonWantsToKnow() throws {
        _ = try run(ScriptedTask(scores: [1, 2]), settings(steps: 4))
        let lines = log.lines
        #expect(lines.filter { $0.hasPrefix("step ") && $0.contains("loss") }.count == 4)
        let line = try #require(lines.first)
        for part in ["step 1/4", "loss ", "learning rate ", "steps/s", "megapixels/s", " left"] {
            #expect(line.contains(part), "\(line)")
        }
        #expect(lines.contains { $0.contains("step 2/4") && $0.contains("validation PSNR 1.00 dB, the best") })
    }

    @Test(arguments: [Float.nan, .infinity])
    func aLossThatIsNotFiniteStopsAndNamesStepAndFiles(value: Float) throws {
        let task = ScriptedTask(scores: [1, 2, 3], poison: (step: 3, slot: 1, value: value))
        let error = #expect(throws: TrainingError.self) { try run(task, settings(steps: 6)) }
        #expect(error == .notFinite(step: 4, pictures: ["picture 3.0", "picture 3.1"]))
        let message = "\(try #require(error))"
        #expect(message.contains("step 4") && message.contains("picture 3.1"))
        // What was saved before stays.
        #expect(try stepOfModel("last") == "2")
        #expect(try rows().count == 4)
        let report = String(decoding: try readFile(folder("run/report.html")), as: UTF8.self)
        #expect(report.contains("picture 3.1"))
    }

    @Test func aHugeLearningRateIsStopped() throws {
        var settings = settings(steps: 50, validationInterval: 50)
        settings.learningRate = 1e38
        let error = #expect(throws: TrainingError.self) { try run(ScriptedTask(scores: [1]), settings) }
        guard case .notFinite(let step, let pictures) = error else {
            Issue.record("expected notFinite, found \(String(describing: error))")
            return
        }
        #expect(step > 1 && pictures.count == 2)
        #expect(pictures == (0..<2).map { "picture \(step - 1).\($0)" })
    }

    // MARK: The end of a run

    @Test func patienceEndsARunWhoseScoreRisesNoMore() throws {
        var settings = settings(steps: 100)
        settings.patience = 3
        let outcome = try run(ScriptedTask(scores: [1, 5, 4, 6, 5, 6, 5, 9]), settings)
        // 6 at step 8 is the best; the three that follow are no better.
        #expect((outcome.end, outcome.steps, outcome.bestScore) == (.outOfPatience, 14, 6))
        #expect(try stepOfModel("best") == "8" && stepOfModel("last") == "14")
    }

    @Test(arguments: [(3, nil, 11), (3, 6, 6), (1, 50, 4)] as [(Int, Int?, Int)])
    func epochsAreAsManyExamplesAsThereArePictures(epochs: Int, steps: Int?, expected: Int) throws {
        var settings = settings(steps: 1)
        (settings.steps, settings.epochs) = (steps, epochs)
        // Seven pictures in batches of two.
        #expect(try run(ScriptedTask(scores: [], exampleCount: 7), settings).steps == expected)
    }

    /// The schedule follows the clock: near the end the steps are small.
    @Test func timeEndsARun() throws {
        var settings = settings(steps: 1, validationInterval: 1_000_000)
        (settings.steps, settings.timeLimit) = (nil, 0.3 / 60)
        settings.reportInterval = 1
        let outcome = try run(ScriptedTask(scores: [1]), settings)
        #expect(outcome.end == .finished && outcome.steps > 1 && outcome.seconds >= 0.3)
        let rates = try rows().dropFirst().map { try #require(Double($0[2])) }
        #expect(rates[0] > 0.09 && rates[rates.count - 1] < 0.02)
        #expect(zip(rates, rates.dropFirst()).allSatisfy { $0 >= $1 })
    }

    @Test func aRunWithoutAnEndIsRefused() throws {
        var settings = settings(steps: 1)
        settings.steps = nil
        #expect(throws: TrainingError.noEnd) { try run(ScriptedTask(scores: []), settings) }
        #expect(try folder.names.isEmpty)
    }

    /// With threads to spare the batches of coming steps are made while the network works on the present one.
    @Test func batchesArePreparedAheadOfNeed() throws {
        let task = ScriptedTask()
        var settings = settings(steps: 50)
        settings.validationInterval = 10
        let trainer = try Trainer(
            task, settings: settings, folder: folder("run"), pool: WorkerPool(workerCount: 3), logger: log.logger)
        _ = try trainer.run()
        let ahead = task.stepsAhead
        #expect(ahead.count == 5 && ahead.contains { $0 > 0 } && ahead.allSatisfy { $0 <= 4 }, "\(ahead)")
        let alone = ScriptedTask()
        let serial = try Trainer(
            alone, settings: settings, folder: folder("serial"), pool: WorkerPool(workerCount: 1), logger: log.logger)
        _ = try serial.run()
        #expect(alone.stepsAhead == [0, 0, 0, 0, 0])
    }

    // MARK: What cannot work

    @Test func aFolderThatCannotBeMadeIsNamed() throws {
        let path = try folder.write([1], "file")
        #expect(throws: TrainingError.self) {
            try Trainer(
                ScriptedTask(scores: []), settings: settings(steps: 1), folder: path,
                pool: WorkerPool(workerCount: 1), logger: log.logger)
        }
        #expect(try folder.names == ["file"])
    }

    @Test func aNetworkThatDoesNotFitItsBatchIsRefused() throws {
        var task = ScriptedTask(scores: [])
        task.inputs[0] = TrainingInput(height: 4, width: 4, channels: 3)
        let error = #expect(throws: TrainingError.self) { try run(task, settings(steps: 1)) }
        guard case .network = error else {
            Issue.record("expected network, found \(String(describing: error))")
            return
        }
    }
}
