import CCUDA
import RestoreNN

/// A convolution or a transposed convolution, which is the gradient of one.
final class ConvolutionStep {
    private let device: CUDADevice
    private let convolution: OpaquePointer
    /// The side with the windows' positions; the output of a convolution, the input of a transposed one.
    private let grid: Shape
    private let picture: Shape
    private let isTransposed: Bool
    private let area: Int
    private let weight: Range<Int>
    private let bias: Range<Int>?

    init(
        picture: Shape, grid: Shape, kernel: Extent, stride: Extent, dilation: Extent, padding: Extent,
        isTransposed: Bool, weight: Range<Int>?, bias: Range<Int>?, device: CUDADevice
    ) throws(CUDAError) {
        guard let weight else { throw CUDAError("a convolution without a weight") }
        let window = rc_window(
            kernel_height: Int32(kernel.height), kernel_width: Int32(kernel.width),
            stride_height: Int32(stride.height), stride_width: Int32(stride.width), pad_height: Int32(padding.height),
            pad_width: Int32(padding.width), dilation_height: Int32(dilation.height),
            dilation_width: Int32(dilation.width))
        guard let convolution = rc_convolution_new(device.handle, rc_shape(picture), rc_shape(grid), window) else {
            throw CUDAError(String(cString: rc_error(device.handle)))
        }
        self.convolution = convolution
        self.device = device
        (self.picture, self.grid, self.isTransposed) = (picture, grid, isTransposed)
        area = kernel.height * kernel.width
        (self.weight, self.bias) = (weight, bias)
    }

    deinit { rc_convolution_free(convolution) }

    /// Copies the kernel with its channels last.
    func layOutKernel(_ parameters: CUDABuffer, _ kernels: CUDABuffer) throws(CUDAError) {
        try device.check(
            rc_channels_last(
                device.handle, kernels.address(at: weight.lowerBound), parameters.address(at: weight.lowerBound),
                Int32(grid.channels), Int32(picture.channels), Int32(area)))
    }

    func forward(
        _ input: UInt64, to output: UInt64, kernels: CUDABuffer, parameters: CUDABuffer
    ) throws(CUDAError) {
        let kernel = kernels.address(at: weight.lowerBound)
        try device.check(
            isTransposed
                ? rc_convolution_picture_gradient(convolution, input, kernel, output, 0)
                : rc_convolution_forward(convolution, input, kernel, output, 0))
        guard let bias else { return }
        let shape = isTransposed ? picture : grid
        try device.check(
            rc_add_bias(
                device.handle, output, parameters.address(at: bias.lowerBound), shape.pixels, Int32(shape.channels)))
    }

    /// The gradient of the input.
    func backward(
        _ outputGradient: UInt64, to inputGradient: UInt64, adds: Int32, kernels: CUDABuffer
    ) throws(CUDAError) {
        let kernel = kernels.address(at: weight.lowerBound)
        try device.check(
            isTransposed
                ? rc_convolution_forward(convolution, outputGradient, kernel, inputGradient, adds)
                : rc_convolution_picture_gradient(convolution, outputGradient, kernel, inputGradient, adds))
    }

    /// Writes the gradients of kernel and bias, in the layout of the parameters.
    func addParameterGradients(
        _ input: UInt64, _ outputGradient: UInt64, to gradients: CUDABuffer, kernelGradients: CUDABuffer
    ) throws(CUDAError) {
        let kernelGradient = kernelGradients.address(at: weight.lowerBound)
        try device.check(
            isTransposed
                ? rc_convolution_kernel_gradient(convolution, outputGradient, input, kernelGradient)
                : rc_convolution_kernel_gradient(convolution, input, outputGradient, kernelGradient))
        try device.check(
            rc_channels_first(
                device.handle, gradients.address(at: weight.lowerBound), kernelGradient, Int32(grid.channels),
                Int32(picture.channels), Int32(area)))
        guard let bias else { return }
        let shape = isTransposed ? picture : grid
        try device.check(
            rc_bias_gradient(
                device.handle, gradients.address(at: bias.lowerBound), outputGradient, shape.pixels,
                Int32(shape.channels)))
    }
}
