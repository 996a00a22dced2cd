import RestoreConcurrency

/// Group normalization (Wu & He, "Group Normalization", ECCV 2018, eq. 1–7): normalizes each group of channels of each
/// image to mean 0 and variance 1, then scales and shifts it channel by channel.
///
/// Preserves the shape. Parameters: `weight` (C) and `bias` (C). Means and variances are accumulated in `Double`.
public struct GroupNormalization: Operator {
    public let channels: Int
    public let groups: Int
    public let epsilon: Float

    /// - Precondition: `groups` divides `channels`.
    public init(channels: Int, groups: Int, epsilon: Float = 1e-5) {
        precondition(groups > 0 && channels > 0 && channels % groups == 0, "\(groups) groups of \(channels) channels")
        self.channels = channels
        self.groups = groups
        self.epsilon = epsilon
    }

    public var kind: String { "group normalization" }

    public var parameters: [ParameterSpecification] {
        [
            ParameterSpecification(name: "weight", shape: [channels], initialization: .ones),
            ParameterSpecification(name: "bias", shape: [channels], initialization: .zeros),
        ]
    }

    public func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
        let input = try inputs.only()
        guard input.channels == channels else {
            throw ShapeError("expected \(channels) channels, found \(input.channels)")
        }
        return input
    }

    private var groupSize: Int { channels / groups }

    /// Calls `body` for every value of a group of an image; `offset` is relative to the image's first value.
    @inline(__always)
    private func forEachPixel(_ pixels: Int, group: Int, _ body: (_ offset: Int) -> Void) {
        for pixel in 0..<pixels { body(pixel * channels + group * groupSize) }
    }

    private func statistics(_ picture: UnsafePointer<Float>, pixels: Int, group: Int) -> (mean: Float, scale: Float) {
        var sum = 0.0
        forEachPixel(pixels, group: group) { offset in
            for c in 0..<groupSize { sum += Double(picture[offset + c]) }
        }
        let mean = sum / Double(pixels * groupSize)
        var squares = 0.0
        forEachPixel(pixels, group: group) { offset in
            for c in 0..<groupSize {
                let deviation = Double(picture[offset + c]) - mean
                squares += deviation * deviation
            }
        }
        let variance = squares / Double(pixels * groupSize)
        return (Float(mean), Float(1 / (variance + Double(epsilon)).squareRoot()))
    }

    public func forward(_ pass: ForwardPass) {
        let pixels = pass.outputShape.height * pass.outputShape.width
        let (weight, bias) = (pass.parameters[0], pass.parameters[1])
        pass.pool.run(taskCount: pass.outputShape.batch * groups) { task, _ in
            let group = task % groups
            let picture = task / groups * pixels * channels
            let source = pass.inputs[0] + picture
            let destination = pass.output + picture
            let (mean, scale) = statistics(source, pixels: pixels, group: group)
            forEachPixel(pixels, group: group) { offset in
                for c in 0..<groupSize {
                    let channel = group * groupSize + c
                    destination[offset + c] =
                        (source[offset + c] - mean) * scale * weight[channel] + bias[channel]
                }
            }
        }
    }

    public func backward(_ pass: BackwardPass) {
        // A worker owns a group in all images, so no other worker writes the gradients of its parameters.
        pass.pool.run(taskCount: groups) { group, _ in
            for n in 0..<pass.outputShape.batch { backward(pass, group: group, picture: n) }
        }
    }

    /// With x̂ = (x − mean)·scale and g = gradient·weight over the m values of the group:
    /// input gradient = scale · (g − mean(g) − x̂ · mean(g·x̂)).
    private func backward(_ pass: BackwardPass, group: Int, picture n: Int) {
        let pixels = pass.outputShape.height * pass.outputShape.width
        let source = pass.inputs[0] + n * pixels * channels
        let incoming = pass.outputGradient + n * pixels * channels
        let (mean, scale) = statistics(source, pixels: pixels, group: group)
        var (sum, product) = (0.0, 0.0)
        for c in 0..<groupSize {
            let channel = group * groupSize + c
            var (shift, stretch) = (0.0, 0.0)
            for pixel in 0..<pixels {
                let place = pixel * channels + channel
                let normalized = (source[place] - mean) * scale
                shift += Double(incoming[place])
                stretch += Double(incoming[place] * normalized)
            }
            pass.parameterGradients[0][channel] += Float(stretch)
            pass.parameterGradients[1][channel] += Float(shift)
            sum += shift * Double(pass.parameters[0][channel])
            product += stretch * Double(pass.parameters[0][channel])
        }
        guard let inputGradient = pass.inputGradients[0] else { return }
        let destination = inputGradient + n * pixels * channels
        let values = Double(pixels * groupSize)
        let (meanGradient, meanProduct) = (Float(sum / values), Float(product / values))
        forEachPixel(pixels, group: group) { offset in
            for c in 0..<groupSize {
                let normalized = (source[offset + c] - mean) * scale
                let g = incoming[offset + c] * pass.parameters[0][group * groupSize + c]
                destination[offset + c] = scale * (g - meanGradient - normalized * meanProduct)
            }
        }
    }
}
