import RestoreNN
import TestSupport
import Testing

/// C = Aᵀ B of weight gradients: every variant against a naive chain of fused multiply-adds, bit for bit.
@Suite struct TransposedProductTests {
    private static let variants = KernelVariant.allCases.filter(\.isSupported)

    /// Sizes and the floats by which rows are longer than they need be.
    private struct Sizes: CustomStringConvertible {
        let rows: Int
        let columns: Int
        let depth: Int
        let room: Int

        var description: String { "\(rows)×\(depth)×\(columns), rows \(room) apart" }
        var aStride: Int { rows + room }
        var bStride: Int { columns + 2 * room }
        var cStride: Int { columns + 3 * room }
        /// Floats to the end of the last row.
        func count(_ lines: Int, _ stride: Int, _ length: Int) -> Int { (lines - 1) * stride + length }
    }

    private func chain(_ s: Sizes, _ a: [Float], _ b: [Float], _ c: [Float], accumulate: Bool) -> [Float] {
        var result = c
        for row in 0..<s.rows {
            for column in 0..<s.columns {
                let place = row * s.cStride + column
                result[place] = (0..<s.depth).reduce(accumulate ? c[place] : 0) {
                    $0.addingProduct(a[$1 * s.aStride + row], b[$1 * s.bStride + column])
                }
            }
        }
        return result
    }

    private func check(_ s: Sizes, accumulate: Bool) {
        var generator = SeededGenerator(seed: 54, path: UInt64(s.rows), UInt64(s.columns))
        // Memory ends with the last element that there is.
        let a = GuardedFloats(generator.values(s.count(s.depth, s.aStride, s.rows)))
        let b = GuardedFloats(generator.values(s.count(s.depth, s.bStride, s.columns)))
        let before = generator.values(s.count(s.rows, s.cStride, s.columns))
        // What lies between the rows must stay.
        let expected = chain(s, a.values, b.values, before, accumulate: accumulate)
        for variant in Self.variants {
            let c = GuardedFloats(before)
            multiplyTransposed(
                a.base, stride: s.aStride, b.base, stride: s.bStride, into: c.base, stride: s.cStride, rows: s.rows,
                columns: s.columns, depth: s.depth, accumulate: accumulate, variant: variant)
            let configuration = "\(variant), \(s), \(accumulate ? "added" : "stored")"
            if !variant.isFused {
                expectClose(c.values, expected, configuration, seed: 54)
            } else {
                expectSameBits(c.values, expected, configuration, seed: 54)
            }
        }
    }

    @Test(arguments: [1, 2, 5, 16, 33]) func everyVariantIsOneChainOfFusedMultiplyAdds(depth: Int) {
        for columns in Array(1...35) + [47, 48, 49, 63, 64, 65, 96, 100] {
            for rows in [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 17, 27] {
                let sizes = Sizes(rows: rows, columns: columns, depth: depth, room: (rows + columns) % 3)
                check(sizes, accumulate: columns % 2 == 0)
                if columns < 20 { check(sizes, accumulate: columns % 2 != 0) }
            }
        }
    }

    /// Depths taken in pieces give the chain of the whole.
    @Test(arguments: variants) func piecesOfTheDepthAreOneChain(_ variant: KernelVariant) {
        let (rows, columns, depth) = (13, 37, 60)
        var generator = SeededGenerator(seed: 55)
        let a = generator.values(rows * depth)
        let b = generator.values(columns * depth)
        func product(_ pieces: [Range<Int>]) -> [Float] {
            var c = [Float](repeating: .nan, count: rows * columns)
            a.withUnsafeBufferPointer { a in
                b.withUnsafeBufferPointer { b in
                    guard let a = a.baseAddress, let b = b.baseAddress else { return }
                    for piece in pieces {
                        multiplyTransposed(
                            a + piece.lowerBound * rows, stride: rows, b + piece.lowerBound * columns,
                            stride: columns, into: &c, stride: columns, rows: rows, columns: columns,
                            depth: piece.count, accumulate: piece.lowerBound > 0, variant: variant)
                    }
                }
            }
            return c
        }
        expectSameBits(product([0..<1, 1..<24, 24..<60]), product([0..<60]), "\(variant)")
    }
}
