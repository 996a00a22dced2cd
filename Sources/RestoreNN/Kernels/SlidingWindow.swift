/// The window that a convolution slides over a picture: its size, its stride, and what lies beyond the picture's edge.
struct SlidingWindow: Hashable, Sendable {
    let kernel: Extent
    let stride: Extent
    let dilation: Extent
    let padding: Padding
    let mode: PaddingMode

    /// - Precondition: kernel, stride and dilation are positive, the padding is not negative.
    init(kernel: Extent, stride: Extent, dilation: Extent, padding: Padding, mode: PaddingMode) {
        precondition(min(kernel.height, kernel.width, stride.height, stride.width) > 0, "kernel or stride of 0")
        precondition(min(dilation.height, dilation.width) > 0, "dilation of 0")
        precondition(min(padding.top, padding.bottom, padding.left, padding.right) >= 0, "negative padding")
        self.kernel = kernel
        self.stride = stride
        self.dilation = dilation
        self.padding = padding
        self.mode = mode
    }

    var taps: Int { kernel.height * kernel.width }

    /// The windows of a picture. A side with no windows is 0 or negative.
    private func grid(of picture: Extent) -> Extent {
        let height = picture.height + padding.top + padding.bottom - dilation.height * (kernel.height - 1) - 1
        let width = picture.width + padding.left + padding.right - dilation.width * (kernel.width - 1) - 1
        return Extent(
            height: height < 0 ? 0 : height / stride.height + 1, width: width < 0 ? 0 : width / stride.width + 1)
    }

    /// The shape of the result for a picture, with `channels` values per window.
    ///
    /// - Throws: `ShapeError` if no window fits, or there are too few pixels to reflect.
    func outputShape(of input: Shape, channels: Int) throws(ShapeError) -> Shape {
        let grid = grid(of: Extent(height: input.height, width: input.width))
        guard grid.height > 0, grid.width > 0 else { throw ShapeError("the kernel is larger than the padded input") }
        if mode == .reflect {
            guard max(padding.top, padding.bottom) < input.height, max(padding.left, padding.right) < input.width
            else { throw ShapeError("reflection needs a padding smaller than the side") }
        }
        return Shape(batch: input.batch, height: grid.height, width: grid.width, channels: channels)
    }

    func geometry(_ input: Shape) -> WindowGeometry {
        let picture = Extent(height: input.height, width: input.width)
        return WindowGeometry(
            batch: input.batch, picture: picture, channels: input.channels, grid: grid(of: picture), kernel: kernel,
            stride: stride, dilation: dilation, padTop: padding.top, padLeft: padding.left, mode: mode)
    }

    /// The windows for computing the gradient of the input as a convolution of the output's gradient, which is possible
    /// with stride 1 and zero padding; `nil` if col2im is needed.
    ///
    /// - Parameter channels: channels of the output.
    func turnedGeometry(_ input: Shape, channels: Int) -> WindowGeometry? {
        let padTop = dilation.height * (kernel.height - 1) - padding.top
        let padLeft = dilation.width * (kernel.width - 1) - padding.left
        guard stride == 1, mode == .zero, padTop >= 0, padLeft >= 0 else { return nil }
        let picture = Extent(height: input.height, width: input.width)
        return WindowGeometry(
            batch: input.batch, picture: grid(of: picture), channels: channels, grid: picture, kernel: kernel,
            stride: 1, dilation: dilation, padTop: padTop, padLeft: padLeft, mode: .zero)
    }
}
