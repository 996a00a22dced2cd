/// Values in a block of pixels that fits in the L1 cache.
private let softmaxBlock = 2048

/// The softmax of each pixel's channels; `destination` may be `x`.
///
/// For each block: subtract each pixel's maximum, so that differences are at most 0; compute their exponentials in one
/// loop over the block, for any number of channels; divide by each pixel's sum.
func softmax(
    _ x: UnsafePointer<Float>, inverseTemperature: Float, pixels: Int, channels: Int,
    into destination: UnsafeMutablePointer<Float>
) {
    let block = max(1, softmaxBlock / channels)
    for first in stride(from: 0, to: pixels, by: block) {
        let count = min(block, pixels - first)
        let values = destination + first * channels
        if x != UnsafePointer(destination) {
            values.update(from: x + first * channels, count: count * channels)
        }
        for pixel in 0..<count {
            let own = values + pixel * channels
            let greatest = greatestValue(own, count: channels)
            for c in 0..<channels { own[c] -= greatest }
        }
        exponentiate(values, scale: inverseTemperature, count: count * channels)
        for pixel in 0..<count {
            let own = values + pixel * channels
            let factor = 1 / sum(own, count: channels)
            for c in 0..<channels { own[c] *= factor }
        }
    }
}

/// gradient ← y · (incoming − Σ incoming·y) / temperature, pixel by pixel.
func softmaxGradient(
    output y: UnsafePointer<Float>, incoming: UnsafePointer<Float>, inverseTemperature: Float, pixels: Int,
    channels: Int, into gradient: UnsafeMutablePointer<Float>
) {
    for start in stride(from: 0, to: pixels * channels, by: channels) {
        let (y, incoming, gradient) = (y + start, incoming + start, gradient + start)
        let mean = Float(dotProduct(y, incoming, count: channels))
        for c in 0..<channels { gradient[c] = inverseTemperature * y[c] * (incoming[c] - mean) }
    }
}

/// The maximum of at least one value. If one is NaN, the result may be any value or NaN.
@inline(__always)
private func greatestValue(_ values: UnsafePointer<Float>, count: Int) -> Float {
    var greatest = values[0]
    var i = 1
    if count >= 16 {
        var lanes = UnsafeRawPointer(values).loadUnaligned(as: SIMD8<Float>.self)
        i = 8
        while i + 8 <= count {
            let next = UnsafeRawPointer(values + i).loadUnaligned(as: SIMD8<Float>.self)
            lanes.replace(with: next, where: next .> lanes)
            i += 8
        }
        for lane in 0..<8 where lanes[lane] > greatest { greatest = lanes[lane] }
    }
    while i < count {
        if values[i] > greatest { greatest = values[i] }
        i += 1
    }
    return greatest
}

/// Eight running sums, added in order, followed by the remainder.
@inline(__always)
private func sum(_ values: UnsafePointer<Float>, count: Int) -> Float {
    var sum: Float = 0
    var i = 0
    if count >= 16 {
        var lanes = SIMD8<Float>()
        while i + 8 <= count {
            lanes += UnsafeRawPointer(values + i).loadUnaligned(as: SIMD8<Float>.self)
            i += 8
        }
        for lane in 0..<8 { sum += lanes[lane] }
    }
    while i < count {
        sum += values[i]
        i += 1
    }
    return sum
}
