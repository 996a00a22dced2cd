import Glibc

/// How samples are weighted when an image is resized.
public enum ResamplingFilter: Sendable, CaseIterable {
    /// The mean over the rectangle covered by an output pixel; partially covered pixels count proportionally. Exact for
    /// any factor, so the image's mean is preserved. Intended for reduction; enlarged images look blocky.
    case area
    /// The sinc function windowed by the main lobe of one three times as wide (K. Turkowski, "Filters for Common
    /// Resampling Tasks", in A. Glassner (ed.), Graphics Gems, 1990): it extends three pixels to each side (output
    /// pixels when reducing, which prevents aliasing). Sharper than `area`, but overshoots at edges.
    case lanczos3
}

/// The input window and weights for each output position along one axis.
///
/// Windows are truncated at the edges, and weights are normalized to a sum of 1.
struct AxisWeights: Sendable {
    /// The first input position for each output position. Neither this nor the end of the window ever decreases.
    let firsts: [Int]
    /// The number of input positions for each output position, at least 1.
    let counts: [Int]
    /// `tapCount` weights per output position, of which the first `counts[place]` are used.
    let weights: [Float]
    /// The length of the longest window.
    let tapCount: Int

    /// - Precondition: `input` and `output` are at least 1.
    init(from input: Int, to output: Int, filter: ResamplingFilter) {
        precondition(input >= 1 && output >= 1, "resizing \(input) to \(output) pixels")
        // For equal lengths, samples are copied, because sin(kπ) is not exactly 0 in floating point.
        let windows = (0..<output).map { place in
            input == output ? (place, [1]) : filter.window(of: place, from: input, to: output)
        }
        let tapCount = windows.lazy.map(\.1.count).max() ?? 1
        var weights = [Float](repeating: 0, count: output * tapCount)
        for (place, window) in windows.enumerated() {
            let sum = window.1.reduce(0, +)
            for (tap, weight) in window.1.enumerated() { weights[place * tapCount + tap] = Float(weight / sum) }
        }
        firsts = windows.map(\.0)
        counts = windows.map(\.1.count)
        (self.weights, self.tapCount) = (weights, tapCount)
    }

    /// The input positions required for a range of output positions.
    func inputs(of places: Range<Int>) -> Range<Int> {
        let last = places.upperBound - 1
        return firsts[places.lowerBound]..<(firsts[last] + counts[last])
    }
}

extension ResamplingFilter {
    /// The first input position and the unnormalized weights for an output position.
    fileprivate func window(of place: Int, from input: Int, to output: Int) -> (first: Int, weights: [Double]) {
        switch self {
        case .area:
            // In units of 1 / output of an input pixel, all bounds are integers.
            let covered = (place * input)..<((place + 1) * input)
            let first = covered.lowerBound / output
            let last = (covered.upperBound - 1) / output
            return (
                first,
                (first...last).map { Double(covered.clamped(to: ($0 * output)..<(($0 + 1) * output)).count) }
            )
        case .lanczos3:
            let scale = Double(input) / Double(output)
            let stretch = max(scale, 1)
            let center = (Double(place) + 0.5) * scale
            let first = max(0, Int(center - 3 * stretch + 0.5))
            let end = min(input, Int(center + 3 * stretch + 0.5))
            return (first, (first..<end).map { Self.lanczos((Double($0) + 0.5 - center) / stretch) })
        }
    }

    private static func lanczos(_ x: Double) -> Double {
        abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0
    }

    private static func sinc(_ x: Double) -> Double {
        x == 0 ? 1 : sin(.pi * x) / (.pi * x)
    }
}
