import Glibc
import RestoreNN
import RestoreTraining
import TestSupport
import Testing

@Suite struct CameraColorTests {
    // MARK: Tone curves

    @Test func curvesAndTheirInversesAgreeOnEveryValueOf8Bits() {
        for curve in CameraToneCurve.family {
            var last: Float = -1
            for value in 0...255 {
                let light = curve.linear(Float(value) / 255)
                #expect(light > last, "\(curve.contrast): \(value)")
                #expect(abs(curve.picture(light) * 255 - Float(value)) < 0.05, "\(curve.contrast): \(value)")
                last = light
            }
            #expect((curve.linear(0), curve.linear(1), curve.picture(0), curve.picture(1)) == (0, 1, 0, 1))
            #expect((curve.linear(-1), curve.picture(7)) == (0, 1), "clipped")
        }
    }

    @Test func withoutContrastItIsSRGB() {
        let curve = CameraToneCurve(contrast: 0)
        for (value, light) in [(0.02, 0.02 / 12.92), (0.5, 0.21404114), (0.75, 0.52252155)] {
            #expect(abs(Double(curve.linear(Float(value))) - light) < 1e-5)
            #expect(abs(Double(curve.picture(Float(light))) - value) < 1e-4)
        }
    }

    /// ½ − sin(asin(1 − 2v) / 3) undoes 3v² − 2v³.
    @Test func allContrastIsTheSmoothStep() {
        let (whole, none) = (CameraToneCurve(contrast: 1), CameraToneCurve(contrast: 0))
        for value in stride(from: 0.05, through: 0.95, by: 0.05) {
            let before = 0.5 - sin(asin(1 - 2 * value) / 3)
            #expect(abs(whole.linear(Float(value)) - none.linear(Float(before))) < 1e-5, "\(value)")
        }
    }

    // MARK: Matrices

    private func matrix(_ values: [Float]) -> ColorMatrix {
        ColorMatrix(
            rows: (
                [values[0], values[1], values[2]], [values[3], values[4], values[5]], [values[6], values[7], values[8]]
            ))
    }

    private func distance(_ a: ColorMatrix, _ b: ColorMatrix) -> Float {
        let (x, y) = (a.columns, b.columns)
        return [x.0 - y.0, x.1 - y.1, x.2 - y.2].map { ($0 * $0).sum() }.reduce(0, +).squareRoot()
    }

    @Test func rowsColumnsProductsAndInverses() {
        let a = matrix([1, 2, 3, 4, 5, 6, 7, 8, 10])
        #expect(a * SIMD3<Float>(1, 10, 100) == [321, 654, 1087])
        #expect(a.transposed * SIMD3<Float>(1, 10, 100) == [741, 852, 1063])
        #expect(a * .identity == a && .identity * a == a)
        #expect(distance(a * a.inverse, .identity) < 1e-4)
        #expect(ColorMatrix.diagonal([2, 3, 4]) * SIMD3<Float>(1, 1, 1) == [2, 3, 4])
    }

    @Test func camerasKeepGrayAndTheirInversesUndoThem() {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<200 {
            let camera = CameraColor(using: &generator)
            let white = camera.toSRGB * SIMD3<Float>(1, 1, 1)
            #expect(abs(white.max() - 1) < 1e-6 && abs(white.min() - 1) < 1e-6)
            let color = SIMD3<Float>(0.7, 0.2, 0.4)
            let back = camera.toSRGB * (camera.gains * (camera.toSensor * color))
            let difference = back - color
            #expect(difference.max() < 1e-5 && difference.min() > -1e-5)
            let balance = camera.gains / camera.gains.y
            #expect((1.9...2.4).contains(balance.x) && (1.5...1.9).contains(balance.z))
            #expect((0.9...2.0).contains(camera.gains.y))
        }
    }

    /// Covariances A·Aᵀ of the noise that is mixed: of the strength of three independent channels, and positive.
    @Test func correlationsKeepTheStrength() {
        var generator = SeededGenerator(seed: 2)
        var largest: Float = 0
        for _ in 0..<100 {
            let rotation = ColorMatrix.randomRotation(using: &generator)
            #expect(distance(rotation * rotation.transposed, .identity) < 1e-5)
            let mixing = ColorMatrix.randomCorrelation(using: &generator)
            let covariance = mixing * mixing.transposed
            let trace = covariance.columns.0.x + covariance.columns.1.y + covariance.columns.2.z
            #expect(abs(trace - 3) < 1e-4)
            largest = max(largest, abs(covariance.columns.0.y))
        }
        #expect(largest > 0.5, "channels are related")
    }
}
