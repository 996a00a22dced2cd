import RestoreConcurrency

extension Image {
    /// The image in another size, with the same channels, bit depth and color space.
    ///
    /// Gamma-encoded samples are averaged directly, as in most programs; results are clamped and rounded to nearest.
    /// Colors are weighted by their opacity (A. R. Smith, "Alpha and the History of Digital Compositing", 1995:
    /// premultiplied), so that hidden colors do not bleed into edges; a pixel whose alpha becomes 0 is black.
    ///
    /// - Parameters:
    ///   - width: of the result, at least 1.
    ///   - height: of the result, at least 1.
    ///   - pool: divides the rows among its workers; the result does not depend on it.
    public func resized(
        width: Int, height: Int, filter: ResamplingFilter, pool: WorkerPool = .serial
    ) -> Image {
        if (width, height) == (self.width, self.height) { return self }
        let resizing = Resizing(
            fromWidth: self.width, height: self.height, toWidth: width, height: height, filter: filter)
        let samples: Samples =
            switch storage {
            case .uint8(let values): .uint8(resized(values, resizing, pool: pool))
            case .uint16(let values): .uint16(resized(values, resizing, pool: pool))
            }
        var result = Image(width: width, height: height, channelLayout: channelLayout, samples: samples)
        result.colorSpace = colorSpace
        return result
    }

    private func resized<Sample: FixedWidthInteger>(
        _ source: [Sample], _ resizing: Resizing, pool: WorkerPool
    ) -> [Sample] {
        let sampleCount = resizing.width * resizing.height * channelLayout.channelCount
        return [Sample](unsafeUninitializedCapacity: sampleCount) { target, count in
            count = sampleCount
            source.withUnsafeBufferPointer { source in
                guard let source = source.baseAddress, let target = target.baseAddress else { return }
                resizing.resize(
                    SamplePixels(
                        layout: channelLayout, source: source, sourceWidth: width, target: target,
                        width: resizing.width),
                    pool: pool)
            }
        }
    }
}

/// Samples of images as floats in sample units, with colors premultiplied by alpha.
private struct SamplePixels<Sample: FixedWidthInteger>: ResizablePixels {
    let layout: Image.ChannelLayout
    let source: UnsafePointer<Sample>
    let sourceWidth: Int
    let target: UnsafeMutablePointer<Sample>
    let width: Int

    var lanes: Int { layout == .gray ? 1 : 4 }

    func load(row: Int, into target: UnsafeMutablePointer<Float>) {
        let samples = source + row * sourceWidth * layout.channelCount
        switch layout {
        case .gray:
            for x in 0..<sourceWidth { target[x] = float(samples[x]) }
        case .grayAlpha:
            for x in 0..<sourceWidth {
                let alpha = float(samples[2 * x + 1])
                set(target + 4 * x, float(samples[2 * x]) * alpha, alpha, 0, 0)
            }
        case .rgb:
            for x in 0..<sourceWidth {
                let pixel = samples + 3 * x
                set(target + 4 * x, float(pixel[0]), float(pixel[1]), float(pixel[2]), 0)
            }
        case .rgbAlpha:
            for x in 0..<sourceWidth {
                let pixel = samples + 4 * x
                let alpha = float(pixel[3])
                set(
                    target + 4 * x, float(pixel[0]) * alpha, float(pixel[1]) * alpha, float(pixel[2]) * alpha, alpha)
            }
        }
    }

    func store(row: Int, from source: UnsafePointer<Float>) {
        let samples = target + row * width * layout.channelCount
        switch layout {
        case .gray:
            for x in 0..<width { samples[x] = nearestSample(source[x]) }
        case .rgb:
            for x in 0..<width {
                for channel in 0..<3 { samples[3 * x + channel] = nearestSample(source[4 * x + channel]) }
            }
        case .grayAlpha, .rgbAlpha:
            let colors = layout.colorChannelCount
            for x in 0..<width {
                let (pixel, sums) = (samples + (colors + 1) * x, source + 4 * x)
                let alpha: Sample = nearestSample(sums[colors])
                pixel[colors] = alpha
                for channel in 0..<colors {
                    pixel[channel] = alpha > 0 ? nearestSample(sums[channel] / sums[colors]) : 0
                }
            }
        }
    }
}

@inline(__always)
private func float<Sample: FixedWidthInteger>(_ sample: Sample) -> Float { Float(Int32(truncatingIfNeeded: sample)) }

@inline(__always)
private func set(_ pixel: UnsafeMutablePointer<Float>, _ a: Float, _ b: Float, _ c: Float, _ d: Float) {
    pixel[0] = a
    pixel[1] = b
    pixel[2] = c
    pixel[3] = d
}

/// The sample nearest to a finite value in sample units, clamped, halves up.
@inline(__always)
private func nearestSample<Sample: FixedWidthInteger>(_ value: Float) -> Sample {
    let maximum = Float(UInt32(truncatingIfNeeded: Sample.max))
    return Sample(truncatingIfNeeded: Int32(min(max(value, 0), maximum) + 0.5))
}
