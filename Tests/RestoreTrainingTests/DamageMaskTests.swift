import RestoreNN
import RestoreTraining
import TestSupport
import Testing

@Suite struct DamageMaskTests {
    @Test(arguments: DamageMask.Kind.allCases) func masksAreMadeOfTheirSeed(kind: DamageMask.Kind) {
        var areas: [Double] = []
        for seed in 0..<200 {
            var generator = SeededGenerator(seed: UInt64(seed))
            var again = generator
            let mask = DamageMask(kind, width: 96, height: 64, using: &generator)
            #expect(mask.values.count == 96 * 64 && Set(mask.values) == [0, 1])
            #expect(DamageMask(kind, width: 96, height: 64, using: &again).values == mask.values)
            areas.append(mask.values.reduce(0) { $0 + Double($1) } / Double(mask.values.count))
        }
        let mean = areas.reduce(0, +) / 200
        let expected: ClosedRange<Double> =
            switch kind {
            case .scratches, .holes: 0.03...0.3
            case .text: 0.03...0.35
            case .dust: 0.005...0.12
            case .rectangle: 0.3...0.6
            case .half: 0.5...0.5
            }
        #expect(expected.contains(mean), "\(kind): \(mean) is missing")
    }

    /// Some pixels are missing and some are known, however small the picture.
    @Test func noMaskIsEmptyOrFull() {
        for seed in 0..<500 {
            var generator = SeededGenerator(seed: UInt64(seed))
            let (width, height) = (1 + generator.index(below: 6), 2 + generator.index(below: 6))
            let mask = DamageMask(width: width, height: height, using: &generator)
            #expect(Set(mask.values) == [0, 1], "seed \(seed), \(width)×\(height)")
        }
    }

    /// Thin damage leaves every missing pixel near a known one.
    @Test func scratchesAreThin() {
        for seed in 0..<50 {
            var generator = SeededGenerator(seed: UInt64(seed))
            let mask = DamageMask(.scratches, width: 64, height: 64, using: &generator).values
            var inner = 0
            for y in 5..<59 {
                for x in 5..<59 {
                    let square = (-5...5).allSatisfy { dy in (-5...5).allSatisfy { mask[(y + dy) * 64 + x + $0] == 1 } }
                    if square { inner += 1 }
                }
            }
            #expect(inner < 40, "seed \(seed): \(inner) pixels are deep inside")
        }
    }
}
