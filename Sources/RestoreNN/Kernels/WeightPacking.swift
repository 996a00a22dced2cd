// Weights of a window product have PyTorch's order (grid channel n, channel c, ky, kx); a tap is a pair (ky, kx). The
// kernels take the right side of a product in panels of `panelWidth` columns, each panel row after row.

/// Which matrix the weights are packed as.
enum WeightOrder {
    /// (ky, kx, c) × n, for `gather`.
    case gather
    /// (ky′, kx′, n) × c with the kernel turned by half a circle: the data gradient of a convolution of stride 1, which
    /// is a convolution with inputs and outputs exchanged.
    case turned
    /// n × (ky, kx, c), for `scatter`.
    case scatter
}

/// The sizes that tell where a weight goes.
struct WeightPacking {
    let kernel: Extent
    let channels: Int
    let gridChannels: Int

    private var taps: Int { kernel.height * kernel.width }

    /// Floats of the packed matrix.
    func count(_ order: WeightOrder) -> Int {
        let (depth, columns) = size(order)
        return panelCount(depth: depth, columns: columns)
    }

    private func size(_ order: WeightOrder) -> (depth: Int, columns: Int) {
        switch order {
        case .gather: (taps * channels, gridChannels)
        case .turned: (taps * gridChannels, channels)
        case .scatter: (gridChannels, taps * channels)
        }
    }

    func pack(_ weights: UnsafePointer<Float>, as order: WeightOrder, into packed: UnsafeMutablePointer<Float>) {
        let (depth, columns) = size(order)
        packed.update(repeating: 0, count: count(order))
        for row in 0..<depth {
            // The weight at (row, column 0), and the way from one column to the next.
            switch order {
            case .gather:
                let first = row % channels * taps + row / channels
                packRow(weights + first, stride: channels * taps, row, depth, columns, into: packed)
            case .turned:
                let first = row % gridChannels * channels * taps + (taps - 1 - row / gridChannels)
                packRow(weights + first, stride: taps, row, depth, columns, into: packed)
            case .scatter:
                let filter = weights + row * channels * taps
                for tap in 0..<taps {
                    for c in 0..<channels {
                        packed[place(row, tap * channels + c, depth: depth)] = filter[c * taps + tap]
                    }
                }
            }
        }
    }

    @inline(__always)
    private func place(_ row: Int, _ column: Int, depth: Int) -> Int {
        (column / panelWidth * depth + row) * panelWidth + column % panelWidth
    }

    private func packRow(
        _ weights: UnsafePointer<Float>, stride: Int, _ row: Int, _ depth: Int, _ columns: Int,
        into packed: UnsafeMutablePointer<Float>
    ) {
        var column = 0
        while column < columns {
            let width = min(panelWidth, columns - column)
            let destination = packed + place(row, column, depth: depth)
            for lane in 0..<width { destination[lane] = weights[(column + lane) * stride] }
            column += panelWidth
        }
    }
}
