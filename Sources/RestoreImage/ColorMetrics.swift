import Glibc

/// The share of pixels whose color is nearly right: |ΔL*| ≤ t and |Δa*|, |Δb*| ≤ 2.2 t, with L*, a* and b* rounded to whole
/// numbers (Nazeri, Ng & Ebrahimi, "Image colorization using generative adversarial networks", 2018, and its program).
///
/// - Parameter percent: t.
/// - Returns: 0…1.
/// - Throws: `ImageComparisonError` for pictures of different sizes.
public func colorAccuracy(_ image: Image, _ truth: Image, percent: Float) throws(ImageComparisonError) -> Double {
    try requireComparable(image, truth)
    let (found, expected) = (CIELAB.lab(fromSRGB: image.colors), CIELAB.lab(fromSRGB: truth.colors))
    let limits = SIMD3(percent, 2.2 * percent, 2.2 * percent)
    var count = 0
    for pixel in 0..<image.pixelCount {
        var isRight = true
        for channel in 0..<3 {
            let difference = found[3 * pixel + channel].rounded() - expected[3 * pixel + channel].rounded()
            isRight = isRight && abs(difference) <= limits[channel]
        }
        if isRight { count += 1 }
    }
    return Double(count) / Double(image.pixelCount)
}

/// Colorfulness, 0 for gray, 33 for a moderately and 109 for an extremely colorful picture (Hasler & Süsstrunk,
/// "Measuring colourfulness in natural images", HVEI 2003, section 5): σ + 0.3 μ, where σ and μ are the lengths of the
/// standard deviations and the means of R − G and (R + G)/2 − B, with values 0…255.
public func colorfulness(_ image: Image) -> Double {
    let colors = image.colors
    var (sum, squares) = (SIMD2<Double>(), SIMD2<Double>())
    for pixel in 0..<image.pixelCount {
        let (red, green, blue) = (
            Double(colors[3 * pixel]), Double(colors[3 * pixel + 1]), Double(colors[3 * pixel + 2])
        )
        let opponent = 255 * SIMD2(red - green, 0.5 * (red + green) - blue)
        sum += opponent
        squares += opponent * opponent
    }
    let count = Double(image.pixelCount)
    let mean = sum / count
    let variance = squares / count - mean * mean
    return max(0, variance.x + variance.y).squareRoot() + 0.3 * (mean * mean).sum().squareRoot()
}

extension Image {
    /// The luma (`Luma`) of the colors in sRGB, in the same bit depth; alpha is kept. A gray picture is returned unchanged.
    public func inGray() -> Image {
        guard channelLayout.colorChannelCount == 3 else { return self }
        var result = Image(
            width: width, height: height, channelLayout: channelLayout.hasAlpha ? .grayAlpha : .gray, bitDepth: bitDepth
        )
        result.samples = grayed(into: result.samples)
        return result
    }

    private func grayed(into samples: Samples) -> Samples {
        switch (storage, samples) {
        case (.uint8(let source), .uint8(let target)): .uint8(grayed(source, target))
        case (.uint16(let source), .uint16(let target)): .uint16(grayed(source, target))
        default: samples
        }
    }

    private func grayed<Sample: FixedWidthInteger>(_ source: [Sample], _ target: [Sample]) -> [Sample] {
        var target = target
        let channels = channelLayout.channelCount
        let step = channelLayout.hasAlpha ? 2 : 1
        var row = [Float](repeating: 0, count: 3 * width)
        let most = Float(maximumSample)
        for y in 0..<height {
            row.withUnsafeMutableBufferPointer { buffer in
                if let base = buffer.baseAddress {
                    copyColors(of: ImageRegion(x: 0, y: y, width: width, height: 1), to: base)
                }
            }
            for x in 0..<width {
                let luma = Luma.of(row[3 * x], row[3 * x + 1], row[3 * x + 2])
                let place = y * width + x
                target[step * place] = Sample(min(max(luma, 0), 1) * most + 0.5)
                if step == 2 { target[2 * place + 1] = source[channels * place + channels - 1] }
            }
        }
        return target
    }
}
