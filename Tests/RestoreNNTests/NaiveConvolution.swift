import RestoreNN

/// A convolution written down as its definition says, in double precision: the slow twin of every fast path.
struct NaiveConvolution: CustomStringConvertible {
    let input: Shape
    let outputChannels: Int
    let kernel: Extent
    var stride: Extent = 1
    var dilation: Extent = 1
    var padding: Padding = 0
    var mode = PaddingMode.zero
    var hasBias = true

    var description: String {
        "convolution of \(input) to \(outputChannels), kernel \(kernel.height)×\(kernel.width), "
            + "stride \(stride.height)×\(stride.width), dilation \(dilation.height)×\(dilation.width), "
            + "padding \(padding.top) \(padding.bottom) \(padding.left) \(padding.right) \(mode)"
    }

    /// The operator under test.
    var fast: Convolution {
        Convolution(
            inputChannels: input.channels, outputChannels: outputChannels, kernel: kernel, stride: stride,
            dilation: dilation, padding: padding, paddingMode: mode, hasBias: hasBias)
    }

    var output: Shape {
        let height = input.height + padding.top + padding.bottom - dilation.height * (kernel.height - 1) - 1
        let width = input.width + padding.left + padding.right - dilation.width * (kernel.width - 1) - 1
        return Shape(
            batch: input.batch, height: height < 0 ? 0 : height / stride.height + 1,
            width: width < 0 ? 0 : width / stride.width + 1, channels: outputChannels)
    }

    /// Whether there is any output, and reflection has enough to mirror.
    var isPossible: Bool {
        let reflects =
            mode != .reflect
            || (max(padding.top, padding.bottom) < input.height
                && max(padding.left, padding.right) < input.width)
        return output.count > 0 && reflects
    }

    var weightCount: Int { outputChannels * input.channels * kernel.height * kernel.width }

    /// Calls `body` for every product of the sum: output[o] += weight[w] · input[i].
    func forEachProduct(_ body: (_ output: Int, _ weight: Int, _ input: Int) -> Void) {
        let shape = output
        for n in 0..<shape.batch {
            for oy in 0..<shape.height {
                for ox in 0..<shape.width {
                    for ky in 0..<kernel.height {
                        for kx in 0..<kernel.width {
                            let y = source(
                                oy * stride.height + ky * dilation.height - padding.top, input.height)
                            let x = source(
                                ox * stride.width + kx * dilation.width - padding.left, input.width)
                            guard let y, let x else { continue }
                            let output = ((n * shape.height + oy) * shape.width + ox) * outputChannels
                            let pixel = ((n * input.height + y) * input.width + x) * input.channels
                            for o in 0..<outputChannels {
                                for c in 0..<input.channels {
                                    let weight =
                                        ((o * input.channels + c) * kernel.height + ky) * kernel.width + kx
                                    body(output + o, weight, pixel + c)
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    private func source(_ index: Int, _ side: Int) -> Int? {
        if (0..<side).contains(index) { return index }
        switch mode {
        case .zero: return nil
        case .replicate: return min(max(index, 0), side - 1)
        case .reflect: return index < 0 ? -index : 2 * (side - 1) - index
        }
    }

    func forward(_ values: [Float], weight: [Float], bias: [Float]?) -> [Float] {
        let shape = output
        var sums = (0..<shape.count).map { Double(bias?[$0 % outputChannels] ?? 0) }
        forEachProduct { sums[$0] += Double(weight[$1]) * Double(values[$2]) }
        return sums.map { Float($0) }
    }

    func inputGradient(_ gradient: [Float], weight: [Float]) -> [Float] {
        var sums = [Double](repeating: 0, count: input.count)
        forEachProduct { sums[$2] += Double(weight[$1]) * Double(gradient[$0]) }
        return sums.map { Float($0) }
    }

    func weightGradient(_ gradient: [Float], _ values: [Float]) -> [Float] {
        var sums = [Double](repeating: 0, count: weightCount)
        forEachProduct { sums[$1] += Double(values[$2]) * Double(gradient[$0]) }
        return sums.map { Float($0) }
    }

    func biasGradient(_ gradient: [Float]) -> [Float] {
        var sums = [Double](repeating: 0, count: outputChannels)
        for (index, value) in gradient.enumerated() { sums[index % outputChannels] += Double(value) }
        return sums.map { Float($0) }
    }

    /// A convolution of small odd sizes, drawn at random.
    static func random(_ generator: inout SeededGenerator) -> NaiveConvolution {
        while true {
            func draw(_ choices: [Int]) -> Int { generator.choice(of: choices) }
            let pads = (0..<4).map { _ in draw([0, 0, 1, 1, 2, 3, 5]) }
            let padding =
                draw([0, 1]) == 0
                ? Padding(pads[0]) : Padding(top: pads[0], bottom: pads[1], left: pads[2], right: pads[3])
            let sides = [1, 2, 3, 4, 5, 7, 9, 13]
            let candidate = NaiveConvolution(
                input: Shape(
                    batch: draw([1, 1, 2, 3]), height: draw(sides), width: draw(sides),
                    channels: draw([1, 2, 3, 5, 8, 15, 16, 17, 33])),
                outputChannels: draw([1, 2, 3, 7, 8, 15, 16, 17, 31, 33]),
                kernel: Extent(height: draw([1, 2, 3, 3, 4, 5]), width: draw([1, 2, 3, 3, 4, 5])),
                stride: draw([0, 1]) == 0
                    ? 1 : Extent(height: draw([1, 2, 3, 4]), width: draw([1, 2, 3, 4])),
                dilation: draw([0, 1]) == 0 ? 1 : Extent(height: draw([1, 2, 3]), width: draw([1, 2, 3])),
                padding: padding, mode: generator.choice(of: [.zero, .zero, .replicate, .reflect]),
                hasBias: draw([0, 1]) == 0)
            if candidate.isPossible { return candidate }
        }
    }
}
