import RestoreNN
import TestSupport
import Testing

/// An operator without parameters and the shapes that a test gives it.
struct ElementwiseSample: Sendable, CustomTestStringConvertible {
    let name: String
    let operation: any Operator
    let inputs: [Shape]
    /// The inputs that the output is proportional to while the others are held.
    var linearInputs: [Int] = []

    var testDescription: String { name }

    var network: Network { TestSupport.network(of: operation, inputCount: inputs.count) }

    private static func shape(_ height: Int, _ width: Int, _ channels: Int, batch: Int = 2) -> Shape {
        Shape(batch: batch, height: height, width: width, channels: channels)
    }

    /// Every operator of this family, on pictures of few pixels.
    static let all: [ElementwiseSample] = {
        let side = shape(5, 6, 4)
        var samples = [
            ElementwiseSample(name: "multiply", operation: Multiply(), inputs: [side, side], linearInputs: [0, 1]),
            ElementwiseSample(
                name: "multiply, channels", operation: Multiply(), inputs: [side, shape(1, 1, 4)],
                linearInputs: [0, 1]),
            ElementwiseSample(
                name: "multiply, pixels", operation: Multiply(), inputs: [side, shape(5, 6, 1)], linearInputs: [0, 1]),
            ElementwiseSample(
                name: "multiply, pixels of 3 channels", operation: Multiply(),
                inputs: [shape(5, 6, 3), shape(5, 6, 1)],
                linearInputs: [0, 1]),
            ElementwiseSample(
                name: "multiply, wide", operation: Multiply(), inputs: [shape(5, 6, 37), shape(5, 6, 1)],
                linearInputs: [0, 1]),
            ElementwiseSample(name: "difference", operation: Difference(scale: 0.75), inputs: [side, side]),
            ElementwiseSample(name: "exponential", operation: Exponential(scale: 0.5), inputs: [side]),
            ElementwiseSample(
                name: "reshape", operation: Reshape(height: 3, width: 8, channels: 5), inputs: [side],
                linearInputs: [0]),
            ElementwiseSample(
                name: "flatten", operation: Reshape(height: 1, width: 1, channels: 120), inputs: [side],
                linearInputs: [0]),
            ElementwiseSample(
                name: "broadcast", operation: BroadcastPixels(height: 4, width: 3), inputs: [shape(1, 1, 5)],
                linearInputs: [0]),
            ElementwiseSample(
                name: "broadcast to another", operation: BroadcastPixels(), inputs: [shape(1, 1, 5), shape(7, 6, 2)],
                linearInputs: [0]),
            ElementwiseSample(
                name: "global average", operation: GlobalAveragePooling(), inputs: [side], linearInputs: [0]),
            ElementwiseSample(name: "batch mean", operation: BatchMean(), inputs: [side], linearInputs: [0]),
            ElementwiseSample(name: "softmax", operation: Softmax(), inputs: [side]),
            ElementwiseSample(name: "softmax, warm", operation: Softmax(temperature: 3), inputs: [shape(2, 3, 21)]),
            // Not linear, but proportional to its input.
            ElementwiseSample(name: "top k", operation: TopK(k: 17), inputs: [side], linearInputs: [0]),
        ]
        for factor in 1...4 {
            for interpolation in [
                Upsampling.Interpolation.nearest, .bilinear(alignsCorners: false), .bilinear(alignsCorners: true),
            ] {
                samples.append(
                    ElementwiseSample(
                        name: "upsampling \(factor), \(interpolation)",
                        operation: Upsampling(factor: factor, interpolation), inputs: [shape(5, 4, 3)],
                        linearInputs: [0]))
            }
        }
        return samples
    }()
}
