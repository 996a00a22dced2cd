import RestoreNN
import TestSupport
import Testing

@Suite struct SeededGeneratorTests {
    /// Computed by an implementation of xoshiro256** and SplitMix64 in Python.
    @Test func theSequenceIsFixed() {
        let sequences: [UInt64: [UInt64]] = [
            0: [0x99EC_5F36_CB75_F2B4, 0xBF6E_1F78_4956_452A, 0x1A5F_849D_4933_E6E0, 0x6AA5_94F1_262D_2D2C],
            1: [0xB3F2_AF6D_0FC7_10C5, 0x853B_5596_4736_4CEA, 0x92F8_9756_082A_4514, 0x642E_1C7B_C266_A3A7],
            20_260_722: [
                0x8B98_79C2_2251_F308, 0xD050_7488_9159_AF37, 0xC6FA_81B1_8BC3_03C3, 0xF6F9_6467_051C_6F81,
            ],
        ]
        for (seed, sequence) in sequences {
            var generator = SeededGenerator(seed: seed)
            #expect((0..<4).map { _ in generator.next() } == sequence, "seed \(seed)")
        }
        var generator = SeededGenerator(seed: 1, path: 2, 3)
        #expect((0..<2).map { _ in generator.next() } == [0x7F7B_CCF5_77CE_5724, 0x0533_DA40_E3A3_AAF6])
    }

    @Test func theDistributionsAreFixed() {
        var generator = SeededGenerator(seed: 1)
        #expect(
            (0..<4).map { _ in generator.uniform() }
                == [0.7029218331588505, 0.5204366199388569, 0.5741057000197225, 0.39132860204190445])
        generator = SeededGenerator(seed: 1)
        let expected = [-1.5452228371402943, -0.19951530557849143, -1.0136476397283942, 0.8244068374882674]
        for value in expected { #expect(abs(generator.normal() - value) < 1e-14) }
        generator = SeededGenerator(seed: 5)
        #expect((0..<12).map { _ in generator.index(below: 10) } == [2, 6, 6, 8, 5, 7, 5, 8, 3, 3, 9, 2])
    }

    @Test func namesGiveFixedSeeds() {
        #expect(stableHash("") == 0xCBF2_9CE4_8422_2325)
        #expect(stableHash("a") == 0xAF63_DC4C_8601_EC8C)
        #expect(stableHash("foobar") == 0x8594_4171_F739_67E8)
    }

    @Test func uniformMoments() {
        var generator = SeededGenerator(seed: 2)
        let count = 200_000
        let values = (0..<count).map { _ in generator.uniform() }
        #expect(values.allSatisfy { (0..<1).contains($0) })
        let mean = values.reduce(0, +) / Double(count)
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count)
        #expect(abs(mean - 0.5) < 0.003 && abs(variance * 12 - 1) < 0.01)
        var bins = [Int](repeating: 0, count: 16)
        for value in values { bins[Int(value * 16)] += 1 }
        // Four standard deviations of a bin's count.
        #expect(bins.allSatisfy { abs($0 - count / 16) < 440 }, "\(bins)")
    }

    @Test func normalMoments() {
        var generator = SeededGenerator(seed: 3)
        let count = 200_000
        let values = (0..<count).map { _ in generator.normal() }
        func moment(_ order: Int) -> Double {
            values.reduce(0) { sum, value in sum + (0..<order).reduce(1.0) { power, _ in power * value } }
                / Double(count)
        }
        #expect(abs(moment(1)) < 0.01 && abs(moment(2) - 1) < 0.015)
        #expect(abs(moment(3)) < 0.04 && abs(moment(4) - 3) < 0.1)
        #expect(values.allSatisfy { $0.isFinite })
        // Neighbors, which come from one pair of uniform numbers, have nothing to do with each other.
        let product = zip(values, values.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 } / Double(count)
        #expect(abs(product) < 0.01)
        #expect(values.filter { abs($0) < 1 }.count > Int(0.675 * Double(count)))
    }

    @Test func indexIsFair() {
        var generator = SeededGenerator(seed: 4)
        var bins = [Int](repeating: 0, count: 7)
        for _ in 0..<70_000 { bins[generator.index(below: 7)] += 1 }
        #expect(bins.allSatisfy { abs($0 - 10_000) < 400 }, "\(bins)")
        #expect((0..<100).allSatisfy { _ in generator.index(below: 1) == 0 })
        #expect((0..<100).allSatisfy { _ in (0..<Int.max).contains(generator.index(below: .max)) })
    }

    @Test func pathsAreIndependent() {
        func first(_ path: [UInt64]) -> UInt64 {
            var generator: SeededGenerator
            switch path.count {
            case 0: generator = SeededGenerator(seed: 9)
            case 1: generator = SeededGenerator(seed: 9, path: path[0])
            default: generator = SeededGenerator(seed: 9, path: path[0], path[1])
            }
            return generator.next()
        }
        var seen: Set<UInt64> = [first([])]
        var paths = 1
        for a in UInt64(0)..<60 {
            seen.insert(first([a]))
            paths += 1
            for b in UInt64(0)..<60 {
                seen.insert(first([a, b]))
                paths += 1
            }
        }
        #expect(seen.count == paths, "two paths begin alike")
        // Streams of neighboring paths, and of neighboring seeds, do not go together.
        for (one, other) in [
            (SeededGenerator(seed: 9, path: 1), SeededGenerator(seed: 9, path: 2)),
            (SeededGenerator(seed: 9, path: 1, 2), SeededGenerator(seed: 9, path: 2, 1)),
            (SeededGenerator(seed: 9), SeededGenerator(seed: 10)),
        ] {
            var (one, other) = (one, other)
            let count = 20_000
            let product =
                (0..<count).reduce(0.0) { sum, _ in sum + one.normal() * other.normal() } / Double(count)
            #expect(abs(product) < 0.03)
        }
    }

    @Test func aCopyGoesOnAlike() {
        var generator = SeededGenerator(seed: 6)
        _ = generator.normal()
        var copy = generator
        #expect(copy == generator && copy.hashValue == generator.hashValue)
        #expect(copy.normal() == generator.normal())
        #expect((0..<10).allSatisfy { _ in copy.next() == generator.next() })
        _ = copy.next()
        #expect(copy != generator)
    }
}
