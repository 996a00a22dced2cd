import CLittleCMS
import Glibc

/// The definition of a profile's tone curve, which is cheaper to compare than its tabulated values.
struct CurveSource: Equatable {
    /// For a parametric curve, its type as numbered by Little CMS; 0 for a table.
    let kind: Int32
    /// For a table, its entries, with 0…65535 mapped to 0…1; for a parametric curve, values at evenly spaced positions.
    let entries: [Float]
    /// nil for a table.
    private let curve: OpaquePointer?

    /// - Parameter tag: a curve read by Little CMS; it must outlive this value.
    init(_ tag: UnsafeMutableRawPointer) throws(ICCProfile.Defect) {
        let curve = OpaquePointer(tag)
        kind = cmsGetToneCurveParametricType(curve)
        if kind != 0 {
            self.curve = curve
            entries = (0...64).map { cmsEvalToneCurveFloat(curve, Float($0) / 64) }
        } else {
            self.curve = nil
            let count = Int(cmsGetToneCurveEstimatedTableEntries(curve))
            guard count >= 2, let table = cmsGetToneCurveEstimatedTable(curve) else {
                throw ICCProfile.Defect(reason: "a tone curve is empty")
            }
            entries = (0..<count).map { Float(table[$0]) / 65535 }
        }
    }

    static func == (left: Self, right: Self) -> Bool { left.kind == right.kind && left.entries == right.entries }

    /// The curve at `sample` / 65535. Tables are interpolated here because Little CMS rounds interpolated values to 16
    /// bits, which would merge many dark samples.
    func light(of sample: Int) -> Float {
        if let curve { return cmsEvalToneCurveFloat(curve, Float(sample) / 65535) }
        let place = Double(sample) * Double(entries.count - 1) / 65535
        let index = min(Int(place), entries.count - 2)
        let fraction = place - Double(index)
        return Float(Double(entries[index]) * (1 - fraction) + Double(entries[index + 1]) * fraction)
    }
}

/// Maps each sample of a channel to linear light, and back.
struct ToneCurve: Sendable, Equatable {
    /// Linear light for samples v in 0…65535; an 8-bit sample is multiplied by 257. Never decreases.
    let light: [Float]
    /// Where to start searching for a light value y: `starts[k]` is the last sample whose light has a square root of at
    /// most k / `steps`.
    let starts: [Int32]

    static let sampleCount = 65536
    static let steps = 4096

    /// - Parameters:
    ///   - tag: a curve read by Little CMS.
    ///   - isLightness: whether the curve gives L* / 100 instead of linear light.
    init(_ tag: UnsafeMutableRawPointer, isLightness: Bool) throws(ICCProfile.Defect) {
        try self.init(CurveSource(tag), isLightness: isLightness)
    }

    init(_ source: CurveSource, isLightness: Bool) throws(ICCProfile.Defect) {
        var values = (0..<Self.sampleCount).map { source.light(of: $0) }
        if isLightness { values = values.map(Self.luminance) }
        guard values.allSatisfy({ $0.isFinite && $0.magnitude < 16 }) else {
            throw ICCProfile.Defect(reason: "a tone curve is out of range")
        }
        for index in 1..<values.count {
            // Interpolation in a table may be off by a rounding error.
            guard values[index] >= values[index - 1] - 1e-6 else {
                throw ICCProfile.Defect(reason: "a tone curve is not monotonic and cannot be inverted")
            }
            values[index] = max(values[index], values[index - 1])
        }
        guard values[values.count - 1] - values[0] > 0.01 else {
            throw ICCProfile.Defect(reason: "a tone curve is flat")
        }
        light = values
        starts = Self.starts(of: values)
    }

    /// Y for a lightness of L* / 100 (CIE 15).
    private static func luminance(_ lightness: Float) -> Float {
        let l = 100 * lightness
        return l > 8 ? powf((l + 16) / 116, 3) : l * 27 / 24389
    }

    /// Entries are evenly spaced in the square root of the light, which is close to the spacing of samples, so that few
    /// samples lie between two of them.
    private static func starts(of light: [Float]) -> [Int32] {
        let (first, span) = (light[0], light[light.count - 1] - light[0])
        var starts: [Int32] = []
        starts.reserveCapacity(steps + 1)
        var index = 0
        for step in 0...steps {
            let root = Float(step) / Float(steps)
            let target = first + root * root * span
            while index + 1 < light.count, light[index + 1] <= target { index += 1 }
            starts.append(Int32(index))
        }
        return starts
    }

    /// Passes the tables to `body`.
    @inline(__always)
    func withTables<Outcome>(_ body: (ToneTables) -> Outcome) -> Outcome? {
        light.withUnsafeBufferPointer { light in
            starts.withUnsafeBufferPointer { starts in
                guard let light = light.baseAddress, let starts = starts.baseAddress else { return nil }
                return body(ToneTables(light: light, starts: starts))
            }
        }
    }
}

/// A tone curve's tables, for kernels.
struct ToneTables {
    let light: UnsafePointer<Float>
    let starts: UnsafePointer<Int32>
    private let first: Float
    private let last: Float
    private let scale: Float

    /// The maximum number of samples between two entries of `starts` to search linearly; typical curves have a few
    /// dozen there.
    private static let longestWalk = 128

    @inline(__always)
    init(light: UnsafePointer<Float>, starts: UnsafePointer<Int32>) {
        self.light = light
        self.starts = starts
        first = light[0]
        last = light[ToneCurve.sampleCount - 1]
        scale = 1 / (last - first)
    }

    /// The position, 0…65535, at which the curve, interpolated linearly between samples, has the light `y`.
    @inline(__always)
    func sample(of y: Float) -> Float {
        // Where the curve is flat at either end, the result is black or white.
        guard y > first else { return 0 }
        guard y < last else { return Float(ToneCurve.sampleCount - 1) }
        let step = min(Int(((y - first) * scale).squareRoot() * Float(ToneCurve.steps)), ToneCurve.steps - 1)
        var low = Int(starts[step])
        var high = min(Int(starts[step + 1]) + 1, ToneCurve.sampleCount - 1)
        // The square root may be off by a rounding error.
        while low > 0, light[low] > y { low -= 1 }
        while high < ToneCurve.sampleCount - 1, light[high] <= y { high += 1 }
        // Tables may have jumps.
        while high - low > Self.longestWalk {
            let middle = (low + high) / 2
            if light[middle] <= y { low = middle } else { high = middle }
        }
        // The curve is nearly straight over such a short interval, so the guess is exact or off by one, whereas
        // bisection would mispredict every other branch.
        let span = light[high] - light[low]
        let guess = span > 0 ? low + Int((y - light[low]) / span * Float(high - low)) : low
        low = min(max(guess, low), high - 1)
        while light[low] > y { low -= 1 }
        while light[low + 1] <= y { low += 1 }
        high = low + 1
        let (lower, upper) = (light[low], light[high])
        return Float(low) + (upper > lower ? (y - lower) / (upper - lower) : 0)
    }
}
