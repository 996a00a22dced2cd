// Weights of a window product are in PyTorch's order (grid channel n, channel c, ky, kx); a tap is a pair (ky, kx). The
// kernels read the right side of a product in panels of `panelWidth` columns, each stored row by row.

/// Which matrix the weights are packed as.
enum WeightOrder {
    /// (ky, kx, c) × n, for `gather`.
    case gather
    /// (ky′, kx′, n) × c with the kernel rotated by 180°: the data gradient of a convolution with stride 1, which is a
    /// convolution with inputs and outputs exchanged.
    case turned
    /// For `scatter`: one matrix for each ky, n × (kx, c).
    case scatter
    /// n × (ky, kx, c), row by row, not in panels: for `PlainProducts`.
    case plain
}

/// The sizes that determine where a weight is stored.
struct WeightPacking: Equatable {
    let kernel: Extent
    let channels: Int
    let gridChannels: Int

    private var taps: Int { kernel.height * kernel.width }

    /// Floats of the packed matrix.
    func count(_ order: WeightOrder) -> Int {
        switch order {
        case .gather: panelCount(depth: taps * channels, columns: gridChannels)
        case .turned: panelCount(depth: taps * gridChannels, columns: channels)
        case .scatter: kernel.height * panelCount(depth: gridChannels, columns: kernel.width * channels)
        case .plain: gridChannels * taps * channels
        }
    }

    func pack(_ weights: UnsafePointer<Float>, as order: WeightOrder, into packed: UnsafeMutablePointer<Float>) {
        packed.update(repeating: 0, count: count(order))
        // The index of the weight at (row, column 0) of a matrix, and the distance between columns.
        switch order {
        case .gather:
            for row in 0..<(taps * channels) {
                let first = row % channels * taps + row / channels
                packRow(
                    weights + first, stride: channels * taps, row, depth: taps * channels, columns: gridChannels,
                    into: packed)
            }
        case .turned:
            for row in 0..<(taps * gridChannels) {
                let first = row % gridChannels * channels * taps + (taps - 1 - row / gridChannels)
                packRow(
                    weights + first, stride: taps, row, depth: taps * gridChannels, columns: channels, into: packed)
            }
        case .scatter:
            for row in 0..<gridChannels { packScatterRow(weights + row * channels * taps, row, into: packed) }
        case .plain:
            for row in 0..<gridChannels {
                let (filter, place) = (weights + row * channels * taps, packed + row * channels * taps)
                for tap in 0..<taps {
                    for c in 0..<channels { place[tap * channels + c] = filter[c * taps + tap] }
                }
            }
        }
    }

    private func packScatterRow(
        _ filter: UnsafePointer<Float>, _ row: Int, into packed: UnsafeMutablePointer<Float>
    ) {
        let matrix = panelCount(depth: gridChannels, columns: kernel.width * channels)
        for tap in 0..<taps {
            let (ky, kx) = tap.quotientAndRemainder(dividingBy: kernel.width)
            for c in 0..<channels {
                packed[ky * matrix + place(row, kx * channels + c, depth: gridChannels)] = filter[c * taps + tap]
            }
        }
    }

    @inline(__always)
    private func place(_ row: Int, _ column: Int, depth: Int) -> Int {
        (column / panelWidth * depth + row) * panelWidth + column % panelWidth
    }

    private func packRow(
        _ weights: UnsafePointer<Float>, stride: Int, _ row: Int, depth: Int, columns: Int,
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
