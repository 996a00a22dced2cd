import Glibc

/// The sRGB curve (IEC 61966-2-1), mirrored at the origin for colors outside the gamut (as in scRGB-nl, IEC 61966-2-2).
/// Values below black are thus treated like positive ones, and the slope stays within that of the curve.
enum SRGBTransfer {
    /// The encoded value of linear light.
    @inline(__always)
    static func encode(_ light: Float) -> Float {
        let magnitude = light.magnitude
        let encoded = magnitude <= 0.0031308 ? 12.92 * magnitude : 1.055 * powf(magnitude, 1 / 2.4) - 0.055
        return light < 0 ? -encoded : encoded
    }

    /// The linear light of an encoded value.
    @inline(__always)
    static func decode(_ value: Float) -> Float {
        let magnitude = value.magnitude
        let light = magnitude <= 0.04045 ? magnitude / 12.92 : powf((magnitude + 0.055) / 1.055, 2.4)
        return value < 0 ? -light : light
    }
}
