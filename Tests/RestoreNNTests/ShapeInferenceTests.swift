import RestoreConcurrency
import RestoreNN
import TestSupport
import Testing

@Suite struct ShapeInferenceTests {
    /// An operator, what it is given, and the reason why it cannot take it.
    struct Failure: Sendable, CustomTestStringConvertible {
        let operation: any Operator
        let inputs: [Shape]
        let reason: String

        var testDescription: String { "\(operation.kind): \(reason)" }
    }

    private static func shape(_ height: Int, _ width: Int, _ channels: Int, batch: Int = 2) -> Shape {
        Shape(batch: batch, height: height, width: width, channels: channels)
    }

    private static let failures: [Failure] = [
        Failure(
            operation: Convolution(inputChannels: 3, outputChannels: 5, kernel: 3), inputs: [shape(8, 8, 4)],
            reason: "expected 3 channels, found 4"),
        Failure(
            operation: Convolution(inputChannels: 3, outputChannels: 5, kernel: 5, padding: 1),
            inputs: [shape(2, 8, 3)],
            reason: "the kernel is larger than the padded input"),
        Failure(
            operation: Convolution(inputChannels: 3, outputChannels: 5, kernel: 3, dilation: 4),
            inputs: [shape(9, 8, 3)],
            reason: "the kernel is larger than the padded input"),
        Failure(
            operation: Convolution(
                inputChannels: 3, outputChannels: 5, kernel: 3, padding: 2, paddingMode: .reflect),
            inputs: [shape(2, 8, 3)], reason: "reflection needs a padding smaller than the side"),
        Failure(
            operation: Convolution(inputChannels: 3, outputChannels: 5, kernel: 3),
            inputs: [shape(8, 8, 3), shape(8, 8, 3)], reason: "expected 1 input, found 2"),
        Failure(
            operation: TransposedConvolution(inputChannels: 3, outputChannels: 5, kernel: 2, stride: 2),
            inputs: [shape(8, 8, 2)], reason: "expected 3 channels, found 2"),
        Failure(
            operation: TransposedConvolution(inputChannels: 3, outputChannels: 5, kernel: 2, padding: 1),
            inputs: [shape(1, 8, 3)], reason: "the padding leaves nothing of the output"),
        Failure(
            operation: TransposedConvolution(inputChannels: 3, outputChannels: 5, kernel: 2),
            inputs: [shape(1, 8, 3), shape(1, 8, 3)], reason: "expected 1 input, found 2"),
        Failure(
            operation: Dense(inputFeatures: 10, outputFeatures: 2), inputs: [shape(2, 2, 3)],
            reason: "expected 10 features a picture, found 12"),
        Failure(
            operation: GroupNormalization(channels: 4, groups: 2), inputs: [shape(2, 2, 8)],
            reason: "expected 4 channels, found 8"),
        Failure(
            operation: Activation(.relu), inputs: [shape(2, 2, 8), shape(2, 2, 8)],
            reason: "expected 1 input, found 2"),
        Failure(operation: Add(), inputs: [shape(2, 2, 8), shape(2, 3, 8)], reason: "the shapes differ"),
        Failure(
            operation: Add(), inputs: [shape(2, 2, 8), shape(2, 2, 8, batch: 1)], reason: "the shapes differ"),
        Failure(
            operation: Concatenate(), inputs: [shape(2, 2, 8), shape(4, 2, 8)],
            reason: "batch or sides differ"),
        Failure(
            operation: Concatenate(), inputs: [shape(2, 2, 8), shape(2, 2, 8, batch: 1)],
            reason: "batch or sides differ"),
        Failure(operation: Slice(channels: 2..<5), inputs: [shape(2, 2, 4)], reason: "channels 2..<5 of 4"),
        Failure(
            operation: Pooling(.average, kernel: 3), inputs: [shape(2, 9, 4)],
            reason: "the window is larger than the input"),
        Failure(
            operation: Pooling(.max, kernel: 3), inputs: [shape(9, 2, 4)],
            reason: "the window is larger than the input"),
        Failure(
            operation: PixelShuffle(factor: 2), inputs: [shape(2, 2, 6)],
            reason: "6 channels are no multiple of 4"),
        Failure(
            operation: PixelUnshuffle(factor: 2), inputs: [shape(2, 3, 6)],
            reason: "a side is no multiple of 2"),
    ]

    @Test(arguments: failures) func namesNodeOperatorAndReason(_ failure: Failure) throws {
        let network = network(of: failure.operation, inputCount: failure.inputs.count)
        let expected = NetworkError.shape(
            node: "operator", operation: failure.operation.kind, inputs: failure.inputs,
            reason: failure.reason)
        #expect(throws: expected) { try network.shapes(inputs: failure.inputs) }
        // Every way to a plan says the same.
        let pool = WorkerPool(workerCount: 1)
        let parameters = Parameters(initializing: network, seed: 1)
        #expect(throws: expected) { try network.cost(inputs: failure.inputs) }
        #expect(throws: expected) { try TrainingPlan(network, inputShapes: failure.inputs, pool: pool) }
        #expect(throws: expected) {
            try InferencePlan(network, inputShapes: failure.inputs, parameters: parameters, pool: pool)
        }
        #expect(throws: expected) {
            try InferencePlan.memory(network, inputShapes: failure.inputs, workers: 1)
        }
        #expect(expected.description.contains("node operator (\(failure.operation.kind))"))
        #expect(expected.description.contains(failure.inputs[0].description))
    }

    @Test func operatorsWithoutInputs() throws {
        for (operation, reason) in [
            (Add() as any Operator, "expected at least 1 input, found none"),
            (Concatenate(), "expected at least 1 input, found none"),
            (Activation(.relu), "expected 1 input, found 0"),
        ] {
            var network = Network()
            network.output(network.add("alone", operation))
            #expect(
                throws: NetworkError.shape(
                    node: "alone", operation: operation.kind, inputs: [], reason: reason)
            ) { try network.shapes(inputs: []) }
        }
    }

    @Test func theFirstNodeThatFailsIsNamed() throws {
        var network = Network()
        let x = network.input("x")
        let half = network.add("half", Pooling(.max, kernel: 2), x)
        let quarter = network.add("quarter", Pooling(.max, kernel: 2), half)
        network.output(network.add("sum", Add(), half, quarter))
        let found = #expect(throws: NetworkError.self) { try network.shapes(inputs: [Self.shape(8, 8, 3)]) }
        #expect(
            found?.description
                == "node sum (add) cannot take 2×4×4×3, 2×2×2×3: the shapes differ")
        #expect(
            throws: NetworkError.shape(
                node: "quarter", operation: "max pooling", inputs: [Self.shape(1, 1, 3)],
                reason: "the window is larger than the input")
        ) { try network.shapes(inputs: [Self.shape(2, 2, 3)]) }
    }

    @Test func inputsAndOutputsOfNetworks() throws {
        var network = Network()
        let x = network.input("x")
        #expect(throws: NetworkError.noOutput) { try network.shapes(inputs: [Self.shape(2, 2, 3)]) }
        network.output(x)
        #expect(throws: NetworkError.inputCount(expected: 1, found: 0)) { try network.shapes(inputs: []) }
        #expect(throws: NetworkError.inputCount(expected: 1, found: 2)) {
            try network.shapes(inputs: [Self.shape(2, 2, 3), Self.shape(2, 2, 3)])
        }
        for wrong in [
            Self.shape(0, 2, 3), Self.shape(2, 0, 3), Self.shape(2, 2, 0), Self.shape(2, 2, 3, batch: 0),
            Self.shape(-1, 2, 3),
        ] {
            #expect(
                throws: NetworkError.shape(
                    node: "x", operation: "input", inputs: [wrong], reason: "a side is not positive")
            ) { try network.shapes(inputs: [wrong]) }
        }
    }

    @Test func shapesThatFit() throws {
        let cases: [(any Operator, Shape, Shape)] = [
            (
                Convolution(inputChannels: 3, outputChannels: 5, kernel: 3), Self.shape(3, 9, 3),
                Self.shape(1, 7, 5)
            ),
            (
                Convolution(
                    inputChannels: 3, outputChannels: 5, kernel: Extent(height: 3, width: 5),
                    stride: Extent(height: 2, width: 3), dilation: Extent(height: 2, width: 1),
                    padding: Padding(top: 1, bottom: 0, left: 2, right: 3)),
                Self.shape(10, 11, 3), Self.shape(4, 4, 5)
            ),
            (
                TransposedConvolution(
                    inputChannels: 3, outputChannels: 5, kernel: 3, stride: 2, padding: 1, outputPadding: 1),
                Self.shape(4, 7, 3), Self.shape(8, 14, 5)
            ),
            (Dense(inputFeatures: 24, outputFeatures: 7), Self.shape(2, 4, 3), Self.shape(1, 1, 7)),
            (Pooling(.max, kernel: 3, stride: 2), Self.shape(8, 7, 3), Self.shape(3, 3, 3)),
            (PixelShuffle(factor: 3), Self.shape(2, 4, 18), Self.shape(6, 12, 2)),
            (PixelUnshuffle(factor: 3), Self.shape(6, 12, 2), Self.shape(2, 4, 18)),
        ]
        for (operation, input, output) in cases {
            #expect(
                try network(of: operation).shapes(inputs: [input]) == [input, output], "\(operation.kind)")
        }
    }
}
