// sRGB's curve (IEC 61966-2-1) and roots of four values at once, without tables or calls: a faster `SRGBTransfer` for
// many pixels. Errors are a few units in the last place.

/// Linear light of encoded values, mirrored at 0.
@inline(__always)
func linear(_ values: SIMD4<Float>) -> SIMD4<Float> {
    let (magnitudes, signs) = apart(values)
    // v^2.4 = v² · (v^(1/5))².
    let base = (magnitudes + 0.055) * (1 / 1.055)
    let product = base * fifthRoot(base)
    let light = (product * product).replacing(with: magnitudes * (1 / 12.92), where: magnitudes .<= 0.04045)
    return together(light, signs)
}

/// Encoded values of linear light, mirrored at 0.
@inline(__always)
func encoded(_ light: SIMD4<Float>) -> SIMD4<Float> {
    let (magnitudes, signs) = apart(light)
    // l^(1/2.4) = l^(1/3) · (l^(1/3))^(1/4).
    let root = cubeRoot(magnitudes)
    let power = 1.055 * (root * root.squareRoot().squareRoot()) - 0.055
    return together(power.replacing(with: 12.92 * magnitudes, where: magnitudes .<= 0.0031308), signs)
}

/// Cube roots of positive normal numbers.
///
/// Dividing the bit pattern by three divides the exponent by about three (H. S. Warren, Hacker's Delight, 2nd edition,
/// 2012, section 17-4), which gives the root to within 4%. Two steps of Halley's method each cube the error.
@inline(__always)
func cubeRoot(_ x: SIMD4<Float>) -> SIMD4<Float> {
    let bits = unsafeBitCast(x, to: SIMD4<UInt32>.self)
    var third = (bits &>> 2) &+ (bits &>> 4)
    third &+= third &>> 4
    third &+= third &>> 8
    var root = unsafeBitCast(third &+ 0x2A51_37A0, to: SIMD4<Float>.self)
    for _ in 0..<2 {
        let cube = root * root * root
        root *= (cube + 2 * x) / (2 * cube + x)
    }
    return root
}

/// Fifth roots of positive normal numbers, by the same method.
@inline(__always)
func fifthRoot(_ x: SIMD4<Float>) -> SIMD4<Float> {
    let bits = unsafeBitCast(x, to: SIMD4<UInt32>.self)
    var fifth = (bits &>> 3) &+ (bits &>> 4)
    fifth &+= fifth &>> 4
    fifth &+= fifth &>> 8
    var root = unsafeBitCast(fifth &+ 0x32C8_0000, to: SIMD4<Float>.self)
    for _ in 0..<2 {
        let square = root * root
        let power = square * square * root
        root *= (2 * power + 3 * x) / (3 * power + 2 * x)
    }
    return root
}

@inline(__always)
private func apart(_ values: SIMD4<Float>) -> (magnitudes: SIMD4<Float>, signs: SIMD4<UInt32>) {
    let bits = unsafeBitCast(values, to: SIMD4<UInt32>.self)
    return (unsafeBitCast(bits & 0x7FFF_FFFF, to: SIMD4<Float>.self), bits & 0x8000_0000)
}

@inline(__always)
private func together(_ magnitudes: SIMD4<Float>, _ signs: SIMD4<UInt32>) -> SIMD4<Float> {
    unsafeBitCast(unsafeBitCast(magnitudes, to: SIMD4<UInt32>.self) | signs, to: SIMD4<Float>.self)
}
