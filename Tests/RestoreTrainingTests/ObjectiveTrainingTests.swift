import Glibc
import RestoreConcurrency
import RestoreFiles
import RestoreNN
import RestoreTraining
import Synchronization
import TestSupport
import Testing

/// Training of an objective of several terms, with random draws among the inputs and a model that is part of what is
/// trained.
@Suite struct ObjectiveTrainingTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private static let steps = 24

    private static var settings: TrainerSettings {
        var settings = TrainerSettings(
            steps: steps, learningRate: 0.02, warmupSteps: 2, averageDecay: 0.5, reportInterval: 4,
            validationInterval: 6)
        settings.batchSize = 3
        return settings
    }

    @discardableResult private static func run(
        _ folder: String, resuming: Bool = false, workers: Int = 2, parameters: Parameters? = nil,
        afterStep: @escaping @Sendable (Int) -> Bool = { _ in false }
    ) throws -> Trainer<ToyTask>.Outcome {
        let steps = Atomic(0)
        let start = Trainer<ToyTask>.Start(
            about: RunDescription(configuration: "a: 1\n", settingsDigest: "toy"), parameters: parameters,
            isResumed: resuming,
            isStopRequested: { afterStep(steps.wrappingAdd(1, ordering: .relaxed).newValue) })
        return try Trainer(
            ToyTask(), settings: settings, folder: folder, start: start, pool: WorkerPool(workerCount: workers),
            logger: LogRecorder().logger
        ).run()
    }

    /// The models and the metrics but for the times.
    private func result(_ name: String) throws -> [[UInt8]] {
        let csv = String(decoding: try readFile(folder("\(name)/metrics.csv")), as: UTF8.self)
        let rows = csv.split(separator: "\n").map { row in
            row.split(separator: ",", omittingEmptySubsequences: false).dropLast(2).joined(separator: ",")
        }
        return try ["last", "best"].map { try readFile(folder("\(name)/\($0).safetensors")) }
            + [Array(rows.joined(separator: "\n").utf8)]
    }

    @Test func metricsHaveAColumnForEveryTermAndMeasure() throws {
        try Self.run(folder("run"))
        let lines = String(decoding: try readFile(folder("run/metrics.csv")), as: UTF8.self).split(separator: "\n")
        #expect(
            lines[0] == """
                step,loss,loss_reconstruction,loss_recognition,learning_rate,gradient_norm,validation_error,\
                validation_distance,seconds,pictures
                """)
        let rows = lines.dropFirst().map { $0.split(separator: ",", omittingEmptySubsequences: false) }
        #expect(rows.map { $0[0] } == ["4", "6", "8", "12", "16", "18", "20", "24"])
        for row in rows {
            #expect(row[6].isEmpty == row[7].isEmpty && row[6].isEmpty != (Int(row[0]).map { $0 % 6 == 0 } ?? false))
            #expect(row[9] == "\(3 * (Int(row[0]) ?? 0)).000")
        }
        // Steps 13…16 have the final weight.
        let last = try #require(rows.first { $0[0] == "16" }).map { Double($0) }
        let (loss, first, second) = (try #require(last[1]), try #require(last[2]), try #require(last[3]))
        #expect(abs(loss - (first + 0.5 * second)) < 1e-9)
        let report = String(decoding: try readFile(folder("run/report.html")), as: UTF8.self)
        for text in ["Validation Error", "Validation Distance", "Training recognition", "pictures per second"] {
            #expect(report.contains(text), "\(text)")
        }
        #expect(!report.contains("PSNR") && !report.contains("megapixels"))
    }

    /// The lower of two scores is the better one where the metric says so.
    @Test func theBestModelIsThatOfTheLowestError() throws {
        let outcome = try Self.run(folder("run"))
        let lines = String(decoding: try readFile(folder("run/metrics.csv")), as: UTF8.self).split(separator: "\n")
        let scores = lines.dropFirst().compactMap { line in
            Double(line.split(separator: ",", omittingEmptySubsequences: false)[6])
        }
        let lowest = try #require(scores.min())
        #expect(abs(try #require(outcome.bestScore) - lowest) < 1e-3 && scores.count == 4)
    }

    @Test func aModelHoldsWhatLeadsToItsOutputs() throws {
        try Self.run(folder("run"))
        let file = try SafetensorsFile(path: folder("run/last.safetensors"))
        #expect(Set(file.tensorNames) == ["mean.weight", "mean.bias", "decoder.weight", "decoder.bias"])
        #expect(file.metadata["restore.subset"] == "86 of the 96 parameters that were trained")
        #expect(try file.parameters(for: ToyTask().graph.model).values.count == 86)
        // A run can start from it: the rest starts fresh.
        let fresh = Parameters(initializing: ToyTask().graph.network, seed: 1)
        let (parameters, taken) = try file.parameters(wherePossible: fresh)
        #expect(taken == 4 && parameters.layout == fresh.layout)
        #expect(parameters["recognition.weight"] == fresh["recognition.weight"])
        #expect(try Self.run(folder("second"), parameters: parameters).steps == Self.steps)
    }

    @Test func randomDrawsDependOnStepAndPlaceAlone() throws {
        for workers in [1, 2, 4] { try Self.run(folder("run\(workers)"), workers: workers) }
        #expect(try result("run1") == result("run2") && result("run1") == result("run4"))
    }

    @Test func wheneverItIsStoppedItEndsInTheSameBits() throws {
        try Self.run(folder("whole"))
        let expected = try result("whole")
        for stop in [1, 5, 6, 11, 23] {
            let name = "stopped\(stop)"
            #expect(try Self.run(folder(name), afterStep: { $0 == stop }).end == .interrupted)
            #expect(try Self.run(folder(name), resuming: true, workers: 1 + stop % 3).steps == Self.steps)
            #expect(try result(name) == expected, "stopped after step \(stop)")
        }
    }

    /// A killed run resumes from its last checkpoint, that of a validation.
    @Test(arguments: [4, 9, 20]) func aKilledRunResumesInTheSameBits(step: Int) async throws {
        let path = folder("killed")
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String, step = step as Int] in
            _ = try Self.run(path) { done in
                if done == step { kill(getpid(), SIGKILL) }
                return false
            }
        }
        let checkpoints = try folder.names.filter { $0.hasPrefix("killed/checkpoint-") }
        #expect(checkpoints.isEmpty == (step < 6), "\(checkpoints)")
        try Self.run(path, resuming: true)
        try Self.run(folder("whole"))
        #expect(try result("killed") == result("whole"))
    }
}
