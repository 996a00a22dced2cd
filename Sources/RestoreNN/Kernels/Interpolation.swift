/// The sampling positions of linear interpolation when a line of `input` values is enlarged by a factor.
struct LinearSampling {
    let input: Int
    let output: Int
    let factor: Int
    /// Whether the first and last samples of both lines coincide. If not, their outer edges do.
    let alignsCorners: Bool

    init(input: Int, factor: Int, alignsCorners: Bool) {
        self.input = input
        self.output = input * factor
        self.factor = factor
        self.alignsCorners = alignsCorners
    }

    /// The sample at `place` is (1 − weight) · value[lower] + weight · value[lower + 1]. If the weight is 0, the second
    /// value is not used and may not exist.
    ///
    /// Positions are ratios of integers: with edges aligned, the weights repeat exactly every `factor` samples, so that
    /// a piece of a picture gets the same bits as the whole.
    @inline(__always)
    func tap(_ place: Int) -> (lower: Int, weight: Float) {
        let (numerator, denominator) =
            alignsCorners ? (place * (input - 1), output - 1) : (2 * place + 1 - factor, 2 * factor)
        if numerator <= 0 || input == 1 { return (0, 0) }
        let lower = numerator / denominator
        if lower >= input - 1 { return (input - 1, 0) }
        return (lower, Float(numerator - lower * denominator) / Float(denominator))
    }

    /// The input values that a non-empty range of samples is computed from.
    func inputs(for range: Range<Int>) -> Range<Int> {
        let last = tap(range.upperBound - 1)
        return tap(range.lowerBound).lower..<(last.lower + (last.weight > 0 ? 2 : 1))
    }

    /// A range that contains all samples to which input value `place` contributes.
    func samples(of place: Int) -> Range<Int> {
        guard alignsCorners else { return max(0, (place - 1) * factor)..<min(output, (place + 2) * factor) }
        guard input > 1 else { return 0..<output }
        let lower = max(0, place - 1) * (output - 1) / (input - 1)
        return lower..<min(output, (place + 1) * (output - 1) / (input - 1) + 1)
    }

    /// The weight of input value `place` in a sample.
    func weight(of place: Int, in sample: Int) -> Float {
        let tap = tap(sample)
        if tap.lower == place { return 1 - tap.weight }
        return tap.lower + 1 == place ? tap.weight : 0
    }

    /// Size of a table of all taps, in floats.
    var tableCount: Int { 2 * output }

    /// Writes a table of all taps to `scratch`.
    func table(in scratch: UnsafeMutablePointer<Float>) -> TapTable {
        let lower = UnsafeMutableRawPointer(scratch + output).bindMemory(to: Int32.self, capacity: output)
        for place in 0..<output {
            let tap = tap(place)
            scratch[place] = tap.weight
            lower[place] = Int32(truncatingIfNeeded: tap.lower)
        }
        return TapTable(weight: UnsafePointer(scratch), lower: UnsafePointer(lower), count: output)
    }
}

/// The taps of all samples of a line, so that they are not recomputed for every row.
struct TapTable {
    let weight: UnsafePointer<Float>
    let lower: UnsafePointer<Int32>
    let count: Int
}

/// Interpolates along a row of pixels.
func enlargeRow(
    _ row: UnsafePointer<Float>, _ taps: TapTable, channels: Int, into destination: UnsafeMutablePointer<Float>
) {
    for x in 0..<taps.count {
        let weight = taps.weight[x]
        let left = row + Int(taps.lower[x]) * channels
        // If the weight is 0, the pixel on the right may not exist.
        let right = weight > 0 ? left + channels : left
        let out = destination + x * channels
        if channels == 3 {
            out[0] = (1 - weight) * left[0] + weight * right[0]
            out[1] = (1 - weight) * left[1] + weight * right[1]
            out[2] = (1 - weight) * left[2] + weight * right[2]
        } else {
            for c in 0..<channels { out[c] = (1 - weight) * left[c] + weight * right[c] }
        }
    }
}

/// The adjoint of `enlargeRow`: adds each sample to the pixels it was computed from.
func gatherRow(
    _ samples: UnsafePointer<Float>, _ taps: TapTable, channels: Int, onto row: UnsafeMutablePointer<Float>
) {
    for x in 0..<taps.count {
        let weight = taps.weight[x]
        let left = row + Int(taps.lower[x]) * channels
        let sample = samples + x * channels
        for c in 0..<channels { left[c] += (1 - weight) * sample[c] }
        guard weight > 0 else { continue }
        let right = left + channels
        for c in 0..<channels { right[c] += weight * sample[c] }
    }
}

/// destination ← (1 − weight) · a + weight · b
func blend(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, weight: Float,
    into destination: UnsafeMutablePointer<Float>, count: Int
) {
    let rest = 1 - weight
    for i in 0..<count { destination[i] = rest * a[i] + weight * b[i] }
}

/// destination += weight · source
func addScaled(
    _ source: UnsafePointer<Float>, weight: Float, onto destination: UnsafeMutablePointer<Float>, count: Int
) {
    for i in 0..<count { destination[i] += weight * source[i] }
}

/// Writes every pixel of a row `factor` times.
func repeatRow(
    _ row: UnsafePointer<Float>, pixels: Int, channels: Int, factor: Int,
    into destination: UnsafeMutablePointer<Float>
) {
    var out = destination
    for x in 0..<pixels {
        let pixel = row + x * channels
        for _ in 0..<factor {
            if channels == 3 {
                (out[0], out[1], out[2]) = (pixel[0], pixel[1], pixel[2])
            } else if channels < 16 {
                var c = 0
                while c < channels {
                    out[c] = pixel[c]
                    c += 1
                }
            } else {
                out.update(from: pixel, count: channels)
            }
            out += channels
        }
    }
}

/// The adjoint of `repeatRow`: adds to every pixel its `factor` copies.
func addRepeatedRow(
    _ samples: UnsafePointer<Float>, pixels: Int, channels: Int, factor: Int, onto row: UnsafeMutablePointer<Float>
) {
    for x in 0..<pixels {
        for repetition in 0..<factor {
            add(samples + (x * factor + repetition) * channels, onto: row + x * channels, count: channels)
        }
    }
}
