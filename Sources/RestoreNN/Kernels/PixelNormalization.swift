/// Normalization of the channels of single pixels, on vectors of 16 lanes whatever the processor has: sums run lane by lane
/// and then over the lanes by halves, so bits depend on the number of channels alone.
struct PixelNormalization {
    let channels: Int
    let epsilon: Float

    private typealias Lanes = SIMD16<Float>

    /// Channels that fill whole vectors.
    private var whole: Int { channels / Lanes.scalarCount * Lanes.scalarCount }

    /// Mean and 1 / √(variance + ε) of a pixel's channels.
    private struct Statistics {
        /// The mean is `center + shift`: the mean in single precision and the mean of the deviations from it. Values far
        /// from zero lose nothing when they are first brought near it.
        let center: Float
        let shift: Float
        let scale: Float

        @inline(__always)
        func normalized(_ x: Lanes) -> Lanes { (x - center - shift) * scale }

        @inline(__always)
        func normalized(_ x: Float) -> Float { (x - center - shift) * scale }
    }

    @inline(__always)
    private func statistics(_ x: UnsafePointer<Float>) -> Statistics {
        let count = Float(channels)
        var sums = Lanes.zero
        for c in stride(from: 0, to: whole, by: Lanes.scalarCount) { sums += load(x + c) }
        if whole < channels { sums += loadRest(x, filling: 0) }
        let center = sum(sums) / count
        var (deviations, squares) = (Lanes.zero, Lanes.zero)
        for c in stride(from: 0, to: whole, by: Lanes.scalarCount) {
            let d = load(x + c) - center
            deviations += d
            squares += d * d
        }
        if whole < channels {
            let d = loadRest(x, filling: center) - center
            deviations += d
            squares += d * d
        }
        let shift = sum(deviations) / count
        let variance = sum(squares) / count - shift * shift
        // By rounding it may be below 0. A NaN is not, and stays.
        return Statistics(
            center: center, shift: shift, scale: 1 / ((variance < 0 ? 0 : variance) + epsilon).squareRoot())
    }

    /// y = (x − mean) · scale · weight + bias of one pixel; `x` and `y` may be the same.
    @inline(__always)
    func normalize(
        _ x: UnsafePointer<Float>, weight: UnsafePointer<Float>, bias: UnsafePointer<Float>,
        into y: UnsafeMutablePointer<Float>
    ) {
        let pixel = statistics(x)
        for c in stride(from: 0, to: whole, by: Lanes.scalarCount) {
            store(pixel.normalized(load(x + c)) * load(weight + c) + load(bias + c), at: y + c)
        }
        for c in whole..<channels { y[c] = pixel.normalized(x[c]) * weight[c] + bias[c] }
    }

    /// Adds a pixel's gradient · x̂ and gradient to the sums that become the gradients of weight and bias, and writes the
    /// gradient of its values: with x̂ = (x − mean)·scale and h = gradient·weight, scale · (h − mean(h) − x̂·mean(h·x̂)).
    @inline(__always)
    func backward(
        _ x: UnsafePointer<Float>, gradient g: UnsafePointer<Float>, weight: UnsafePointer<Float>,
        weightSums: UnsafeMutablePointer<Float>, biasSums: UnsafeMutablePointer<Float>,
        into inputGradient: UnsafeMutablePointer<Float>?
    ) {
        let pixel = statistics(x)
        var (sums, products) = (Lanes.zero, Lanes.zero)
        for c in stride(from: 0, to: whole, by: Lanes.scalarCount) {
            let (incoming, normalized) = (load(g + c), pixel.normalized(load(x + c)))
            store(load(weightSums + c) + incoming * normalized, at: weightSums + c)
            store(load(biasSums + c) + incoming, at: biasSums + c)
            let h = incoming * load(weight + c)
            sums += h
            products += h * normalized
        }
        for c in whole..<channels {
            let normalized = pixel.normalized(x[c])
            weightSums[c] += g[c] * normalized
            biasSums[c] += g[c]
            sums[c - whole] += g[c] * weight[c]
            products[c - whole] += g[c] * weight[c] * normalized
        }
        guard let inputGradient else { return }
        let (meanGradient, meanProduct) = (sum(sums) / Float(channels), sum(products) / Float(channels))
        for c in stride(from: 0, to: whole, by: Lanes.scalarCount) {
            let normalized = pixel.normalized(load(x + c))
            let h = load(g + c) * load(weight + c)
            store((h - meanGradient - normalized * meanProduct) * pixel.scale, at: inputGradient + c)
        }
        for c in whole..<channels {
            let normalized = pixel.normalized(x[c])
            inputGradient[c] = (g[c] * weight[c] - meanGradient - normalized * meanProduct) * pixel.scale
        }
    }

    // MARK: Vectors

    @inline(__always)
    private func load(_ place: UnsafePointer<Float>) -> Lanes {
        UnsafeRawPointer(place).loadUnaligned(as: Lanes.self)
    }

    @inline(__always)
    private func store(_ value: Lanes, at place: UnsafeMutablePointer<Float>) {
        UnsafeMutableRawPointer(place).storeBytes(of: value, as: Lanes.self)
    }

    /// The channels beyond the whole vectors, and `filler` in the other lanes.
    @inline(__always)
    private func loadRest(_ x: UnsafePointer<Float>, filling filler: Float) -> Lanes {
        var lanes = Lanes(repeating: filler)
        for c in whole..<channels { lanes[c - whole] = x[c] }
        return lanes
    }

    @inline(__always)
    private func sum(_ lanes: Lanes) -> Float {
        let eight = lanes.lowHalf + lanes.highHalf
        let four = eight.lowHalf + eight.highHalf
        let two = four.lowHalf + four.highHalf
        return two[0] + two[1]
    }
}
