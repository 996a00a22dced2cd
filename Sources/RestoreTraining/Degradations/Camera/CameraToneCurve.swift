import Glibc

/// How a camera converts linear light (0…1) to the values of an image (0…1), and back.
///
/// The transfer function of sRGB (IEC 61966-2-1), followed by a fraction of the S-curve 3v² − 2v³ with which Brooks et
/// al. model a camera's global tone mapping ("Unprocessing Images for Learned Raw Denoising", CVPR 2019, section 3).
/// They always apply the full curve. Varying the fraction from camera to camera is ours; real response curves vary too
/// (Guo et al., "Toward Convolutional Blind Denoising of Real Photographs", CVPR 2019, section 3.1, draw from 201 of
/// them).
///
/// Both directions are tables with linear interpolation. The nodes of the inverse are the 8-bit values and three points
/// between each pair, so that 8-bit images are inverted without error; the error of the forward direction is less than
/// 0.03 of 1/255.
package struct CameraToneCurve: Sendable {
    /// Fraction of the S-curve, 0…1.
    package let contrast: Double
    private let toLinear: [Float]
    private let toPicture: [Float]

    private static let pictureIntervals = 4 * 255
    private static let linearIntervals = 4096

    /// The curves to draw from: without the S-curve, with a quarter of it, and so on up to the full curve.
    package static let family = (0...4).map { CameraToneCurve(contrast: Double($0) / 4) }

    /// - Parameter contrast: fraction of the S-curve, 0…1.
    package init(contrast: Double) {
        precondition((0...1).contains(contrast), "contrast \(contrast)")
        self.contrast = contrast
        // The last entry is duplicated: the value 1 is interpolated between it and its copy.
        toLinear = (0...Self.pictureIntervals + 1).map { index in
            let value = min(1, Double(index) / Double(Self.pictureIntervals))
            return Float(Self.expanded(Self.withoutContrast(value, contrast)))
        }
        toPicture = (0...Self.linearIntervals + 1).map { index in
            let value = Self.compressed(min(1, Double(index) / Double(Self.linearIntervals)))
            return Float(Self.withContrast(value, contrast))
        }
    }

    /// Passes both directions to `body`, avoiding the cost of array accesses.
    @inline(__always)
    func withTables<Outcome>(_ body: (_ linear: Table, _ picture: Table) -> Outcome) -> Outcome {
        toLinear.withUnsafeBufferPointer { linear in
            toPicture.withUnsafeBufferPointer { picture in
                body(
                    Table(nodes: linear, intervals: Float(Self.pictureIntervals)),
                    Table(nodes: picture, intervals: Float(Self.linearIntervals)))
            }
        }
    }

    /// Linear light for an image value; both are clipped to 0…1.
    package func linear(_ value: Float) -> Float { withTables { linear, _ in linear[value] } }

    /// The image value for linear light; both are clipped to 0…1.
    package func picture(_ light: Float) -> Float { withTables { _, picture in picture[light] } }

    /// A function on 0…1, given by its values at equal distances.
    struct Table {
        fileprivate let nodes: UnsafeBufferPointer<Float>
        fileprivate let intervals: Float

        /// The value at `position`, which must be finite and is clipped to 0…1.
        @inline(__always)
        subscript(position: Float) -> Float {
            let scaled = min(max(position, 0), 1) * intervals
            let index = Int(scaled)
            let fraction = scaled - Float(index)
            return nodes[index] + fraction * (nodes[index + 1] - nodes[index])
        }

        @inline(__always)
        subscript(color: SIMD3<Float>) -> SIMD3<Float> { [self[color.x], self[color.y], self[color.z]] }
    }

    // MARK: The functions themselves

    private static func expanded(_ value: Double) -> Double {
        value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4)
    }

    private static func compressed(_ light: Double) -> Double {
        light <= 0.0031308 ? 12.92 * light : 1.055 * pow(light, 1 / 2.4) - 0.055
    }

    private static func withContrast(_ value: Double, _ contrast: Double) -> Double {
        value + contrast * (value * value * (3 - 2 * value) - value)
    }

    /// The inverse, by bisection: the slope is 0 at both ends of the full S-curve, where Newton's method fails.
    private static func withoutContrast(_ value: Double, _ contrast: Double) -> Double {
        if value == 0 { return 0 }
        var (low, high) = (0.0, 1.0)
        for _ in 0..<52 {
            let middle = 0.5 * (low + high)
            if withContrast(middle, contrast) < value { low = middle } else { high = middle }
        }
        return 0.5 * (low + high)
    }
}
