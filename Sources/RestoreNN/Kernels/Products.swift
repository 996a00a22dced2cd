import RestoreConcurrency

/// destination ← a · b, value by value; `destination` may be `a`.
@inline(__always)
func product(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into destination: UnsafeMutablePointer<Float>, count: Int
) {
    if a == UnsafePointer(destination) {
        // The compiler's overlap check would send equal addresses to its scalar loop.
        for i in 0..<count { destination[i] *= b[i] }
    } else {
        for i in 0..<count { destination[i] = a[i] * b[i] }
    }
}

/// Σ a·b in double precision: eight running sums, added in order.
func dotProduct(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count: Int) -> Double {
    var sums = SIMD8<Double>()
    var i = 0
    while i + 8 <= count {
        let x = UnsafeRawPointer(a + i).loadUnaligned(as: SIMD8<Float>.self)
        let y = UnsafeRawPointer(b + i).loadUnaligned(as: SIMD8<Float>.self)
        sums += SIMD8<Double>(x) * SIMD8<Double>(y)
        i += 8
    }
    var sum = 0.0
    for lane in 0..<8 { sum += sums[lane] }
    while i < count {
        sum += Double(a[i]) * Double(b[i])
        i += 1
    }
    return sum
}

/// The length of a row of channels, repeated often enough for a loop over it to be worth vectorizing.
private func period(channels: Int) -> Int { channels * ((255 + channels) / channels) }

/// Shared working memory of `multiplyChannels`.
func channelGateScratch(batch: Int, channels: Int) -> ScratchSize {
    ScratchSize(shared: batch * period(channels: channels))
}

/// destination ← x · gate, where `gate` (N × C) has one value for each channel of each picture.
///
/// - Parameter values: the range to compute: all values, or some rows of a single picture. `destination` may be `x`.
func multiplyChannels(
    _ x: UnsafePointer<Float>, gate: UnsafePointer<Float>, batch: Int, channels: Int, values: Range<Int>,
    into destination: UnsafeMutablePointer<Float>, scratch: Scratch, pool: WorkerPool
) {
    let period = period(channels: channels)
    let repeated = scratch.shared
    for n in 0..<batch {
        for start in stride(from: 0, to: period, by: channels) {
            (repeated + n * period + start).update(from: gate + n * channels, count: channels)
        }
    }
    let count = values.count / batch
    let piece = max(1, elementwisePiece / period) * period
    let pieces = (count + piece - 1) / piece
    pool.run(taskCount: batch * pieces) { task, _ in
        let (n, first) = (task / pieces, task % pieces * piece)
        let base = values.lowerBound + n * count
        for start in stride(from: first, to: min(first + piece, count), by: period) {
            product(
                x + base + start, repeated + n * period, into: destination + base + start,
                count: min(period, count - start))
        }
    }
}

/// values ← values · gate, where `gate` has one value per pixel.
func multiplyPixels(_ values: UnsafeMutablePointer<Float>, gate: UnsafePointer<Float>, pixels: Int, channels: Int) {
    if channels == 1 {
        for pixel in 0..<pixels { values[pixel] *= gate[pixel] }
    } else if channels == 3 {
        for pixel in 0..<pixels {
            let factor = gate[pixel]
            values[3 * pixel] *= factor
            values[3 * pixel + 1] *= factor
            values[3 * pixel + 2] *= factor
        }
    } else {
        for pixel in 0..<pixels {
            let (value, factor) = (values + pixel * channels, gate[pixel])
            for c in 0..<channels { value[c] *= factor }
        }
    }
}
