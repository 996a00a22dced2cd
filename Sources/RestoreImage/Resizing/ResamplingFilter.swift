import Glibc

/// How samples are weighted when a picture is resized.
public enum ResamplingFilter: Sendable, CaseIterable {
    /// The mean over the rectangle that an output pixel covers; pixels covered in part count in part. Exact for any
    /// factor, so the mean of the picture is preserved. Meant for reduction; enlarged pictures come out blocky.
    case area
    /// The sinc function windowed by the middle lobe of a three times wider one (K. Turkowski, "Filters for Common
    /// Resampling Tasks", in A. Glassner (ed.), Graphics Gems, 1990): it reaches three pixels to each side, output
    /// pixels when reducing, which prevents aliasing. Sharper than `area`, but it overshoots at edges.
    case lanczos3
}

/// The input window and weights of each output place along one axis.
///
/// Windows are cut off at the edges, and weights are normalized to a sum of 1.
struct AxisWeights: Sendable {
    /// The first input place of each output place; neither this nor the end of a window ever decreases.
    let firsts: [Int]
    /// Input places of each output place, at least 1.
    let counts: [Int]
    /// `tapCount` weights for each output place, of which the first `counts[place]` are used.
    let weights: [Float]
    /// The longest window.
    let tapCount: Int

    /// - Precondition: `input` and `output` are at least 1.
    init(from input: Int, to output: Int, filter: ResamplingFilter) {
        precondition(input >= 1 && output >= 1, "resizing \(input) to \(output) pixels")
        // Equal lengths copy the samples: in floating point sin(kπ) is not quite 0.
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

    /// The input places that a run of output places needs.
    func inputs(of places: Range<Int>) -> Range<Int> {
        let last = places.upperBound - 1
        return firsts[places.lowerBound]..<(firsts[last] + counts[last])
    }
}

extension ResamplingFilter {
    /// The first input place and the weights, not yet normalized, of an output place.
    fileprivate func window(of place: Int, from input: Int, to output: Int) -> (first: Int, weights: [Double]) {
        switch self {
        case .area:
            // In units of 1 / output of an input pixel all ends are integers.
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
