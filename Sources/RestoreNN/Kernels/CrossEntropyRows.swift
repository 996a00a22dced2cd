import Glibc

// Kernels of the softmax cross-entropy. A row contains the logits of one pixel.

private typealias Lanes = SIMD16<Float>
private let laneCount = Lanes.scalarCount

/// Number of vectors summed in `Float` before their sum is added in `Double`.
private let vectorsInFloat = 64

/// e^x for x ≤ 0, within 2 units in the last place; 0 below −87, close to where results become subnormal. Propagates
/// NaN.
///
/// x = n · ln 2 + r with an integer n and |r| ≤ ½ ln 2; e^r is a polynomial (S. Moshier, Cephes `expf`), and 2ⁿ is
/// assembled from the bits of its exponent.
@inline(__always)
private func exponential(_ x: Lanes) -> Lanes {
    // 1.5 · 2²³: adding it rounds to an integer n, and the lowest bits of the sum are those of n.
    let shift = Lanes(repeating: 12_582_912)
    let shifted = x * 1.442_695_04 + shift
    let n = shifted - shift
    let r = (x - n * 0.693_359_375) - n * -2.121_944_4e-4
    var p = r * 1.987_569_1e-4 + 1.398_2e-3
    p = p * r + 8.333_452e-3
    p = p * r + 4.166_579_6e-2
    p = p * r + 1.666_666_5e-1
    p = p * r + 0.5
    p = p * (r * r) + r + 1
    let bits = unsafeBitCast(shifted, to: SIMD16<UInt32>.self)
    let power = unsafeBitCast((bits &<< 23) &+ 0x3F80_0000, to: Lanes.self)
    return (p * power).replacing(with: 0, where: x .< -87)
}

/// Up to 16 values of a row of `count`, from `start` on; −∞ for those beyond its end.
@inline(__always)
private func load(_ row: UnsafePointer<Float>, _ start: Int, _ count: Int) -> Lanes {
    if start + laneCount <= count {
        return UnsafeRawPointer(row + start).loadUnaligned(as: Lanes.self)
    }
    var lanes = Lanes(repeating: -.infinity)
    for i in start..<count { lanes[i - start] = row[i] }
    return lanes
}

/// The largest value that is not NaN, or −∞.
func greatest(_ row: UnsafePointer<Float>, count: Int) -> Float {
    var lanes = Lanes(repeating: -.infinity)
    for start in stride(from: 0, to: count, by: laneCount) {
        let values = load(row, start, count)
        lanes.replace(with: values, where: values .> lanes)
    }
    return lanes.max()
}

/// Σ e^(value − greatest), also storing the terms if a destination is given. NaN if a value is NaN or +∞, or if all are
/// −∞.
func sumOfExponentials(
    _ row: UnsafePointer<Float>, greatest: Float, storingIn destination: UnsafeMutablePointer<Float>? = nil, count: Int
) -> Double {
    var sum = 0.0
    let block = vectorsInFloat * laneCount
    for first in stride(from: 0, to: count, by: block) {
        var lanes = Lanes.zero
        for start in stride(from: first, to: min(first + block, count), by: laneCount) {
            let powers = exponential(load(row, start, count) - greatest)
            lanes += powers
            guard let destination else { continue }
            if start + laneCount <= count {
                UnsafeMutableRawPointer(destination + start).storeBytes(of: powers, as: Lanes.self)
            } else {
                for i in start..<count { destination[i] = powers[i - start] }
            }
        }
        sum += Double(lanes.sum())
    }
    return sum
}

/// log Σ e^value, without overflow.
func logSumOfExponentials(_ row: UnsafePointer<Float>, count: Int) -> Double {
    let greatest = greatest(row, count: count)
    return Double(greatest) + log(sumOfExponentials(row, greatest: greatest, count: count))
}

/// Writes `scale` · softmax of the row.
func writeSoftmax(
    _ row: UnsafePointer<Float>, scale: Double, into destination: UnsafeMutablePointer<Float>, count: Int
) {
    let sum = sumOfExponentials(
        row, greatest: greatest(row, count: count), storingIn: destination, count: count)
    let factor = Float(scale / sum)
    for i in 0..<count { destination[i] *= factor }
}
