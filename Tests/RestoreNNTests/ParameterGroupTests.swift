import RestoreConcurrency
import RestoreNN
import TestSupport
import Testing

/// Which parameter is optimized how, and that the optimizer keeps to it.
@Suite struct ParameterGroupTests {
    private let pool = WorkerPool(workerCount: 3)
    private let network = networkOfAllOperators(height: 16, width: 16)
    private var layout: ParameterLayout { ParameterLayout(network) }

    /// Gradients, one for each step.
    private func gradients(_ count: Int, steps: Int, seed: UInt64) -> [[Float]] {
        var generator = SeededGenerator(seed: seed)
        return (0..<steps).map { _ in generator.values(count) }
    }

    private func trained(_ optimizer: inout Optimizer, _ parameters: [Float], _ gradients: [[Float]]) -> [Float] {
        var parameters = parameters
        for gradient in gradients {
            optimizer.update(&parameters, gradients: gradient, learningRate: 0.01, pool: pool)
        }
        return parameters
    }

    // MARK: Rules

    @Test func whatHasOneSideDoesNotDecay() {
        for groups in [
            ParameterGroups(layout, method: .adamW, weightDecay: 0.1),
            .muon(layout, learningRateScale: 10, weightDecay: 0.1),
        ] {
            for (entry, treatment) in zip(layout.entries, groups.treatments) {
                #expect(treatment.weightDecay == (entry.specification.shape.count == 1 ? 0 : 0.1))
                #expect(!treatment.isFrozen)
            }
        }
        #expect(Set(layout.entries.map(\.specification.shape.count)).isSuperset(of: [1, 4]))
    }

    @Test func muonGetsTheMatricesBetweenTheFirstAndTheLast() {
        let layout = ParameterLayout(
            shapes: [
                [8], [16, 4, 3, 3], [16], [32, 16, 2, 2], [32, 1, 3, 3], [1, 32], [32], [20, 32], [12, 20], [12],
            ])
        let groups = ParameterGroups.muon(layout, learningRateScale: 10)
        #expect(groups.treatments.indices.filter { groups.treatments[$0].method == .muon } == [3, 7])
        #expect(groups.treatments.map(\.learningRateScale) == [1, 1, 1, 10, 1, 1, 1, 10, 1, 1])
        // Too few for anything between.
        let small = ParameterGroups.muon(ParameterLayout(shapes: [[4, 4], [4]]), learningRateScale: 10)
        #expect(small.treatments.allSatisfy { $0.method == .adamW })
        #expect(ParameterGroups.muon(ParameterLayout(shapes: []), learningRateScale: 10).treatments.isEmpty)
    }

    @Test func groupsMayBeOfARuleOfOnesOwn() {
        let groups = ParameterGroups(ParameterLayout(shapes: [[3], [3]])) { entry in
            .init(.adam, learningRateScale: entry.specification.name == "0" ? 0.5 : 2)
        }
        var optimizer = Optimizer(groups)
        var parameters: [Float] = [0, 0, 0, 0, 0, 0]
        optimizer.update(
            &parameters, gradients: [1, -1, 1, -1, 1, -1], learningRate: 0.25, pool: pool)
        expectClose(parameters, [-0.125, 0.125, -0.125, 0.5, -0.5, 0.5], "first step")
    }

    /// The loop that was the only optimizer before there were groups.
    @Test func withoutDecayTheBitsAreThoseOfOneGroup() {
        let settings = Optimizer.Settings(beta1: 0.9, beta2: 0.95)
        var optimizer = Optimizer(ParameterGroups(layout, method: .adamW), settings: settings)
        let start = randomParameters(network, seed: 181)
        let gradients = gradients(layout.count, steps: 4, seed: 182)
        let found = trained(&optimizer, start, gradients)
        var (p, m) = (start, [Float](repeating: 0, count: start.count))
        var v = m
        var (power1, power2) = (1.0, 1.0)
        for g in gradients {
            power1 *= Double(settings.beta1)
            power2 *= Double(settings.beta2)
            let stepSize = Float(Double(Float(0.01)) / (1 - power1))
            let root = Float((1 - power2).squareRoot())
            for i in p.indices {
                m[i] += (1 - settings.beta1) * (g[i] - m[i])
                v[i] = settings.beta2 * v[i] + (1 - settings.beta2) * g[i] * g[i]
                p[i] = p[i] - stepSize * m[i] / (v[i].squareRoot() / root + settings.epsilon)
            }
        }
        expectSameBits(found, p, "parameters")
        expectSameBits(optimizer.firstMoments, m, "first moments")
        expectSameBits(optimizer.secondMoments, v, "second moments")
    }

    // MARK: Frozen parameters

    private static let allGroups: [@Sendable (ParameterLayout) -> ParameterGroups] = [
        { ParameterGroups($0, method: .adam, weightDecay: 0.1) },
        { ParameterGroups($0, method: .adamW, weightDecay: 0.1) },
        { .muon($0, learningRateScale: 4, weightDecay: 0.1) },
    ]

    @Test(arguments: 0..<3) func frozenParametersKeepTheirBits(method: Int) throws {
        let all = Self.allGroups[method](layout)
        let names = layout.entries.map(\.specification.name)
        let frozen = Set(names.enumerated().filter { $0.offset % 3 != 1 }.map(\.element))
        let start = randomParameters(network, seed: 183)
        var generator = SeededGenerator(seed: 184)
        let (first, second) = (generator.values(layout.count), generator.values(layout.count, in: 0...1))
        let gradients = gradients(layout.count, steps: 3, seed: 185)
        func run(_ groups: ParameterGroups) -> (parameters: [Float], optimizer: Optimizer) {
            var optimizer = Optimizer(
                groups, settings: .init(), firstMoments: first, secondMoments: second, step: 7)
            let parameters = trained(&optimizer, start, gradients)
            return (parameters, optimizer)
        }
        let (whole, some) = (run(all), run(all.freezing { frozen.contains($0) }))
        for entry in layout.entries {
            let (name, range) = (entry.specification.name, entry.range)
            let isFrozen = frozen.contains(name)
            // What is not frozen does not notice.
            expectSameBits(some.parameters[range], (isFrozen ? start : whole.parameters)[range], name)
            expectSameBits(
                some.optimizer.firstMoments[range], (isFrozen ? first : whole.optimizer.firstMoments)[range], name)
            expectSameBits(
                some.optimizer.secondMoments[range], (isFrozen ? second : whole.optimizer.secondMoments)[range], name)
            #expect(whole.parameters[range] != start[range], "\(name)")
        }
    }

    @Test func prefixesFreeze() {
        let specifications = ["encoder.0.weight", "encoder.1.weight", "encoder10", "head.weight"].map {
            ParameterSpecification(name: $0, shape: [2, 2], initialization: .zeros)
        }
        let groups = ParameterGroups(ParameterLayout(specifications), method: .adamW)
        #expect(groups.freezing(prefixes: ["encoder."]).treatments.map(\.isFrozen) == [true, true, false, false])
        #expect(groups.freezing(prefixes: []) == groups)
        let both = groups.freezing(prefixes: ["encoder.1", "head"]).freezing { $0 == "encoder10" }
        #expect(both.treatments.map(\.isFrozen) == [false, true, true, true])
    }

    @Test func clippingIgnoresFrozenParameters() {
        let layout = ParameterLayout(shapes: [[2], [2], [1]])
        let groups = ParameterGroups(layout, method: .adamW)
        var gradients: [Float] = [3, 0, .nan, 1e30, -4]
        let optimizer = Optimizer(groups.freezing { $0 == "1" })
        #expect(optimizer.clipGradientNorm(&gradients, maximum: 1, pool: pool) == 5)
        expectClose(gradients, [0.6, 0, 0, 0, -0.8], "clipped", tolerance: Tolerance(absolute: 0, relative: 1e-6))
        // With nothing frozen it is the plain one, to the last bit.
        var generator = SeededGenerator(seed: 186)
        let plain = Optimizer.adamW(parameterCount: 40_001)
        var (first, second) = (generator.values(40_001), [Float]())
        second = first
        #expect(
            plain.clipGradientNorm(&first, maximum: 1, pool: pool)
                == RestoreNN.clipGradientNorm(&second, maximum: 1, pool: pool))
        expectSameBits(first, second, "clipped")
        #expect(Optimizer(groups.freezing { _ in true }).clipGradientNorm(&gradients, maximum: 1, pool: pool) == 0)
    }

    // MARK: Muon

    /// With matrices and everything else, several tasks each.
    private static let shapes = [
        [12, 3, 3, 3], [24, 12, 3, 3], [24], [40, 24, 2, 2], [24, 40, 2, 2], [300, 120], [9, 60], [9],
    ]

    @Test func workersDoNotChangeTheBitsOfMuon() {
        let layout = ParameterLayout(shapes: Self.shapes)
        let groups = ParameterGroups.muon(layout, learningRateScale: 5, weightDecay: 0.01)
        #expect(groups.treatments.count { $0.method == .muon } == 4)
        var generator = SeededGenerator(seed: 187)
        let start = generator.values(layout.count)
        let gradients = gradients(layout.count, steps: 3, seed: 188)
        func run(workers: Int) -> [Float] {
            let pool = WorkerPool(workerCount: workers)
            var (optimizer, parameters) = (Optimizer(groups), start)
            for gradient in gradients {
                optimizer.update(&parameters, gradients: gradient, learningRate: 0.01, pool: pool)
            }
            return parameters + optimizer.firstMoments + optimizer.secondMoments
        }
        let expected = run(workers: 1)
        for workers in [2, 3, 8] { expectSameBits(run(workers: workers), expected, "\(workers) workers") }
    }

    /// The moments and the step are all that a checkpoint needs.
    @Test func muonGoesOnFromItsState() {
        let layout = ParameterLayout(shapes: Self.shapes)
        let groups = ParameterGroups.muon(layout, learningRateScale: 5)
        var generator = SeededGenerator(seed: 189)
        let start = generator.values(layout.count)
        let gradients = gradients(layout.count, steps: 6, seed: 190)
        var whole = Optimizer(groups)
        let expected = trained(&whole, start, gradients)
        var first = Optimizer(groups)
        let middle = trained(&first, start, Array(gradients.prefix(2)))
        var second = Optimizer(
            groups, settings: first.settings, firstMoments: first.firstMoments, secondMoments: first.secondMoments,
            step: first.step)
        expectSameBits(trained(&second, middle, Array(gradients.dropFirst(2))), expected, "parameters")
        expectSameBits(second.firstMoments, whole.firstMoments, "first moments")
        #expect(second.step == 6)
        // Matrices have no second moments.
        let entry = layout.entries[1]
        #expect(groups.treatments[1].method == .muon && whole.secondMoments[entry.range].allSatisfy { $0 == 0 })
    }
}
