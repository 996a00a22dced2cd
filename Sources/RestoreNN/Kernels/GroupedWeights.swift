/// The weights of a grouped convolution, in PyTorch's order (output, channel of the group, ky, kx), and how they are
/// packed for the kernels.
///
/// Depthwise: a row of channels for each tap. Otherwise group after group, each packed as in `WeightPacking`. For
/// `scatter` there is one matrix per tap instead of one per kernel row, because a group's channels of two neighboring
/// pixels are not contiguous.
struct GroupedWeights: Equatable {
    let kernel: Extent
    let inputs: Int
    let outputs: Int
    let groups: Int

    /// Whether every input channel is convolved separately into one output channel.
    var isDepthwise: Bool { groups == inputs && groups == outputs }

    var taps: Int { kernel.height * kernel.width }
    var groupInputs: Int { inputs / groups }
    var groupOutputs: Int { outputs / groups }

    private func packing(_ order: WeightOrder) -> WeightPacking {
        WeightPacking(
            kernel: order == .scatter ? Extent(height: taps, width: 1) : kernel, channels: groupInputs,
            gridChannels: groupOutputs)
    }

    /// Floats per group.
    func groupCount(_ order: WeightOrder) -> Int { packing(order).count(order) }

    /// A multiple of a cache line.
    func count(_ order: WeightOrder) -> Int {
        isDepthwise ? roundedUp(taps * inputs, panelWidth) : groups * groupCount(order)
    }

    func pack(_ weights: UnsafePointer<Float>, as order: WeightOrder, into packed: UnsafeMutablePointer<Float>) {
        guard isDepthwise else {
            let filters = groupOutputs * groupInputs * taps
            for group in 0..<groups {
                packing(order).pack(weights + group * filters, as: order, into: packed + group * groupCount(order))
            }
            return
        }
        for tap in 0..<taps {
            let row = packed + (order == .turned ? taps - 1 - tap : tap) * inputs
            for c in 0..<inputs { row[c] = weights[c * taps + tap] }
        }
    }
}
