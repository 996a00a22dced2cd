import CKernels
import RestoreNN
import TestSupport
import Testing

/// The matrix product as convolutions use it: left sides in segments, rows of the result apart, and what is done to
/// results on their way into memory; every variant against a naive chain, bit for bit.
@Suite struct ProductEpilogueTests {
    private static let variants = KernelVariant.allCases.filter(\.isSupported)

    /// What is done to a value, and where rows lie.
    private struct Setting: CustomStringConvertible {
        var rows: Int
        var columns: Int
        var segments = 1
        var segmentDepth = 5
        var hasBias = false
        var hasResidual = false
        var activation = RK_IDENTITY
        /// Floats between the rows of C, and of the residual.
        var room = 0

        var depth: Int { segments * segmentDepth }
        var slope: Float { 0.3 }
        /// As in a picture: rows begin two pixels of three channels apart, segments a line apart; rows overlap.
        var aStride: Int { 6 }
        var segmentStride: Int { rows * aStride + segmentDepth + 7 }
        var cStride: Int { columns + room }
        var residualStride: Int { columns + 2 * room }
        var description: String {
            "\(rows)×(\(segments)·\(segmentDepth))×\(columns), bias \(hasBias), residual \(hasResidual), "
                + "activation \(activation.rawValue), room \(room)"
        }

        func activated(_ x: Float) -> Float {
            switch activation {
            case RK_RELU: x < 0 ? 0 : x
            case RK_LEAKY_RELU: x < 0 ? x * slope : x
            default: x
            }
        }
    }

    /// Everything that a product reads. Memory ends with the last element that there is.
    private struct Operands {
        let a: GuardedFloats
        let b: [Float]
        let bias: GuardedFloats
        let residual: GuardedFloats
        let before: [Float]

        init(_ s: Setting, _ generator: inout SeededGenerator) {
            let last = (s.segments - 1) * s.segmentStride + (s.rows - 1) * s.aStride + s.segmentDepth
            a = GuardedFloats(generator.values(last))
            // Whatever fills up the last panel must not show.
            b = generator.values(panelCount(depth: s.depth, columns: s.columns))
            bias = GuardedFloats(generator.values(s.columns))
            residual = GuardedFloats(generator.values((s.rows - 1) * s.residualStride + s.columns))
            before = generator.values((s.rows - 1) * s.cStride + s.columns)
        }

        func expected(_ s: Setting) -> [Float] {
            var result = before
            for row in 0..<s.rows {
                for column in 0..<s.columns {
                    var sum: Float = 0
                    for k in 0..<s.depth {
                        let left = a.base[k / s.segmentDepth * s.segmentStride + row * s.aStride + k % s.segmentDepth]
                        let right = b[(column / panelWidth * s.depth + k) * panelWidth + column % panelWidth]
                        sum.addProduct(left, right)
                    }
                    if s.hasBias { sum += bias.base[column] }
                    if s.hasResidual { sum += residual.base[row * s.residualStride + column] }
                    result[row * s.cStride + column] = s.activated(sum)
                }
            }
            return result
        }

        func found(_ s: Setting, _ variant: KernelVariant) -> [Float] {
            let c = GuardedFloats(before)
            b.withUnsafeBufferPointer { b in
                var product = rk_product(
                    a: a.base, a_stride: s.aStride, segments: s.segments, segment_stride: s.segmentStride,
                    segment_depth: s.segmentDepth, b: b.baseAddress, panel_stride: s.depth * panelWidth, c: c.base,
                    c_stride: s.cStride, rows: s.rows, columns: s.columns,
                    epilogue: rk_epilogue(
                        bias: s.hasBias ? UnsafePointer(bias.base) : nil,
                        residual: s.hasResidual ? UnsafePointer(residual.base) : nil,
                        residual_stride: s.residualStride, activation: s.activation, slope: s.slope))
                rk_multiply(variant.identifier, &product)
            }
            return c.values
        }
    }

    private func check(_ setting: Setting) {
        var generator = SeededGenerator(seed: 56, path: UInt64(setting.rows), UInt64(setting.columns))
        let operands = Operands(setting, &generator)
        let expected = operands.expected(setting)
        for variant in Self.variants {
            let found = operands.found(setting, variant)
            if !variant.isFused {
                expectClose(found, expected, "\(variant), \(setting)", seed: 56)
            } else {
                expectSameBits(found, expected, "\(variant), \(setting)", seed: 56)
            }
        }
    }

    @Test(arguments: [RK_IDENTITY.rawValue, RK_RELU.rawValue, RK_LEAKY_RELU.rawValue])
    func biasResidualAndActivation(activation: UInt32) {
        for columns in Array(1...18) + [31, 32, 33, 47, 48, 49, 64, 67, 80, 96, 100] {
            for rows in [1, 3, 4, 7, 8, 13, 25, 30] {
                for (hasBias, hasResidual) in [(false, false), (true, false), (false, true), (true, true)] {
                    check(
                        Setting(
                            rows: rows, columns: columns, hasBias: hasBias, hasResidual: hasResidual,
                            activation: rk_activation(rawValue: activation), room: (rows + columns) % 4))
                }
            }
        }
    }

    @Test(arguments: [1, 2, 3, 5]) func segments(count: Int) {
        for depth in [1, 2, 9, 16, 39] {
            for (rows, columns) in [(1, 1), (5, 16), (26, 17), (24, 48), (31, 12), (9, 65)] {
                check(
                    Setting(rows: rows, columns: columns, segments: count, segmentDepth: depth, hasBias: true, room: 3))
            }
        }
    }

    /// A NaN and infinities go where they belong, through every activation.
    @Test(arguments: variants) func whatIsNoNumberStays(_ variant: KernelVariant) {
        for activation in [RK_IDENTITY, RK_RELU, RK_LEAKY_RELU] {
            let setting = Setting(rows: 9, columns: 37, hasBias: true, hasResidual: true, activation: activation)
            var generator = SeededGenerator(seed: 57)
            let operands = Operands(setting, &generator)
            operands.residual.base[3 * setting.residualStride + 36] = .nan
            operands.bias.base[17] = .nan
            operands.residual.base[5 * setting.residualStride + 2] = -.infinity
            let found = operands.found(setting, variant)
            for row in 0..<setting.rows {
                for column in 0..<setting.columns {
                    let isNaN = column == 17 || (row == 3 && column == 36)
                    #expect(found[row * setting.cStride + column].isNaN == isNaN, "\(variant), \(row), \(column)")
                }
            }
            let expected: Float = activation == RK_RELU ? 0 : -.infinity
            #expect(found[5 * setting.cStride + 2] == expected)
        }
    }
}
