import RestoreConcurrency
import Glibc
import RestoreNN
import TestSupport
import Testing

/// What is particular to the cross-entropies: ignored targets, extreme logits, shapes.
@Suite struct CrossEntropyTests {
    private let pool = WorkerPool(workerCount: 2)

    private func row(_ channels: Int, _ values: [Float]) -> Tensor {
        Tensor(
            shape: Shape(batch: 1, height: 1, width: values.count / channels, channels: channels), values: values)
    }

    private func crossEntropy(_ logits: [Float], class index: Float) throws -> (value: Double, gradient: [Float]) {
        let found = try evaluate(
            SoftmaxCrossEntropy(.classIndices), [row(logits.count, logits), row(1, [index])], pool: pool)
        return (found.value, found.gradients[0].values)
    }

    /// Whatever a network says of an ignored pixel is not read.
    @Test func ignoredPixelsAreNotRead() throws {
        for outside: Float in [-1, 3, 1e9, -1e9, .infinity, -.infinity, -0.5] {
            let logits = row(3, [1, 2, 3, .nan, .infinity, 0, 4, 4, 4])
            let (value, gradients) = try evaluate(
                SoftmaxCrossEntropy(.classIndices), [logits, row(1, [2, outside, 1])], pool: pool)
            let alone = try evaluate(
                SoftmaxCrossEntropy(.classIndices), [row(3, [1, 2, 3, 4, 4, 4]), row(1, [2, 1])], pool: pool)
            #expect(value == alone.value, "class \(outside)")
            #expect(gradients[0].values[3..<6].allSatisfy { $0 == 0 }, "class \(outside)")
            expectSameBits(Array(gradients[0].values[6...]), Array(alone.gradients[0].values[3...]), "class \(outside)")
        }
        let (value, gradient) = try crossEntropy([1, 2], class: -1)
        #expect(value == 0 && gradient == [0, 0])
    }

    /// Terms outside are left out one by one; probabilities are taken as they are.
    @Test func ignoredTermsAreLeftOut() throws {
        let loss = SoftmaxCrossEntropy(.sparseDistributions)
        let logits = row(4, [0.3, -1, 2, 0.7])
        let full = try evaluate(loss, [logits, row(3, [1, 9, 2]), row(3, [0.25, 100, 0.5])], pool: pool)
        let part = try evaluate(loss, [logits, row(2, [1, 2]), row(2, [0.25, 0.5])], pool: pool)
        #expect(full.value == part.value)
        expectSameBits(full.gradients[0].values, part.gradients[0].values, "the part")
        // A class that is named twice has the sum of its probabilities.
        let twice = try evaluate(loss, [logits, row(3, [1, 2, 1]), row(3, [0.125, 0.5, 0.125])], pool: pool)
        #expect(abs(twice.value - part.value) < 1e-12)
    }

    @Test func oneClassOfProbabilityOneIsAClassIndex() throws {
        var generator = SeededGenerator(seed: 171)
        let shape = Shape(batch: 2, height: 3, width: 4, channels: 20)
        let logits = generator.tensor(shape, in: -5...5)
        let one = Shape(batch: 2, height: 3, width: 4, channels: 1)
        let classes = Tensor(shape: one, values: (0..<24).map { _ in Float(generator.index(below: 21)) })
        let weights: [Float] = generator.values(20, in: 0.5...2)
        let hard = try evaluate(
            SoftmaxCrossEntropy(.classIndices, classWeights: weights), [logits, classes], pool: pool)
        let soft = try evaluate(
            SoftmaxCrossEntropy(.sparseDistributions, classWeights: weights),
            [logits, classes, Tensor(shape: one, values: [Float](repeating: 1, count: 24))], pool: pool)
        #expect(hard.value == soft.value)
        expectSameBits(hard.gradients[0].values, soft.gradients[0].values, "gradient")
    }

    @Test func logitsMayBeFarApart() throws {
        let (far, gradient) = try crossEntropy([1e4, -1e4, 0], class: 1)
        #expect(far == 2e4 && gradient == [1, -1, 0])
        let (near, none) = try crossEntropy([3e38, -3e38], class: 0)
        #expect(near == 0 && none == [0, 0])
        // Classes that are ruled out.
        let (value, slopes) = try crossEntropy([0, -.infinity, 0, -.infinity], class: 0)
        #expect(abs(value - log(2)) < 1e-7)
        expectClose(slopes, [-0.5, 0, 0.5, 0], "two classes left")
        #expect(try crossEntropy([0, -.infinity], class: 1).value == .infinity)
        let impossible = try evaluate(
            SoftmaxCrossEntropy(.sparseDistributions),
            [row(3, [0, -.infinity, 0]), row(2, [0, 1]), row(2, [1, 0])], pool: pool)
        #expect(abs(impossible.value - log(2)) < 1e-7, "a class of probability 0 may be impossible")
    }

    /// Softmax of rows of any length: what is left of the gradient where the target's probability is 0.
    @Test func softmaxIsAccurate() throws {
        for count in Array(1...70) + [127, 313, 1023, 1024, 1025, 2500] {
            var generator = SeededGenerator(seed: 172, path: UInt64(count))
            let logits = generator.values(count, in: -30...30)
            let found = try evaluate(
                SoftmaxCrossEntropy(.sparseDistributions),
                [row(count, logits), row(2, [0, Float(count - 1)]), row(2, [0.25, 0.75])], pool: pool)
            let powers = logits.map { exp(Double($0)) }
            var expected = powers.map { $0 / powers.reduce(0, +) }
            expected[0] -= 0.25
            expected[count - 1] -= 0.75
            expectClose(
                found.gradients[0].values, expected.map(Float.init), "\(count) classes",
                tolerance: Tolerance(absolute: 1e-7, relative: 1e-6), seed: 172)
        }
    }

    @Test func binaryCrossEntropyOfFarLogits() throws {
        let (value, gradient) = try evaluate(
            BinaryCrossEntropy(reduction: .sumPerPicture), [200, -200, 200, -200, 0], [1, 0, 0, 1, 0.5], pool: pool)
        #expect(abs(value - (400 + log(2))) < 1e-6)
        #expect(gradient == [0, 0, 1, -1, 0])
    }

    @Test func shapesAreChecked() {
        let logits = Shape(batch: 2, height: 3, width: 4, channels: 5)
        func shape(_ channels: Int, height: Int = 3) -> Shape {
            Shape(batch: 2, height: height, width: 4, channels: channels)
        }
        let (hard, soft) = (SoftmaxCrossEntropy(.classIndices), SoftmaxCrossEntropy(.sparseDistributions))
        let wrong: [(SoftmaxCrossEntropy, [Shape], String)] = [
            (hard, [logits], "expected logits, classes and optional weights; found 1 inputs"),
            (hard, [logits, shape(2)], "expected 1 class per pixel, found 2"),
            (hard, [logits, shape(1, height: 2)], "batch or sides differ"),
            (hard, [logits, shape(1), shape(5)], "the weights must be 2×3×4×1"),
            (soft, [logits, shape(3)], "expected logits, classes, probabilities and optional weights; found 2 inputs"),
            (soft, [logits, shape(3), shape(2)], "the classes and their probabilities differ in shape"),
            (
                SoftmaxCrossEntropy(.classIndices, classWeights: [1, 2]), [logits, shape(1)],
                "2 class weights for 5 classes"
            ),
        ]
        for (loss, shapes, reason) in wrong {
            #expect(throws: ShapeError(reason)) { try loss.outputShape(shapes) }
        }
        #expect(throws: ShapeError("expected logits, targets and optional weights; found 1 inputs")) {
            try BinaryCrossEntropy().outputShape([logits])
        }
        #expect(throws: ShapeError("the weights must be 2×3×4×1 or 2×3×4×5")) {
            try BinaryCrossEntropy().outputShape([logits, logits, shape(2)])
        }
        #expect(throws: ShapeError("the mean and the target differ in shape")) {
            try GaussianNegativeLogLikelihood().outputShape([logits, logits, shape(2)])
        }
        #expect(throws: ShapeError("the mean of q and the mean of p differ in shape")) {
            try KLDivergence().outputShape([logits, logits, shape(2), shape(2)])
        }
        #expect(throws: ShapeError("expected prediction, target; found 3 inputs")) {
            try DifferenceLoss(.negativePSNR).outputShape([logits, logits, logits])
        }
    }
}
