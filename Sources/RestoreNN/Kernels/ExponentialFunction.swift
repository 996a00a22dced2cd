/// eˣ, within two units in the last place, in arithmetic that the compiler can vectorize. Bit-identical on every
/// processor.
///
/// eˣ = 2ⁿ · eʳ with n the integer nearest to x / ln 2 and |r| ≤ ln 2 / 2, where a polynomial suffices (S. Moshier,
/// Cephes mathematical library, `expf`). Overflow gives infinity; underflow gives subnormal numbers, then 0. Propagates
/// NaN.
@inline(__always)
func exponential(_ x: Float) -> Float {
    // Beyond these limits the result is 0 or infinity anyway. Both comparisons are false for NaN, which passes through.
    let floored = x < -105 ? -105 : x
    let clamped = floored > 89 ? 89 : floored
    // Adding 1.5 · 2²³ leaves the integer in the low bits. This avoids a conversion, which would trap on NaN.
    let magic: Float = 12_582_912
    let shifted = clamped * 1.442_695_04 + magic
    let n = shifted - magic
    // ln 2 in two parts, so that the product with the first is exact.
    let r = (clamped - n * 0.693_359_375) + n * 2.121_944_4e-4
    var p: Float = 1.987_569_15e-4
    p = p * r + 1.398_199_95e-3
    p = p * r + 8.333_451_9e-3
    p = p * r + 4.166_579_6e-2
    p = p * r + 1.666_666_55e-1
    p = p * r + 5.000_000_1e-1
    p = p * (r * r) + r + 1
    // 2ⁿ in two factors: neither overflows unless the result does, and subnormal results are rounded once.
    let exponent = Int32(bitPattern: shifted.bitPattern) &- Int32(bitPattern: magic.bitPattern)
    let half = exponent &>> 1
    let first = Float(bitPattern: UInt32(bitPattern: (half &+ 127) &<< 23))
    let second = Float(bitPattern: UInt32(bitPattern: (exponent &- half &+ 127) &<< 23))
    return p * first * second
}

/// values ← e^(scale · values)
func exponentiate(_ values: UnsafeMutablePointer<Float>, scale: Float, count: Int) {
    for i in 0..<count { values[i] = exponential(scale * values[i]) }
}
