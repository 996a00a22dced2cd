import RestoreConcurrency
import RestoreFiles
import RestoreModels
import RestoreNN
import RestoreTraining
import TestSupport
import Testing

/// A few steps of training of every kind, on the digits of `Fixtures/mnist`.
@Suite struct AutoencoderCurveTests {
    typealias Kind = AutoencoderArchitecture.Kind
    private let folder: TemporaryFolder
    private let pool = WorkerPool(workerCount: 2)

    init() throws {
        folder = try TemporaryFolder()
    }

    private static let steps = 30

    private func configuration(_ kind: Kind) -> AutoencoderConfiguration {
        var configuration = AutoencoderConfiguration()
        configuration.kind = kind
        configuration.data = [DataSource(path: Fixtures.path("mnist"))]
        if kind == .segmentation {
            configuration.photographs = Fixtures.path("images/astronaut.png")
            (configuration.hidden, configuration.codeSize) = ([8, 12], 16)
        } else {
            configuration.pictureSize = 12
            configuration.codeSize = 16
            configuration.activeUnits = 4
            if !configuration.hidden.isEmpty { configuration.hidden = kind == .convolutional ? [8, 12] : [32, 24] }
        }
        configuration.trainer.steps = Self.steps
        configuration.trainer.epochs = nil
        configuration.trainer.batchSize = 16
        configuration.trainer.learningRate = 3e-3
        configuration.trainer.warmupSteps = 0
        configuration.trainer.reportInterval = 10
        configuration.trainer.validationInterval = Self.steps
        return configuration
    }

    /// The mean losses of steps 1–10, 11–20 and 21–30, and the first score of the validation.
    private func curve(_ kind: Kind) throws -> [Float] {
        let configuration = configuration(kind)
        let task = try configuration.makeTask(
            configuration.graph(), notes: [:], pool: pool, logger: LogRecorder().logger)
        let start = Trainer<AutoencoderTraining>.Start(
            about: RunDescription(configuration: configuration.yaml, settingsDigest: configuration.digest),
            isStopRequested: { false })
        let outcome = try Trainer(
            task, settings: configuration.trainer, folder: folder("run"), start: start, pool: pool,
            logger: LogRecorder().logger
        ).run()
        let lines = String(decoding: try readFile(folder("run/metrics.csv")), as: UTF8.self).split(separator: "\n")
        let losses = lines.dropFirst().compactMap { Float($0.split(separator: ",")[1]) }
        return losses + [Float(try #require(outcome.lastScore))]
    }

    /// What this program gave when the test was written. On another processor the last digits may differ, which thirty
    /// steps enlarge.
    private static let recorded: [Kind: [Float]] = [
        .dense: [0.06958398, 0.04311322, 0.04040892, 0.040343806],
        .linear: [0.24221191, 0.16207792, 0.14859006, 0.17367044],
        .convolutional: [0.074919075, 0.053329956, 0.0485542, 0.04879142],
        .denoising: [0.25752884, 0.09645931, 0.08272433, 0.08130326],
        .sparse: [0.13087459, 0.07824256, 0.07616873, 0.078134626],
        .kSparse: [0.13019194, 0.08333596, 0.0804835, 0.0842868],
        .contractive: [0.39199558, 0.19419678, 0.15888707, 0.15037015],
        .variational: [99.707375, 89.907, 82.20036, 79.46379],
        .conditional: [99.54676, 88.65643, 80.34437, 77.389824],
        .segmentation: [1.9315039, 0.99662906, 0.8625794, 0.0916985],
    ]

    @Test(arguments: Kind.allCases) func theLossFollowsTheRecordedCurve(kind: Kind) throws {
        let (found, expected) = (try curve(kind), try #require(Self.recorded[kind]))
        expectClose(found, expected, kind.rawValue, tolerance: Tolerance(absolute: 1e-5, relative: 1e-3))
        // It learns.
        #expect(found[2] < found[0])
    }
}
