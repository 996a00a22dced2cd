import CKernels
import RestoreNN
import TestSupport

extension KernelVariant {
    /// As C names it.
    var identifier: rk_variant {
        switch self {
        case .generic: RK_GENERIC
        case .avx2: RK_AVX2
        case .avx512: RK_AVX512
        case .neon: RK_NEON
        }
    }

    /// Whether a multiply-add is rounded once. What is not fused rounds differently from all others.
    var isFused: Bool {
        #if arch(arm64)
            true
        #else
            self != .generic
        #endif
    }

    /// Those that must give the same bits on this processor.
    static let fused = allCases.filter { $0.isSupported && $0.isFused }
}

/// Transformed tiles as the kernels lay them out: point p of tile t at `p · pointStride + t · tileStride`.
struct TransformedTiles {
    let n: Int
    let channels: Int
    let tiles: Int
    var floats: [Float]
    var tileStride: Int { (channels + panelWidth - 1) / panelWidth * panelWidth }
    var pointStride: Int { tiles * tileStride + panelWidth }

    init(n: Int, channels: Int, tiles: Int, values: ((Int) -> [Float])? = nil) {
        self.n = n
        self.channels = channels
        self.tiles = tiles
        floats = []
        let count = n * n * pointStride
        floats = values?(count) ?? [Float](repeating: .nan, count: count)
    }

    private func place(_ point: Int, _ tile: Int, _ channel: Int) -> Int {
        point * pointStride + tile * tileStride + channel
    }

    func tile(_ tile: Int, channel: Int) -> Matrix {
        Matrix(n, n) { Double(floats[place($0 * n + $1, tile, channel)]) }
    }

    /// The values without what fills up the strides.
    var meaningful: [Float] {
        (0..<(n * n)).flatMap { point in
            (0..<tiles).flatMap { tile in (0..<channels).map { floats[place(point, tile, $0)] } }
        }
    }

    func dot(_ other: TransformedTiles) -> Double { TestSupport.dot(meaningful, other.meaningful) }
}

/// Transformed filters, packed in panels.
struct TransformedFilters {
    let n: Int
    let inputs: Int
    let outputs: Int
    let pointStride: Int
    var packed: [Float]

    func value(point: Int, input: Int, output: Int) -> Float {
        packed[point * pointStride + (output / panelWidth * inputs + input) * panelWidth + output % panelWidth]
    }

    /// Random sums as `rk_winograd_weight_gradient` reads them, one row of outputs for each input, and their scalar product
    /// with these filters.
    func randomProducts(_ generator: inout SeededGenerator) -> (products: [Float], dot: Double) {
        let width = (outputs + panelWidth - 1) / panelWidth * panelWidth
        let products = generator.values(n * n * inputs * width)
        var sum = 0.0
        for point in 0..<(n * n) {
            for input in 0..<inputs {
                for output in 0..<outputs {
                    sum +=
                        Double(value(point: point, input: input, output: output))
                        * Double(products[(point * inputs + input) * width + output])
                }
            }
        }
        return (products, sum)
    }
}

/// The Winograd kernels of one instruction set and tile, with memory of their own. What they must not write stays NaN.
struct TransformKernels: CustomStringConvertible, Sendable {
    let variant: KernelVariant
    let m: Int
    var n: Int { m + 2 }

    static let all = KernelVariant.allCases.filter(\.isSupported).flatMap { variant in
        [4, 2].map { TransformKernels(variant: variant, m: $0) }
    }

    var description: String { "F(\(m), 3), \(variant)" }

    func inputs(_ rows: [UnsafeMutablePointer<Float>], channels: Int, tiles: Int) -> TransformedTiles {
        var result = TransformedTiles(n: n, channels: channels, tiles: tiles)
        let sources = rows.map { Optional(UnsafePointer($0)) }
        rk_winograd_input(
            variant.identifier, Int32(m), sources, channels, tiles, &result.floats, result.pointStride,
            result.tileStride)
        return result
    }

    /// Outputs of tiles, as rows of pixels that are as long as `width`.
    func outputs(
        _ points: TransformedTiles, height: Int, width: Int, bias: [Float]? = nil, residual: [Float]? = nil,
        isActive: Bool = false
    ) -> [Float] {
        let rowStride = width * points.channels
        let output = GuardedFloats([Float](repeating: .nan, count: height * rowStride))
        let (bias, residual) = (bias.map(GuardedFloats.init), residual.map(GuardedFloats.init))
        var epilogue = rk_epilogue()
        epilogue.bias = bias.map { UnsafePointer($0.base) }
        epilogue.residual = residual.map { UnsafePointer($0.base) }
        epilogue.residual_stride = rowStride
        epilogue.activation = isActive ? RK_RELU : RK_IDENTITY
        withExtendedLifetime((bias, residual)) {
            rk_winograd_output(
                variant.identifier, Int32(m), points.floats, points.pointStride, points.tileStride, points.channels,
                points.tiles, output.base, rowStride, 0, height, width, &epilogue)
        }
        return output.values
    }

    func outputGradients(
        _ gradient: UnsafePointer<Float>, height: Int, width: Int, channels: Int
    ) -> TransformedTiles {
        var result = TransformedTiles(n: n, channels: channels, tiles: (width + m - 1) / m)
        rk_winograd_output_gradient(
            variant.identifier, Int32(m), gradient, width * channels, height, width, channels, result.tiles,
            &result.floats, result.pointStride, result.tileStride)
        return result
    }

    func outputGradients(_ gradient: [Float], height: Int, width: Int, channels: Int) -> TransformedTiles {
        let guarded = GuardedFloats(gradient)
        return withExtendedLifetime(guarded) {
            outputGradients(guarded.base, height: height, width: width, channels: channels)
        }
    }

    private func strides(inputs: Int, outputs: Int, isTurned: Bool, pointStride: Int) -> rk_filters {
        rk_filters(
            weights: nil, inputs: inputs, outputs: outputs, input_stride: isTurned ? 9 * outputs : 9,
            output_stride: isTurned ? 9 : 9 * inputs, is_turned: isTurned ? 1 : 0, point_stride: pointStride)
    }

    func filters(_ weights: [Float], inputs: Int, outputs: Int, isTurned: Bool) -> TransformedFilters {
        let panels = (outputs + panelWidth - 1) / panelWidth
        let pointStride = inputs * panels * panelWidth + panelWidth
        var packed = [Float](repeating: 0, count: n * n * pointStride)
        let guarded = GuardedFloats(weights)
        var filters = strides(inputs: inputs, outputs: outputs, isTurned: isTurned, pointStride: pointStride)
        filters.weights = UnsafePointer(guarded.base)
        withExtendedLifetime(guarded) {
            packed.withUnsafeMutableBufferPointer { packed in
                for panel in 0..<panels {
                    rk_winograd_weights(
                        variant.identifier, Int32(m), &filters, panel,
                        packed.baseAddress.map { $0 + panel * inputs * panelWidth })
                }
            }
        }
        return TransformedFilters(n: n, inputs: inputs, outputs: outputs, pointStride: pointStride, packed: packed)
    }

    /// - Parameter products: as `TransformedFilters.randomProducts` makes them.
    func filterGradients(_ products: [Float], onto before: [Float], inputs: Int, outputs: Int) -> [Float] {
        let width = (outputs + panelWidth - 1) / panelWidth * panelWidth
        let gradient = GuardedFloats(before)
        var filters = strides(inputs: inputs, outputs: outputs, isTurned: false, pointStride: inputs * width)
        products.withUnsafeBufferPointer { products in
            for input in 0..<inputs {
                rk_winograd_weight_gradient(
                    variant.identifier, Int32(m), &filters, input, products.baseAddress.map { $0 + input * width },
                    gradient.base)
            }
        }
        return gradient.values
    }
}
