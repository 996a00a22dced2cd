import RestoreNN
import TestSupport
import Testing

/// The matrix product for packed right sides: every variant against a naive chain of fused multiply-adds, bit for bit.
@Suite struct MatrixProductTests {
    private static let variants = KernelVariant.allCases.filter(\.isSupported)
    private static let depths = [1, 2, 3, 7, 16, 33, 100]

    /// The right side in panels, filled up with ones that must not show.
    private func packed(_ b: [Float], depth: Int, columns: Int) -> [Float] {
        var packed = [Float](repeating: 1, count: panelCount(depth: depth, columns: columns))
        for k in 0..<depth {
            for column in 0..<columns {
                packed[(column / panelWidth * depth + k) * panelWidth + column % panelWidth] =
                    b[k * columns + column]
            }
        }
        return packed
    }

    private func product(
        _ a: [Float], _ packed: [Float], rows: Int, columns: Int, depth: Int, _ variant: KernelVariant
    ) -> [Float] {
        // A marker behind the last element shows whether anything was written there.
        var c = [Float](repeating: 123, count: rows * columns + 64)
        multiply(a, packed: packed, into: &c, rows: rows, columns: columns, depth: depth, variant: variant)
        #expect(c.suffix(64).allSatisfy { $0 == 123 }, "\(variant) writes beyond \(rows)×\(columns)")
        return Array(c.prefix(rows * columns))
    }

    private func chain(_ a: [Float], _ b: [Float], rows: Int, columns: Int, depth: Int) -> [Float] {
        (0..<(rows * columns)).map { place in
            let (row, column) = (place / columns, place % columns)
            return (0..<depth).reduce(Float(0)) {
                $0.addingProduct(a[row * depth + $1], b[$1 * columns + column])
            }
        }
    }

    @Test(arguments: depths) func everyVariantIsOneChainOfFusedMultiplyAdds(depth: Int) {
        for columns in 1...40 {
            var generator = SeededGenerator(seed: 51, path: UInt64(depth), UInt64(columns))
            let b = generator.values(depth * columns)
            let packed = packed(b, depth: depth, columns: columns)
            let a = generator.values(30 * depth)
            let expected = chain(a, b, rows: 30, columns: columns, depth: depth)
            for rows in 1...30 {
                for variant in Self.variants {
                    let found = product(a, packed, rows: rows, columns: columns, depth: depth, variant)
                    let configuration = "\(variant), \(rows)×\(depth)×\(columns)"
                    if !variant.isFused {
                        expectClose(found, expected.prefix(rows * columns), configuration, seed: 51)
                    } else {
                        expectSameBits(found, expected.prefix(rows * columns), configuration, seed: 51)
                    }
                }
            }
        }
    }

    @Test(arguments: variants) func aRowDoesNotDependOnItsPlace(_ variant: KernelVariant) {
        for (depth, columns) in [(5, 3), (27, 16), (64, 33), (9, 48), (300, 20)] {
            var generator = SeededGenerator(seed: 52, path: UInt64(columns))
            let a = generator.values(41 * depth)
            let packed = packed(generator.values(depth * columns), depth: depth, columns: columns)
            let all = product(a, packed, rows: 41, columns: columns, depth: depth, variant)
            for row in 0..<41 {
                let alone = product(
                    Array(a[(row * depth)..<((row + 1) * depth)]), packed, rows: 1, columns: columns,
                    depth: depth,
                    variant)
                expectSameBits(
                    alone, all[(row * columns)..<((row + 1) * columns)],
                    "\(variant), row \(row) of 41×\(depth)×\(columns)")
            }
        }
    }

    @Test(arguments: variants) func aColumnDoesNotDependOnItsNeighbors(_ variant: KernelVariant) {
        let (rows, depth) = (17, 29)
        var generator = SeededGenerator(seed: 53)
        let a = generator.values(rows * depth)
        let b = generator.values(depth * 40)
        let all = product(
            a, packed(b, depth: depth, columns: 40), rows: rows, columns: 40, depth: depth, variant)
        for column in 0..<40 {
            let single = (0..<depth).map { b[$0 * 40 + column] }
            let alone = product(
                a, packed(single, depth: depth, columns: 1), rows: rows, columns: 1, depth: depth, variant)
            expectSameBits(alone, (0..<rows).map { all[$0 * 40 + column] }, "\(variant), column \(column)")
        }
    }

    @Test func theBestVariantIsSelectedUnlessAnotherIsNamed() {
        #expect(Self.variants.contains(.generic))
        #expect(KernelVariant.selected.isSupported)
    }
}
