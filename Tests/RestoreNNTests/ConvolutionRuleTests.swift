import RestoreNN
import Testing

/// Which algorithm a layer is computed by.
@Suite(.enabled(if: ConvolutionAlgorithm.forced == nil)) struct ConvolutionRuleTests {
    private func chosen(_ inputs: Int, _ outputs: Int, _ height: Int, _ width: Int) -> ConvolutionAlgorithm {
        Convolution(inputChannels: inputs, outputChannels: outputs, kernel: 3, padding: 1)
            .chosenAlgorithm(Shape(batch: 1, height: height, width: width, channels: inputs))
    }

    @Test func layersOfLargePictures() {
        for (inputs, outputs, expected) in [
            (64, 64, ConvolutionAlgorithm.winograd4), (64, 3, .winograd4), (13, 96, .winograd4), (48, 12, .winograd4),
            (16, 48, .winograd4), (192, 192, .winograd4), (8, 8, .winograd4),
            // The transforms would cost more than they save.
            (3, 64, .implicit), (1, 64, .implicit), (3, 3, .implicit), (4, 4, .implicit), (1, 1, .implicit),
        ] {
            #expect(chosen(inputs, outputs, 512, 768) == expected, "\(inputs) → \(outputs)")
        }
    }

    @Test func smallPictures() {
        for (height, width, expected) in [
            (4, 4, ConvolutionAlgorithm.winograd4), (8, 8, .winograd4), (3, 3, .winograd4), (2, 2, .winograd2),
            // Most of a tile would be computed in vain.
            (1, 1, .implicit), (1, 7, .implicit), (1, 500, .implicit), (500, 1, .implicit), (2, 1, .implicit),
        ] {
            #expect(chosen(64, 64, height, width) == expected, "\(height)×\(width)")
        }
    }

    @Test func onlyPlainThreeByThreeIsWinograd() {
        let input = Shape(batch: 1, height: 64, width: 64, channels: 64)
        for (kernel, stride, dilation) in [
            (Extent(1), Extent(1), Extent(1)), (5, 1, 1), (3, 2, 1), (3, 1, 2), (Extent(height: 3, width: 1), 1, 1),
            (3, Extent(height: 1, width: 2), 1), (3, 1, Extent(height: 2, width: 1)), (2, 2, 1),
        ] {
            var layer = Convolution(
                inputChannels: 64, outputChannels: 64, kernel: kernel, stride: stride, dilation: dilation)
            #expect(layer.chosenAlgorithm(input) == .implicit)
            layer.algorithm = .winograd4
            #expect(layer.chosenAlgorithm(input) == .implicit, "what cannot be is not forced")
            layer.algorithm = .im2col
            #expect(layer.chosenAlgorithm(input) == .im2col)
        }
    }

    /// A large picture is cut into windows of any size: they must be computed as the whole is.
    @Test func theChoiceDoesNotDependOnSidesOfEightAndMore() {
        for inputs in [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 16, 17, 24, 32, 33, 48, 64, 96] {
            for outputs in [1, 3, 4, 8, 12, 16, 17, 32, 48, 64, 65, 96, 128] {
                let expected = chosen(inputs, outputs, 4096, 4096)
                for height in [8, 9, 10, 11, 13, 15, 30, 100, 2000] {
                    for width in [8, 9, 11, 14, 31, 33, 500] {
                        let found = chosen(inputs, outputs, height, width)
                        #expect(found == expected, "\(inputs) → \(outputs), \(height)×\(width)")
                    }
                }
            }
        }
    }
}
