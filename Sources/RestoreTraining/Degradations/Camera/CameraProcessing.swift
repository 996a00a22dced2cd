import RestoreNN

/// A camera's processing of a photograph's noise after demosaicking: it removes some of it, color noise most of all,
/// and sharpens.
///
/// As with demosaicking, only the noise is processed: a clean photograph has been sharpened by its camera as well. This
/// processing is why the noise in JPEG files is coarse-grained and contains hardly any fine color (Colom, Lebrun,
/// Buades & Morel, "A non-parametric approach for the estimation of intensity-frequency dependent noise", ICIP 2014).
/// The filters, their ranges and probabilities are ours.
package struct CameraProcessing: Sendable {
    /// Smooths the luminance of the noise.
    package let luminanceBlur: GaussianBlur
    /// The share of the luminance noise that is not smoothed: with much smoothing this leaves grain of two sizes.
    package let fineShare: Float
    /// Smooths its two color differences.
    package let chromaBlur: GaussianBlur
    /// Amount of unsharp mask added: luminance noise minus a copy blurred by one pixel.
    package let sharpening: Float

    private static let unsharp = GaussianBlur(sigma: 1)

    package static let none = CameraProcessing(luminanceSigma: 0, chromaSigma: 0, sharpening: 0)

    package init(luminanceSigma: Double, fineShare: Double = 0, chromaSigma: Double, sharpening: Double) {
        luminanceBlur = GaussianBlur(sigma: luminanceSigma)
        self.fineShare = Float(fineShare)
        chromaBlur = GaussianBlur(sigma: chromaSigma)
        self.sharpening = Float(sharpening)
    }

    package init(_ variety: CameraVariety, using generator: inout SeededGenerator) {
        switch variety {
        case .reference:
            self.init(
                luminanceSigma: generator.happens(0.25) ? generator.uniform(in: 0.3...0.8) : 0,
                chromaSigma: generator.happens(0.5) ? generator.uniform(in: 0.5...2) : 0,
                sharpening: generator.happens(0.3) ? generator.uniform(in: 0.2...0.8) : 0)
        case .training:
            // Most cameras smooth more than the reference does: in their files, neighboring pixels share about two
            // thirds of the luminance noise, and color noise reaches over eight pixels (docs/photograph-noise.md).
            self.init(
                luminanceSigma: generator.happens(0.7) ? generator.uniform(in: 0.4...1.6) : 0,
                fineShare: generator.happens(0.4) ? generator.uniform(in: 0...0.4) : 0,
                chromaSigma: generator.happens(0.8) ? generator.uniform(in: 0.5...4) : 0,
                sharpening: generator.happens(0.3) ? generator.uniform(in: 0.2...0.8) : 0)
        }
    }

    var changesNothing: Bool { reach == 0 }

    /// Maximum distance from which noise influences a pixel.
    var reach: Int {
        max(luminanceBlur.radius + (sharpening > 0 ? Self.unsharp.radius : 0), chromaBlur.radius)
    }

    /// Luminance of linear sRGB (ITU-R BT.709).
    private static let luminance = SIMD3<Float>(0.2126, 0.7152, 0.0722)

    /// From R, G, B to luminance, R − luminance, B − luminance.
    private static let toDifferences: ColorMatrix = {
        let y = luminance
        return ColorMatrix(rows: (y, [1 - y.x, -y.y, -y.z], [-y.x, -y.y, 1 - y.z]))
    }()

    private static let fromDifferences = toDifferences.inverse

    /// Filters noise in linear sRGB.
    package func apply(to planes: inout NoisePlanes) {
        guard !changesNothing else { return }
        planes.apply(Self.toDifferences)
        let (width, height) = (planes.width, planes.height)
        let count = planes.pixelCount
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * count) { scratch in
            guard let first = scratch.baseAddress else { return }
            planes.withPlanes { luminance, redDifference, blueDifference in
                smooth(luminance, scratch: first, width: width, height: height)
                sharpen(luminance, scratch: first, width: width, height: height)
                chromaBlur.apply(to: redDifference, scratch: first, width: width, height: height)
                chromaBlur.apply(to: blueDifference, scratch: first, width: width, height: height)
            }
        }
        planes.apply(Self.fromDifferences)
    }

    /// - Parameter scratch: twice as many floats as the plane has.
    private func smooth(
        _ plane: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>, width: Int, height: Int
    ) {
        guard fineShare > 0 else {
            return luminanceBlur.apply(to: plane, scratch: scratch, width: width, height: height)
        }
        let count = width * height
        let fine = scratch + count
        fine.update(from: plane, count: count)
        luminanceBlur.apply(to: plane, scratch: scratch, width: width, height: height)
        for index in 0..<count { plane[index] += fineShare * (fine[index] - plane[index]) }
    }

    /// - Parameter scratch: twice as many floats as the plane has.
    private func sharpen(
        _ plane: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>, width: Int, height: Int
    ) {
        guard sharpening > 0 else { return }
        let count = width * height
        let blurred = scratch + count
        blurred.update(from: plane, count: count)
        Self.unsharp.apply(to: blurred, scratch: scratch, width: width, height: height)
        for index in 0..<count { plane[index] += sharpening * (plane[index] - blurred[index]) }
    }
}
