import RestoreConcurrency

/// The cross-entropy between the softmax of logits and each pixel's class or distribution over classes.
///
/// Inputs, in this order:
/// 1. logits, N×H×W×C;
/// 2. `.classIndices`: the class of each pixel, N×H×W×1; `.sparseDistributions`: K classes of each pixel, N×H×W×K, and
///    then
/// 3. their probabilities, N×H×W×K, as in the soft-encoded ab bins of Zhang, Isola & Efros ("Colorful image
///    colorization", ECCV 2016, sec. 2.1);
/// 4. optionally the weight of each pixel, N×H×W×1, as the last input.
///
/// Classes are integers stored as floats. A class outside 0 ..< C is skipped. A pixel whose classes are all skipped is
/// ignored: it does not count in the mean, its logits are not read, and its gradient is 0. A NaN class makes the loss
/// NaN.
///
/// A pixel's loss is Σₖ tₖ · (log Σ_c exp x_c − x_{cₖ}). The loss is the mean over the pixels that are not ignored,
/// weighted: Σ v·loss / Σ v, and 0 if all weights are 0. v is the pixel's weight times the class weight of its most
/// probable class, the first one in case of a tie (Zhang et al. 2016, eq. 2 and 3). For class indices this equals
/// PyTorch's `cross_entropy` with mean reduction; for distributions the two agree without class weights, which PyTorch
/// applies class by class.
///
/// Only the logits have a gradient; those of the other inputs are set to 0. Exponentials are computed in `Float`; all
/// sums are accumulated in `Double`.
public struct SoftmaxCrossEntropy: LossOperator, Hashable {
    public enum Targets: Hashable, Sendable {
        /// One class per pixel.
        case classIndices
        /// A few classes per pixel with their probabilities, which need not sum to 1.
        case sparseDistributions
    }

    public let targets: Targets
    /// One per class.
    public let classWeights: [Float]?

    public init(_ targets: Targets, classWeights: [Float]? = nil) {
        self.targets = targets
        self.classWeights = classWeights
    }

    public var kind: String { "softmax cross-entropy" }

    /// The index of the pixel weights among the inputs.
    private var weightInput: Int { targets == .classIndices ? 2 : 3 }

    public func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
        guard inputs.count == weightInput || inputs.count == weightInput + 1 else {
            let expected = targets == .classIndices ? "logits, classes" : "logits, classes, probabilities"
            throw ShapeError("expected \(expected) and optional weights; found \(inputs.count) inputs")
        }
        let onePerPixel = inputs[0].onePerPixel
        guard inputs.allSatisfy({ $0.onePerPixel == onePerPixel }) else { throw ShapeError("batch or sides differ") }
        switch targets {
        case .classIndices where inputs[1].channels != 1:
            throw ShapeError("expected 1 class per pixel, found \(inputs[1].channels)")
        case .sparseDistributions where inputs[1] != inputs[2]:
            throw ShapeError("the classes and their probabilities differ in shape")
        default: break
        }
        if inputs.count > weightInput && inputs[weightInput] != onePerPixel {
            throw ShapeError("the weights must be \(onePerPixel)")
        }
        if let classWeights, classWeights.count != inputs[0].channels {
            throw ShapeError("\(classWeights.count) class weights for \(inputs[0].channels) classes")
        }
        return .scalar
    }

    public func evaluate(_ pass: ForwardPass) -> Double {
        let shape = pass.inputShapes[0]
        return withPixelTargets(pass.inputs, pass.inputShapes) { targets in
            let piece = shape.pixelsPerPiece
            let sums = pass.pool.map(taskCount: (shape.pixels + piece - 1) / piece) { task in
                let pixels = (task * piece)..<min((task + 1) * piece, shape.pixels)
                return sumOfCrossEntropies(pass.inputs[0], targets, pixels: pixels)
            }
            let (loss, weight) = sums.reduce((0, 0)) { ($0.0 + $1.loss, $0.1 + $1.weight) }
            return weight == 0 ? loss : loss / weight
        }
    }

    public func backward(_ pass: BackwardPass) {
        for index in 1..<pass.inputs.count { pass.writeZeros(input: index) }
        guard let gradient = pass.inputGradients[0] else { return }
        let shape = pass.inputShapes[0]
        withPixelTargets(pass.inputs, pass.inputShapes) { targets in
            let weight = pass.pool.sumOverPieces(count: shape.pixels) { start, count in
                sumOfWeights(targets, pixels: start..<(start + count))
            }
            let scale = weight == 0 ? 0 : Double(pass.outputGradient[0]) / weight
            pass.pool.runPieces(count: shape.pixels, piece: shape.pixelsPerPiece) { start, count in
                writeCrossEntropyGradients(
                    pass.inputs[0], targets, scale: scale, into: gradient, pixels: start..<(start + count))
            }
        }
    }

    private func withPixelTargets<Value>(
        _ inputs: [UnsafePointer<Float>], _ shapes: [Shape], _ body: (PixelTargets) -> Value
    ) -> Value {
        let (count, classCount) = (shapes[1].channels, shapes[0].channels)
        let probabilities = targets == .sparseDistributions ? inputs[2] : nil
        let pixelWeights = inputs.count > weightInput ? inputs[weightInput] : nil
        func call(_ classWeights: UnsafePointer<Float>?) -> Value {
            body(
                PixelTargets(
                    classes: inputs[1], probabilities: probabilities, pixelWeights: pixelWeights,
                    classWeights: classWeights, count: count, classCount: classCount))
        }
        guard let classWeights else { return call(nil) }
        return classWeights.withUnsafeBufferPointer { call($0.baseAddress) }
    }
}

// MARK: Kernels

/// The targets and weights of all pixels.
private struct PixelTargets {
    let classes: UnsafePointer<Float>
    /// All 1 if absent.
    let probabilities: UnsafePointer<Float>?
    let pixelWeights: UnsafePointer<Float>?
    let classWeights: UnsafePointer<Float>?
    /// Classes named per pixel.
    let count: Int
    let classCount: Int

    /// Target `index`, counted across all pixels; its class is `nil` if it is skipped.
    @inline(__always)
    func target(_ index: Int) -> (class: Int?, probability: Float) {
        let value = classes[index]
        guard !value.isNaN else { return (0, .nan) }
        return (value >= 0 && value < Float(classCount) ? Int(value) : nil, probabilities?[index] ?? 1)
    }

    /// The weight of a pixel in the mean, and the sum of its probabilities; `nil` if the pixel is ignored.
    @inline(__always)
    func weightAndSum(pixel: Int) -> (weight: Double, sum: Double)? {
        var (best, bestProbability, sum): (Int?, Float, Double) = (nil, -.infinity, 0)
        for index in (pixel * count)..<((pixel + 1) * count) {
            let (place, probability) = target(index)
            guard let place else { continue }
            sum += Double(probability)
            if best == nil || probability > bestProbability { (best, bestProbability) = (place, probability) }
        }
        guard let best else { return nil }
        return (Double(pixelWeights?[pixel] ?? 1) * Double(classWeights?[best] ?? 1), sum)
    }
}

private func sumOfWeights(_ targets: PixelTargets, pixels: Range<Int>) -> Double {
    var sum = 0.0
    for pixel in pixels { sum += targets.weightAndSum(pixel: pixel)?.weight ?? 0 }
    return sum
}

/// Σ weight · loss and Σ weight.
private func sumOfCrossEntropies(
    _ logits: UnsafePointer<Float>, _ targets: PixelTargets, pixels: Range<Int>
) -> (loss: Double, weight: Double) {
    var result = (loss: 0.0, weight: 0.0)
    for pixel in pixels {
        guard let (weight, _) = targets.weightAndSum(pixel: pixel) else { continue }
        let row = logits + pixel * targets.classCount
        let normalizer = logSumOfExponentials(row, count: targets.classCount)
        var loss = 0.0
        for index in (pixel * targets.count)..<((pixel + 1) * targets.count) {
            let (place, probability) = targets.target(index)
            // A class of probability 0 may have a logit of −∞; a NaN logit shows up in the normalizer.
            guard let place, probability != 0 else { continue }
            loss += Double(probability) * (normalizer - Double(row[place]))
        }
        result.loss += weight * (loss + 0 * normalizer)
        result.weight += weight
    }
    return result
}

/// scale · weight · (Σ t · softmax − t) for every logit.
private func writeCrossEntropyGradients(
    _ logits: UnsafePointer<Float>, _ targets: PixelTargets, scale: Double,
    into gradient: UnsafeMutablePointer<Float>, pixels: Range<Int>
) {
    for pixel in pixels {
        let destination = gradient + pixel * targets.classCount
        guard let (weight, sum) = targets.weightAndSum(pixel: pixel) else {
            destination.update(repeating: 0, count: targets.classCount)
            continue
        }
        writeSoftmax(
            logits + pixel * targets.classCount, scale: scale * weight * sum, into: destination,
            count: targets.classCount)
        for index in (pixel * targets.count)..<((pixel + 1) * targets.count) {
            let (place, probability) = targets.target(index)
            guard let place else { continue }
            destination[place] -= Float(scale * weight * Double(probability))
        }
    }
}
