import RestoreNN
import TestSupport
import Testing

/// Convolution and all its gradients, by every algorithm, against the naive twin.
@Suite struct ConvolutionTests {
    @Test(arguments: 0..<8) func agreesWithNaiveTwinOnRandomSizes(part: Int) throws {
        var generator = SeededGenerator(seed: 31, path: UInt64(part))
        for round in 0..<100 {
            try ConvolutionCheck(.random(&generator), seed: UInt64(1000 * part + round)).run()
        }
    }

    /// Sizes at which the code takes another way: one pixel, pointwise, windows that tile, strides above the kernel,
    /// padding above it, several blocks of windows, several bands of rows, a column matrix too wide for a block.
    private static let corners: [NaiveConvolution] = [
        NaiveConvolution(
            input: Shape(batch: 1, height: 1, width: 1, channels: 1), outputChannels: 1, kernel: 1),
        NaiveConvolution(
            input: Shape(batch: 2, height: 1, width: 1, channels: 3), outputChannels: 17, kernel: 3,
            padding: 1),
        NaiveConvolution(
            input: Shape(batch: 2, height: 25, width: 31, channels: 7), outputChannels: 5, kernel: 1),
        NaiveConvolution(
            input: Shape(batch: 1, height: 7, width: 9, channels: 3), outputChannels: 4, kernel: 1, stride: 3),
        NaiveConvolution(
            input: Shape(batch: 1, height: 4, width: 4, channels: 2), outputChannels: 3, kernel: 1,
            padding: Padding(top: 0, bottom: 2, left: 0, right: 1)),
        NaiveConvolution(
            input: Shape(batch: 3, height: 24, width: 32, channels: 5), outputChannels: 6, kernel: 2,
            stride: 2),
        NaiveConvolution(
            input: Shape(batch: 1, height: 9, width: 11, channels: 3), outputChannels: 4, kernel: 2, stride: 5
        ),
        NaiveConvolution(
            input: Shape(batch: 1, height: 3, width: 4, channels: 3), outputChannels: 4, kernel: 3, padding: 7
        ),
        NaiveConvolution(
            input: Shape(batch: 2, height: 64, width: 51, channels: 3), outputChannels: 5, kernel: 3,
            padding: 1),
        NaiveConvolution(
            input: Shape(batch: 2, height: 71, width: 37, channels: 2), outputChannels: 3, kernel: 3,
            stride: 2,
            padding: 1),
        NaiveConvolution(
            input: Shape(batch: 1, height: 67, width: 9, channels: 2), outputChannels: 3, kernel: 5,
            padding: 2,
            mode: .reflect),
        NaiveConvolution(
            input: Shape(batch: 1, height: 66, width: 7, channels: 2), outputChannels: 3, kernel: 3,
            dilation: 17,
            padding: 17, mode: .replicate),
        NaiveConvolution(
            input: Shape(batch: 1, height: 7, width: 7, channels: 520), outputChannels: 5, kernel: 3,
            padding: 1),
        NaiveConvolution(
            input: Shape(batch: 1, height: 9, width: 8, channels: 5), outputChannels: 260, kernel: 5,
            stride: 2,
            padding: 2),
    ]

    @Test(arguments: corners) func agreesWithNaiveTwinAtCorners(_ naive: NaiveConvolution) throws {
        try ConvolutionCheck(naive, seed: 7).run()
    }
}
