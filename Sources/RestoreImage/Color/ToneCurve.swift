import CLittleCMS
import Glibc

/// How a tone curve of a profile is given: compared before the work of tabulating it.
struct CurveSource: Equatable {
    /// Of a parametric curve, as Little CMS numbers them; 0 for a table.
    let kind: Int32
    /// Entries of a table, 0…65535 for 0…1; of a parametric curve, values at evenly spaced places.
    let entries: [Float]
    /// nil for a table.
    private let curve: OpaquePointer?

    /// - Parameter tag: a curve that Little CMS has read; it must stay while this value is used.
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

    /// The curve at `sample` / 65535. Tables are interpolated here: Little CMS rounds what it reads from them to 16 bits, and
    /// many dark samples would become one.
    func light(of sample: Int) -> Float {
        if let curve { return cmsEvalToneCurveFloat(curve, Float(sample) / 65535) }
        let place = Double(sample) * Double(entries.count - 1) / 65535
        let index = min(Int(place), entries.count - 2)
        let fraction = place - Double(index)
        return Float(Double(entries[index]) * (1 - fraction) + Double(entries[index + 1]) * fraction)
    }
}

/// The light that each sample of a channel stands for, and the way back.
struct ToneCurve: Sendable, Equatable {
    /// Linear light of sample v of 0…65535; an 8-bit sample is 257 times as large. Never decreases.
    let light: [Float]
    /// Where to look for a light y: `starts[k]` is the last sample whose light is at most that of square root k / `steps`.
    let starts: [Int32]

    static let sampleCount = 65536
    static let steps = 4096

    /// - Parameters:
    ///   - tag: a curve that Little CMS has read.
    ///   - isLightness: the curve gives L* / 100 and not light.
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
            // A table's interpolation may be off by a rounding.
            guard values[index] >= values[index - 1] - 1e-6 else {
                throw ICCProfile.Defect(reason: "a tone curve falls, and cannot be undone")
            }
            values[index] = max(values[index], values[index - 1])
        }
        guard values[values.count - 1] - values[0] > 0.01 else {
            throw ICCProfile.Defect(reason: "a tone curve is flat")
        }
        light = values
        starts = Self.starts(of: values)
    }

    /// Y of a lightness L* / 100 (CIE 15).
    private static func luminance(_ lightness: Float) -> Float {
        let l = 100 * lightness
        return l > 8 ? powf((l + 16) / 116, 3) : l * 27 / 24389
    }

    /// Places are even in the square root of the light, which is near to how samples are: so few lie between two of them.
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

    /// Hands `body` the tables.
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

    /// Samples between two places of `starts` that are passed one by one: usual curves have some dozens there.
    private static let longestWalk = 128

    @inline(__always)
    init(light: UnsafePointer<Float>, starts: UnsafePointer<Int32>) {
        self.light = light
        self.starts = starts
        first = light[0]
        last = light[ToneCurve.sampleCount - 1]
        scale = 1 / (last - first)
    }

    /// The place, 0…65535, at which the curve, straight between samples, has the light `y`.
    @inline(__always)
    func sample(of y: Float) -> Float {
        // Where the curve is flat at an end, black and white are its ends.
        guard y > first else { return 0 }
        guard y < last else { return Float(ToneCurve.sampleCount - 1) }
        let step = min(Int(((y - first) * scale).squareRoot() * Float(ToneCurve.steps)), ToneCurve.steps - 1)
        var low = Int(starts[step])
        var high = min(Int(starts[step + 1]) + 1, ToneCurve.sampleCount - 1)
        // The root may be off by a rounding.
        while low > 0, light[low] > y { low -= 1 }
        while high < ToneCurve.sampleCount - 1, light[high] <= y { high += 1 }
        // Tables may leap.
        while high - low > Self.longestWalk {
            let middle = (low + high) / 2
            if light[middle] <= y { low = middle } else { high = middle }
        }
        // Curves are nearly straight in so short a piece: the guess is right or next to it, where halving would guess wrong
        // every other time.
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
