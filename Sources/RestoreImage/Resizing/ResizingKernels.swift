// Weighted sums along rows and down columns: free functions on buffers. The order of summation depends only on the
// number of taps, not on how the work is partitioned.

/// Resamples a row of one channel.
///
/// - Parameters:
///   - firsts: see `AxisWeights`, as for `counts`, `weights` and `tapCount`.
///   - count: number of pixels in the target.
func resampleRow(
    _ source: UnsafePointer<Float>, firsts: UnsafePointer<Int>, counts: UnsafePointer<Int>,
    weights: UnsafePointer<Float>, tapCount: Int, to target: UnsafeMutablePointer<Float>, count: Int
) {
    for place in 0..<count {
        let (window, own, taps) = (source + firsts[place], weights + place * tapCount, counts[place])
        var partial = SIMD4<Float>.zero
        var tap = 0
        while tap + 4 <= taps {
            partial += load4(own + tap) * load4(window + tap)
            tap += 4
        }
        var sum = (partial.x + partial.y) + (partial.z + partial.w)
        while tap < taps {
            sum += own[tap] * window[tap]
            tap += 1
        }
        target[place] = sum
    }
}

/// Resamples a row of interleaved pixels of `lanes` floats, a multiple of four. Parameters as above.
func resampleInterleavedRow(
    _ source: UnsafePointer<Float>, lanes: Int, firsts: UnsafePointer<Int>, counts: UnsafePointer<Int>,
    weights: UnsafePointer<Float>, tapCount: Int, to target: UnsafeMutablePointer<Float>, count: Int
) {
    for place in 0..<count {
        let own = weights + place * tapCount
        for group in stride(from: 0, to: lanes, by: 4) {
            let window = source + firsts[place] * lanes + group
            var sum = SIMD4<Float>.zero
            for tap in 0..<counts[place] { sum += own[tap] * load4(window + tap * lanes) }
            store4(sum, target + place * lanes + group)
        }
    }
}

/// The weighted sum of consecutive rows.
///
/// - Parameters:
///   - length: floats per row.
///   - weights: one per row.
func weightedSum(
    ofRows source: UnsafePointer<Float>, length: Int, weights: UnsafePointer<Float>, count: Int,
    to target: UnsafeMutablePointer<Float>
) {
    var place = 0
    while place + 16 <= length {
        var (a, b, c, d) = (SIMD4<Float>.zero, SIMD4<Float>.zero, SIMD4<Float>.zero, SIMD4<Float>.zero)
        for row in 0..<count {
            let (values, weight) = (source + row * length + place, weights[row])
            a += weight * load4(values)
            b += weight * load4(values + 4)
            c += weight * load4(values + 8)
            d += weight * load4(values + 12)
        }
        store4(a, target + place)
        store4(b, target + place + 4)
        store4(c, target + place + 8)
        store4(d, target + place + 12)
        place += 16
    }
    while place < length {
        var sum: Float = 0
        for row in 0..<count { sum += weights[row] * source[row * length + place] }
        target[place] = sum
        place += 1
    }
}

@inline(__always)
private func load4(_ place: UnsafePointer<Float>) -> SIMD4<Float> {
    UnsafeRawPointer(place).loadUnaligned(as: SIMD4<Float>.self)
}

@inline(__always)
private func store4(_ value: SIMD4<Float>, _ place: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(place).storeBytes(of: value, as: SIMD4<Float>.self)
}
