import RestoreNN

/// A layer that computes whole blocks of `side`×`side` output pixels from the block and `border` pixels around it, as fast
/// convolutions do: which value a pixel gets depends on its place in the block.
///
/// The shape stays; zeros outside the picture. It refuses rows that are not whole blocks.
package struct BlockMixing: PiecewiseOperator {
    package let side: Int
    package let border: Int

    package init(side: Int = 4, border: Int = 1) {
        self.side = side
        self.border = border
    }

    package var kind: String { "block mixing" }

    package func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape { inputs[0] }

    package func granularity(axis: Axis, inputs: [Shape], output: Shape) -> Int { side }

    package func inputRange(
        for range: Range<Int>, axis: Axis, input index: Int, inputs: [Shape], output: Shape
    ) -> Range<Int> {
        // A block reads as a whole, whatever the picture's edge leaves of it.
        let end = (range.upperBound + side - 1) / side * side
        return max(0, range.lowerBound - border)..<min(inputs[index].side(axis), end + border)
    }

    package func forward(_ pass: ForwardPass) {
        let shape = pass.outputShape
        precondition(pass.rows.lowerBound % side == 0, "rows \(pass.rows) begin within a block")
        precondition(pass.rows.upperBound % side == 0 || pass.rows.upperBound == shape.height, "rows \(pass.rows)")
        for n in 0..<shape.batch {
            let start = n * shape.height * shape.width * shape.channels
            for top in stride(from: pass.rows.lowerBound, to: pass.rows.upperBound, by: side) {
                for left in stride(from: 0, to: shape.width, by: side) {
                    mix(pass.inputs[0] + start, shape, top: top, left: left, into: pass.output + start)
                }
            }
        }
    }

    private func mix(
        _ input: UnsafePointer<Float>, _ shape: Shape, top: Int, left: Int, into output: UnsafeMutablePointer<Float>
    ) {
        for c in 0..<shape.channels {
            var sum: Float = 0
            for y in (top - border)..<(top + side + border) where (0..<shape.height).contains(y) {
                for x in (left - border)..<(left + side + border) where (0..<shape.width).contains(x) {
                    let weight = 1 + 0.1 * Float(y - top) - 0.07 * Float(x - left)
                    sum += weight * input[(y * shape.width + x) * shape.channels + c]
                }
            }
            for y in top..<min(top + side, shape.height) {
                for x in left..<min(left + side, shape.width) {
                    let place = (y * shape.width + x) * shape.channels + c
                    output[place] = input[place] * 0.3 + sum * (0.01 + 0.003 * Float(y - top) + 0.002 * Float(x - left))
                }
            }
        }
    }

    package func backward(_ pass: BackwardPass) {
        preconditionFailure("not a layer for training")
    }
}

/// Layers of whole blocks at full, half and a quarter of the resolution, with connections past the coarser ones.
///
/// Input N×H×W×4, output N×H×W×3 and, if asked for, that of the coarsest level, N×H/4×W/4×8; sides are multiples of 4.
package func blockNetwork(blocks: Int = 1, hasCoarseOutput: Bool = false) -> Network {
    var network = Network()
    let input = network.input("input")
    func mixed(_ path: String, _ value: Network.Value) -> Network.Value {
        (0..<blocks).reduce(value) { value, index in
            let block = network.add("\(path).\(index)", BlockMixing(), value)
            return network.add("\(path).\(index).sum", Add(), block, value)
        }
    }
    let fine = mixed("fine", input)
    let half = network.add("unshuffle", PixelUnshuffle(factor: 2), fine)
    let encoded = mixed("half", half)
    let down = network.add(
        "down", Convolution(inputChannels: 16, outputChannels: 8, kernel: 2, stride: 2, hasBias: false), encoded)
    let bottom = network.add("active", Activation(.relu), mixed("bottom", down))
    let up = network.add(
        "up", TransposedConvolution(inputChannels: 8, outputChannels: 16, kernel: 2, stride: 2, hasBias: false), bottom)
    let decoded = mixed("decoded", network.add("skip", Add(), up, encoded))
    let tail = network.add("tail", Convolution(inputChannels: 16, outputChannels: 12, kernel: 3, padding: 1), decoded)
    let change = network.add("shuffle", PixelShuffle(factor: 2), tail)
    let colors = network.add("colors", Slice(channels: 0..<3), input)
    network.output(network.add("sum", Add(), change, colors))
    if hasCoarseOutput { network.output(bottom) }
    return network
}
