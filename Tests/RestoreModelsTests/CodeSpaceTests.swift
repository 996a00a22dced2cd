import Glibc
import RestoreConcurrency
import RestoreModels
import RestoreNN
import TestSupport
import Testing

/// Clusters, assignments, probes and likelihoods of codes.
@Suite struct CodeSpaceTests {
    private let pool = WorkerPool(workerCount: 2)

    // MARK: Assignment

    /// Against all permutations.
    @Test(arguments: 1...6) func theAssignmentIsTheBest(count: Int) {
        var generator = SeededGenerator(seed: UInt64(count))
        func permutations(_ values: [Int]) -> [[Int]] {
            guard let first = values.first else { return [[]] }
            return permutations(Array(values.dropFirst())).flatMap { rest in
                (0...rest.count).map { Array(rest[..<$0]) + [first] + Array(rest[$0...]) }
            }
        }
        for _ in 0..<20 {
            let costs = (0..<count).map { _ in (0..<count).map { _ in (10 * generator.normal()).rounded() } }
            func cost(_ columns: [Int]) -> Double {
                columns.enumerated().reduce(0) { $0 + costs[$1.offset][$1.element] }
            }
            let found = leastCostAssignment(costs)
            #expect(found.sorted() == Array(0..<count))
            #expect(cost(found) == permutations(Array(0..<count)).map(cost).min())
        }
    }

    @Test func moreColumnsThanRowsLeaveSomeOut() {
        #expect(leastCostAssignment([[5, 1, 9], [4, 1, 9]]) == [1, 0])
        #expect(leastCostAssignment([]) == [])
    }

    @Test func agreementDoesNotDependOnTheNumbersOfGroups() {
        let labels = [4, 4, 4, 7, 7, 9, 9, 9, 9, 9]
        let same = ClusterAgreement(groups: [2, 2, 2, 0, 0, 1, 1, 1, 1, 1], labels: labels)
        #expect(same.accuracy == 1 && abs(same.normalizedMutualInformation - 1) < 1e-12)
        #expect(same.labelOfGroup == [7, 9, 4])
        let worse = ClusterAgreement(groups: [2, 2, 1, 0, 0, 1, 1, 1, 1, 0], labels: labels)
        #expect(abs(worse.accuracy - 0.8) < 1e-12 && worse.normalizedMutualInformation < 0.8)
        // More groups than labels: one has none.
        let split = ClusterAgreement(groups: [0, 0, 0, 1, 1, 2, 2, 2, 3, 3], labels: labels)
        #expect(abs(split.accuracy - 0.8) < 1e-12 && split.labelOfGroup == [4, 7, 9, nil])
        let one = ClusterAgreement(groups: [0, 0, 0, 0], labels: [1, 2, 3, 4])
        #expect(one.accuracy == 0.25 && abs(one.normalizedMutualInformation) < 1e-12)
    }

    // MARK: Clusters

    /// Points around a few centers, far from each other.
    private func blobs(_ dimensions: Int, seed: UInt64) -> (points: [[Float]], labels: [Int]) {
        var generator = SeededGenerator(seed: seed)
        // The corners of a square, in every two axes.
        let centers = (0..<4).map { corner in (0..<dimensions).map { 20 * Double(corner >> ($0 % 2) & 1) } }
        let labels = (0..<400).map { $0 % 4 }
        return (labels.map { label in centers[label].map { Float($0 + generator.normal()) } }, labels)
    }

    @Test(arguments: [2, 16, 19]) func separateBlobsAreFound(dimensions: Int) {
        let (points, labels) = blobs(dimensions, seed: UInt64(dimensions))
        let found = KMeans(points, count: 4, seed: 1, pool: pool)
        #expect(ClusterAgreement(groups: found.groups, labels: labels).accuracy > 0.99)
        // The inertia is that of the groups and means it gives.
        let inertia = zip(points, found.groups).reduce(0.0) { sum, point in
            sum + zip(point.0, found.centers[point.1]).reduce(0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
        }
        #expect(abs(inertia - found.inertia) < 1e-4 * inertia)
        let serial = KMeans(points, count: 4, seed: 1)
        #expect(serial.groups == found.groups && serial.centers == found.centers, "the same for any number of threads")
    }

    @Test func asManyGroupsAsPointsLeaveNoDistance() {
        let points: [[Float]] = [[0, 0], [1, 0], [0, 3], [5, 5]]
        let found = KMeans(points, count: 4, seed: 3)
        #expect(found.inertia == 0 && Set(found.groups).count == 4)
        // Points that are all the same.
        let same = KMeans([[Float]](repeating: [1, 2], count: 6), count: 3, seed: 3)
        #expect(same.inertia == 0 && same.groups.count == 6)
    }

    // MARK: Probe

    @Test func separableCodesAreTold() throws {
        let (points, labels) = blobs(3, seed: 5)
        let named = labels.map { [3, 5, 8, 9][$0] }
        let probe = try ClassProbe(codes: points, labels: named, pool: pool)
        #expect(probe.classes == [3, 5, 8, 9] && probe.error(codes: points, labels: named) < 0.01)
        let again = try ClassProbe(codes: points, labels: named, pool: WorkerPool(workerCount: 1))
        #expect(again.classes(of: points) == probe.classes(of: points))
        // Labels without any relation to the codes cannot be told: three in four are wrong.
        var generator = SeededGenerator(seed: 6)
        let others = labels.map { _ in generator.index(below: 4) }
        let blind = try ClassProbe(codes: points, labels: others, pool: pool)
        #expect(blind.error(codes: points, labels: others) > 0.5)
    }

    // MARK: Likelihood

    /// A code of one unit, whose integral a sum over the line approximates.
    private func variational() throws -> (autoencoder: Autoencoder, picture: [Float]) {
        let architecture = AutoencoderArchitecture(
            kind: .variational, height: 2, width: 3, channels: 1, hidden: [5], codeSize: 1)
        let parameters = Parameters(initializing: architecture.network, seed: 12)
        return (Autoencoder(Model(architecture: architecture, parameters: parameters), pool: pool), [1, 0, 0, 1, 1, 0])
    }

    @Test func importanceSamplingFindsTheIntegral() throws {
        let (autoencoder, picture) = try variational()
        let step = 0.01
        let codes = (-800...800).map { [Float(Double($0) * step)] }
        var integral = 0.0
        for (code, probabilities) in zip(codes, try autoencoder.pictures(of: codes)) {
            let z = Double(code[0])
            var density = exp(-z * z / 2) / (2 * Double.pi).squareRoot()
            for (x, p) in zip(picture, probabilities) { density *= Double(x > 0.5 ? p : 1 - p) }
            integral += density * step
        }
        let estimator = try #require(LikelihoodEstimator(autoencoder))
        let found = try estimator.estimates(of: [picture, picture], samples: 20_000, seed: 4)
        for estimate in found {
            #expect(abs(estimate.negativeLogLikelihood + log(integral)) < 0.02, "\(estimate), \(-log(integral))")
            // The bound is one.
            #expect(estimate.negativeBound > -log(integral) && estimate.divergence >= 0)
        }
        #expect(found[0].negativeLogLikelihood != found[1].negativeLogLikelihood, "each has codes of its own")
    }

    @Test func onlyBernoulliDecodersHaveLikelihoods() {
        for kind in [AutoencoderArchitecture.Kind.dense, .variational] {
            let architecture = AutoencoderArchitecture(
                kind: kind, height: 2, width: 2, hidden: [3], codeSize: 2, likelihood: .gaussian)
            let parameters = Parameters(initializing: architecture.network, seed: 1)
            let model = Model(architecture: architecture, parameters: parameters)
            #expect(LikelihoodEstimator(Autoencoder(model, pool: pool)) == nil)
        }
    }

    @Test func theRateIsSplit() {
        // The same distribution for all pictures says nothing about them.
        let same = [NormalCode](repeating: NormalCode(mean: [1, 0], logVariance: [0, 0]), count: 50)
        let nothing = RateSplit(same, seed: 1, pool: pool)
        #expect(abs(nothing.mutualInformation) < 1e-9 && abs(nothing.rate - 0.5) < 1e-6)
        // Distributions that do not overlap say which picture it is.
        let apart = (0..<50).map { NormalCode(mean: [Float(100 * $0), 0], logVariance: [0, 0]) }
        let everything = RateSplit(apart, seed: 1, pool: pool)
        #expect(abs(everything.mutualInformation - log(50)) < 1e-9)
        #expect(abs(everything.marginalDivergence - everything.rate + log(50)) < 1e-9)
    }

    // MARK: Principal components

    @Test func theSubspaceIsThatOfTheData() throws {
        var generator = SeededGenerator(seed: 8)
        let pictures = (0..<200).map { _ -> [Float] in
            let (a, b) = (Float(generator.normal()), Float(generator.normal()))
            return [1 + 3 * a, 2 + b, 3 * a - b, 4]
        }
        let subspace = try PrincipalSubspace(pictures, size: 2)
        for picture in pictures { expectClose(subspace.reconstruction(of: picture), picture, "in the subspace") }
        let same = subspace.cosines(to: [[3, 0, 3, 0], [0, 1, -1, 0]])
        #expect(same.count == 2 && same.allSatisfy { abs($0 - 1) < 1e-5 }, "\(same)")
        let other = subspace.cosines(to: [[3, 0, 3, 0], [0, 0, 0, 1]])
        #expect(abs(other[0]) < 1e-6 && abs(other[1] - 1) < 1e-5, "\(other)")
        #expect(subspace.cosines(to: [[3, 0, 3, 0], [6, 0, 6, 0]]) == [0, 0], "one direction is no plane")
    }
}
