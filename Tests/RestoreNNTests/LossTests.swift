import RestoreConcurrency
import Glibc
import RestoreNN
import TestSupport
import Testing

@Suite struct LossTests {
    private static let losses: [DifferenceLoss.Measure] = [
        .l1, .l2, .charbonnier(epsilon: 1e-3), .charbonnier(epsilon: 1),
    ]
    private let pool = WorkerPool(workerCount: 3)

    private func evaluate(
        _ measure: DifferenceLoss.Measure, _ prediction: [Float], _ target: [Float], examples: Int = 1
    ) throws -> (Double, [Float]) {
        try TestSupport.evaluate(DifferenceLoss(measure), prediction, target, examples: examples, pool: pool)
    }

    /// The term of one difference and its derivative.
    private func term(_ loss: DifferenceLoss.Measure, _ d: Double) -> (value: Double, derivative: Double) {
        switch loss {
        case .l1: return (abs(d), d > 0 ? 1 : (d < 0 ? -1 : 0))
        case .l2: return (d * d, 2 * d)
        case .charbonnier(let epsilon):
            let root = (d * d + Double(epsilon) * Double(epsilon)).squareRoot()
            return (root, d / root)
        case .negativePSNR:
            preconditionFailure("no sum of terms")
        }
    }

    @Test(arguments: losses, [1, 2, 1000, 16 * 1024, 16 * 1024 + 1, 100_001])
    func valueAndGradientAreThoseOfTheMean(_ loss: DifferenceLoss.Measure, count: Int) throws {
        var generator = SeededGenerator(seed: 151, path: UInt64(count))
        let (prediction, target) = (generator.values(count), generator.values(count))
        let (value, gradient) = try evaluate(loss, prediction, target)
        let terms = zip(prediction, target).map { term(loss, Double($0 - $1)) }
        let mean = terms.reduce(0) { $0 + $1.value } / Double(count)
        #expect(abs(value - mean) <= 1e-6 * mean, "\(loss) of \(count): \(value), expected \(mean)")
        expectClose(
            gradient.map { $0 * Float(count) }, terms.map { Float($0.derivative) }, "\(loss) of \(count)",
            seed: 151)
    }

    @Test(arguments: losses) func gradientIsTheSlope(_ loss: DifferenceLoss.Measure) throws {
        var generator = SeededGenerator(seed: 152)
        let target = generator.values(50)
        // Differences of at least 0.1, away from the kink.
        let prediction = target.map {
            $0 + Float(generator.uniform() < 0.5 ? -0.1 : 0.1) - Float(generator.uniform()) * 0.01
        }
        let direction = generator.values(50)
        func value(_ step: Float) throws -> Double {
            try evaluate(loss, zip(prediction, direction).map { $0 + step * $1 }, target).0
        }
        let slope = try (value(0.01) - value(-0.01)) / 0.02
        let expected = dot(try evaluate(loss, prediction, target).1, direction)
        #expect(abs(slope - expected) < 1e-3 * abs(expected) + 1e-5, "\(loss): \(slope), \(expected)")
    }

    @Test(arguments: losses) func noDifferenceNoGradient(_ loss: DifferenceLoss.Measure) throws {
        let (value, gradient) = try evaluate(loss, [1, -2, 0], [1, -2, 0])
        #expect(gradient == [0, 0, 0])
        if case .charbonnier(let epsilon) = loss {
            #expect(abs(value - Double(epsilon)) < 1e-6)
        } else {
            #expect(value == 0)
        }
    }

    @Test(arguments: losses) func aNaNShows(_ loss: DifferenceLoss.Measure) throws {
        let (value, gradient) = try evaluate(loss, [1, .nan, 3], [1, 2, 5])
        #expect(value.isNaN && gradient[1].isNaN)
        #expect(gradient[0] == 0 && gradient[2] < 0)
        #expect(try evaluate(loss, [1], [.nan]).0.isNaN)
        #expect(try evaluate(loss, [.infinity], [0]).0 == .infinity)
    }

    // MARK: PSNR

    /// Minus the mean PSNR, each example by itself.
    @Test(arguments: [1, 2, 5]) func thePSNRLossIsTheMeanOverTheExamples(examples: Int) throws {
        var generator = SeededGenerator(seed: 153)
        let count = 300
        let target = generator.values(examples * count)
        let prediction = target.enumerated().map { index, value in
            value + Float(generator.normal()) * 0.01 * Float(1 + index / count)
        }
        let (value, gradient) = try evaluate(.negativePSNR, prediction, target, examples: examples)
        var (mean, expected): (Double, [Float]) = (0, [])
        for example in 0..<examples {
            let differences = (0..<count).map {
                Double(prediction[example * count + $0] - target[example * count + $0])
            }
            let error = differences.reduce(0) { $0 + $1 * $1 } / Double(count) + 1e-8
            mean += 10 * log10(error) / Double(examples)
            let scale = 10 / log(10) / error / Double(count * examples)
            expected += differences.map { Float(2 * $0 * scale) }
        }
        #expect(abs(value - mean) < 1e-6 * abs(mean))
        expectClose(gradient, expected, "gradient", seed: 153)
    }

    /// A prediction that is right has a gradient of zero and a loss of −80 dB, not of minus infinity.
    @Test func thePSNRLossHasAFloor() throws {
        let (value, gradient) = try evaluate(.negativePSNR, [1, -2, 0], [1, -2, 0])
        #expect(abs(value + 80) < 1e-9 && gradient == [0, 0, 0])
        let (broken, broke) = try evaluate(.negativePSNR, [1, .nan, 3, 4], [1, 2, 3, 5], examples: 2)
        #expect(broken.isNaN && broke[1].isNaN && broke[3] < 0)
    }
}
