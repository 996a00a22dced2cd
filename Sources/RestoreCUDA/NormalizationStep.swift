import CCUDA
import RestoreNN

/// Group normalization of a tensor.
final class NormalizationStep {
    private let device: CUDADevice
    private let shape: rc_shape
    private let groups: Int32
    private let epsilon: Float
    private let weight: Int
    private let bias: Int
    /// Mean and scale of each group of each picture, from the last forward pass.
    private let statistics: CUDABuffer

    /// - Parameters:
    ///   - weight: where the parameters are in the layout.
    ///   - bias: likewise.
    init(
        _ normalization: GroupNormalization, shape: Shape, weight: Range<Int>?, bias: Range<Int>?, device: CUDADevice
    ) throws(CUDAError) {
        guard let weight, let bias else { throw CUDAError("a normalization without parameters") }
        self.device = device
        self.shape = rc_shape(shape)
        groups = Int32(normalization.groups)
        epsilon = normalization.epsilon
        (self.weight, self.bias) = (weight.lowerBound, bias.lowerBound)
        statistics = try CUDABuffer(count: 2 * shape.batch * normalization.groups, on: device)
    }

    func forward(_ input: UInt64, to output: UInt64, parameters: CUDABuffer) throws(CUDAError) {
        try device.check(
            rc_normalize(
                device.handle, output, statistics.address, input, parameters.address(at: weight),
                parameters.address(at: bias), shape, groups, epsilon))
    }

    /// - Parameter inputGradient: nil if nobody needs it.
    func backward(
        _ input: UInt64, _ outputGradient: UInt64, to inputGradient: UInt64?, adds: Int32, parameters: CUDABuffer,
        gradients: CUDABuffer
    ) throws(CUDAError) {
        try device.check(
            rc_normalize_gradient(
                device.handle, inputGradient ?? 0, gradients.address(at: weight), gradients.address(at: bias),
                statistics.address, input, outputGradient, parameters.address(at: weight), shape, groups, adds))
    }
}
