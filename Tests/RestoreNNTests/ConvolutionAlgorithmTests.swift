import RestoreNN
import TestSupport
import Testing

/// Every algorithm at the sizes at which tiles, vectors, runs and blocks begin and end; see `ConvolutionCheck`.
@Suite struct ConvolutionAlgorithmTests {
    private static let channels = [1, 3, 4, 12, 13, 15, 16, 17, 20, 31, 32, 33, 48, 64, 100]

    /// (height, width)
    private static let sides: [(Int, Int)] =
        [(1, 1), (1, 2), (1, 9), (1, 31), (1, 64), (2, 1), (9, 1), (33, 1)]
        + (2...13).flatMap { [($0, $0), ($0, 15 - $0)] }
        + [(31, 48), (48, 31), (64, 65), (65, 64), (17, 130)]

    private static let paddings = [
        Padding(0), 1, 2, Padding(top: 2, bottom: 0, left: 1, right: 3), Padding(top: 0, bottom: 1, left: 2, right: 0),
    ]

    /// What the twin can compute in a moment.
    private static let mostProducts = 1_500_000

    /// 3×3 convolutions of all sides with all paddings, each with some of the numbers of channels.
    @Test(arguments: 0..<sides.count) func everySide(index: Int) throws {
        let (height, width) = Self.sides[index]
        var draw = SeededGenerator(seed: 71, path: UInt64(index))
        var tried = 0
        for (number, padding) in Self.paddings.enumerated() {
            for mode in PaddingMode.allCases {
                let batch = (index + number) % 3 == 0 ? 3 : 1
                var naive: NaiveConvolution
                repeat {
                    naive = NaiveConvolution(
                        input: Shape(
                            batch: batch, height: height, width: width, channels: draw.choice(of: Self.channels)),
                        outputChannels: draw.choice(of: Self.channels), kernel: 3, padding: padding, mode: mode,
                        hasBias: number % 2 == 0)
                } while naive.cost > Self.mostProducts
                guard naive.isPossible else { continue }
                #expect(naive.algorithms.count == ConvolutionAlgorithm.allCases.count)
                try ConvolutionCheck(naive, seed: UInt64(100 * index + number)).run()
                tried += 1
            }
        }
        #expect(tried > 2)
    }

    /// Every number of channels in and out.
    @Test(arguments: channels) func everyNumberOfChannels(inputs: Int) throws {
        for (index, outputs) in Self.channels.enumerated() {
            let naive = NaiveConvolution(
                input: Shape(batch: 1, height: 5 + index % 5, width: 6 + index % 3, channels: inputs),
                outputChannels: outputs, kernel: 3, padding: 1)
            try ConvolutionCheck(naive, seed: UInt64(1000 * inputs + outputs)).run()
        }
    }

    /// Runs of windows wide enough to be read where they lie, with columns at both ends that reach beyond the edge, rows
    /// whose kernel rows do, and several blocks.
    @Test(arguments: 0..<16) func wideRuns(part: Int) throws {
        var draw = SeededGenerator(seed: 72, path: UInt64(part))
        var tried = 0
        while tried < 24 {
            func any<Choice>(_ choices: [Choice]) -> Choice { draw.choice(of: choices) }
            let kernel = any([Extent(3), 3, 1, 2, 5, Extent(height: 2, width: 4), Extent(height: 5, width: 1)])
            let naive = NaiveConvolution(
                input: Shape(
                    batch: any([1, 1, 3]), height: any([1, 3, 6, 11]), width: any([25, 31, 54, 76, 131]),
                    channels: any([1, 3, 4, 13, 16, 17])),
                outputChannels: any([1, 3, 12, 16, 17, 33, 49]), kernel: kernel,
                stride: any([Extent(1), 1, 2, 3, Extent(height: 3, width: 1)]),
                dilation: any([Extent(1), 1, Extent(height: 3, width: 1), Extent(height: 2, width: 1), 2]),
                padding: any(Self.paddings + [Padding(5)]), mode: any(PaddingMode.allCases),
                hasBias: any([true, false]))
            guard naive.isPossible, naive.output.width >= 24, naive.cost <= Self.mostProducts else { continue }
            try ConvolutionCheck(naive, seed: UInt64(100 * part + tried)).run()
            tried += 1
        }
    }
}
