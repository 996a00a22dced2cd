import CKernels
import RestoreConcurrency

/// Layer normalization over the channels of each pixel (Ba, Kiros & Hinton, "Layer Normalization", 2016, eq. 3–4; as in
/// ConvNeXt and in NAFNet's `LayerNorm2d`): normalizes to mean 0 and variance 1, then scales and shifts channel by
/// channel.
///
/// Preserves the shape. Parameters: `weight` (C) and `bias` (C). Pixels are independent of each other, so an image can
/// be processed in pieces.
public struct LayerNormalization: PointwiseOperator {
    public let channels: Int
    public let epsilon: Float

    /// - Precondition: `channels` is positive and `epsilon` is not negative.
    public init(channels: Int, epsilon: Float = 1e-6) {
        precondition(channels > 0, "\(channels) channels")
        precondition(epsilon >= 0, "epsilon \(epsilon)")
        self.channels = channels
        self.epsilon = epsilon
    }

    public var kind: String { "layer normalization" }
    public var inPlaceInput: Int? { 0 }

    public var parameters: [ParameterSpecification] {
        [
            ParameterSpecification(name: "weight", shape: [channels], initialization: .ones),
            ParameterSpecification(name: "bias", shape: [channels], initialization: .zeros),
        ]
    }

    public func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
        let input = try inputs.only()
        guard input.channels == channels else {
            throw ShapeError("expected \(channels) channels, found \(input.channels)")
        }
        return input
    }

    private func kernel(_ parameters: [UnsafePointer<Float>]) -> rk_normalization {
        rk_normalization(channels: channels, epsilon: epsilon, weight: parameters[0], bias: parameters[1])
    }

    public func forward(_ pass: ForwardPass) {
        let kernel = kernel(pass.parameters)
        pass.pool.runPieces(of: pass.pixels, piece: max(1, elementwisePiece / channels)) { start, count in
            withUnsafePointer(to: kernel) {
                rk_normalize(
                    KernelVariant.selected.raw, $0, pass.inputs[0] + start * channels, pass.output + start * channels,
                    count)
            }
        }
    }

    // MARK: Backward

    /// Pixels are divided among this many partial sums, which are added in order.
    private static let slices = 16
    /// This many pixels are summed before they are added to a slice's sum, because shorter sums have smaller rounding
    /// errors.
    private static let block = 64

    public func backwardScratch(inputs: [Shape], output: Shape) -> ScratchSize {
        ScratchSize(perWorker: 2 * channels, shared: Self.slices * 2 * channels, tasks: Self.slices)
    }

    public func backward(_ pass: BackwardPass) {
        let pixels = pass.outputShape.pixels
        // For weight and bias.
        let count = 2 * channels
        let sums = pass.scratch.shared
        pass.pool.run(taskCount: Self.slices) { slice, worker in
            let sum = sums + slice * count
            sum.update(repeating: 0, count: count)
            let end = (slice + 1) * pixels / Self.slices
            for first in stride(from: slice * pixels / Self.slices, to: end, by: Self.block) {
                let block = pass.scratch.worker(worker)
                block.update(repeating: 0, count: count)
                backward(pass, first..<min(first + Self.block, end), sums: block)
                add(block, onto: sum, count: count)
            }
        }
        for slice in 0..<Self.slices {
            add(sums + slice * count, onto: pass.parameterGradients[0], count: channels)
            add(sums + slice * count + channels, onto: pass.parameterGradients[1], count: channels)
        }
    }

    private func backward(_ pass: BackwardPass, _ pixels: Range<Int>, sums: UnsafeMutablePointer<Float>) {
        let first = pixels.lowerBound * channels
        var kernel = kernel(pass.parameters)
        rk_normalize_gradient(
            KernelVariant.selected.raw, &kernel, pass.inputs[0] + first, pass.outputGradient + first, sums,
            sums + channels, pass.inputGradients[0].map { $0 + first }, pixels.count)
    }
}
