import RestoreImage
import RestoreNN

/// One camera and the history of its file: takes a clean image back to sensor values, adds sensor noise, and converts
/// the result to an image again.
///
///     image → linear sRGB → sensor: noise → demosaicking, gains, color matrix → linear sRGB: noise added
///           → clipped → image → 8 bits → JPEG
///
/// Everything between the sensor and linear sRGB is linear, so the noise is processed separately and added to the clean
/// image afterwards: neither demosaicking nor sharpening changes the image itself, which is not shifted either.
package struct CameraPipeline: Sendable {
    package var toneCurve: CameraToneCurve
    package var color: CameraColor
    package var noise: ShotReadNoise
    package var sensor: SensorLayout
    package var processing: CameraProcessing
    package var passes: [JPEGPass]

    package init(
        toneCurve: CameraToneCurve, color: CameraColor, noise: ShotReadNoise, sensor: SensorLayout,
        processing: CameraProcessing = .none, passes: [JPEGPass] = []
    ) {
        self.toneCurve = toneCurve
        self.color = color
        self.noise = noise
        self.sensor = sensor
        self.processing = processing
        self.passes = passes
    }

    /// A random camera.
    package init(
        shotLevels: ClosedRange<Double>, variety: CameraVariety = .reference, using generator: inout SeededGenerator
    ) {
        let curves = CameraToneCurve.family
        toneCurve = curves[generator.index(below: curves.count)]
        color = CameraColor(using: &generator)
        noise = ShotReadNoise(shotLevels: shotLevels, using: &generator)
        sensor = SensorLayout(using: &generator)
        processing = CameraProcessing(variety, using: &generator)
        passes = JPEGPass.randomPasses(qualities: variety.qualities, using: &generator)
    }

    /// The image as this camera would record it, in 8 bits: gray or RGB.
    ///
    /// - Parameters:
    ///   - clean: interleaved RGB floats, finite, clipped to 0…1.
    ///   - isGray: whether the photograph is converted to gray after it was taken, by its luma (ITU-R BT.601); the
    ///     result then has one channel.
    /// - Returns: the image, and what its JPEG file says about the compression; nil if it is not compressed.
    /// - Throws: `ImageError.cannotEncode` if it is too large for JPEG (65500 pixels per side, blocks included).
    package func photograph(
        _ clean: PixelRows, isGray: Bool, generator: inout SeededGenerator
    ) throws(ImageError) -> (image: Image, parameters: JPEGParameters?) {
        let planes = linearNoise(of: clean, generator: &generator)
        var result: (image: Image, parameters: JPEGParameters?) = (developed(clean, planes, isGray: isGray), nil)
        for pass in passes { result = try pass.apply(to: result.image) }
        return result
    }

    // MARK: Sensor

    /// The noise in linear sRGB, with the margin required by the filters.
    package func linearNoise(of clean: PixelRows, generator: inout SeededGenerator) -> NoisePlanes {
        var planes = NoisePlanes(
            width: clean.width, height: clean.height, margin: sensor.reach + processing.reach)
        switch sensor {
        case .bayer(let mosaic):
            let counted = mosaicNoise(of: clean, mosaic, planes, generator: &generator)
            counted.withUnsafeBufferPointer { buffer in
                if let base = buffer.baseAddress { mosaic.interpolate(base, to: &planes) }
            }
            planes.apply(color.toSRGB)
        case .full(let correlation, let blur):
            addFullNoise(of: clean, to: &planes, generator: &generator)
            blurAll(&planes, blur)
            if correlation != .identity { planes.apply(correlation) }
        }
        processing.apply(to: &planes)
        return planes
    }

    /// One value per pixel, of the mosaic's color at that pixel, white-balanced.
    private func mosaicNoise(
        of clean: PixelRows, _ mosaic: BayerMosaic, _ planes: NoisePlanes, generator: inout SeededGenerator
    ) -> [Float] {
        let (width, height, margin) = (planes.width, planes.height, planes.margin)
        return [Float](unsafeUninitializedCapacity: width * height) { buffer, count in
            toneCurve.withTables { linear, _ in
                for y in 0..<height {
                    for x in 0..<width {
                        let signal = color.toSensor * linear[clean.mirrored(column: x - margin, row: y - margin)]
                        let channel = mosaic.color(column: x, row: y)
                        let deviation = noise.deviation(of: signal[channel]) * color.gains[channel]
                        buffer[y * width + x] = deviation * Float(generator.normal())
                    }
                }
            }
            count = width * height
        }
    }

    private func addFullNoise(of clean: PixelRows, to planes: inout NoisePlanes, generator: inout SeededGenerator) {
        let (width, height, margin) = (planes.width, planes.height, planes.margin)
        planes.withPlanes { red, green, blue in
            toneCurve.withTables { linear, _ in
                for y in 0..<height {
                    for x in 0..<width {
                        let signal = color.toSensor * linear[clean.mirrored(column: x - margin, row: y - margin)]
                        let index = y * width + x
                        red[index] = noise.deviation(of: signal.x) * color.gains.x * Float(generator.normal())
                        green[index] = noise.deviation(of: signal.y) * color.gains.y * Float(generator.normal())
                        blue[index] = noise.deviation(of: signal.z) * color.gains.z * Float(generator.normal())
                    }
                }
            }
        }
    }

    private func blurAll(_ planes: inout NoisePlanes, _ blur: GaussianBlur) {
        guard blur.radius > 0 else { return }
        let (width, height) = (planes.width, planes.height)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: width * height) { buffer in
            guard let scratch = buffer.baseAddress else { return }
            planes.withPlanes { red, green, blue in
                blur.apply(to: red, scratch: scratch, width: width, height: height)
                blur.apply(to: green, scratch: scratch, width: width, height: height)
                blur.apply(to: blue, scratch: scratch, width: width, height: height)
            }
        }
    }

    // MARK: Picture

    /// Clean image and noise, added in linear light, clipped, as an 8-bit image.
    private func developed(_ clean: PixelRows, _ planes: NoisePlanes, isGray: Bool) -> Image {
        let channels = isGray ? 1 : 3
        let (width, height, margin, planeSize) = (clean.width, clean.height, planes.margin, planes.pixelCount)
        let samples = [UInt8](unsafeUninitializedCapacity: channels * width * height) { buffer, count in
            planes.values.withUnsafeBufferPointer { noise in
                toneCurve.withTables { linear, picture in
                    for y in 0..<height {
                        for x in 0..<width {
                            let index = (y + margin) * planes.width + x + margin
                            let added = SIMD3(noise[index], noise[index + planeSize], noise[index + 2 * planeSize])
                            let color = picture[linear[clean[column: x, row: y]] + added]
                            let target = y * width + x
                            if isGray {
                                buffer[target] = quantized((color * Luma.weights).sum())
                            } else {
                                buffer[3 * target] = quantized(color.x)
                                buffer[3 * target + 1] = quantized(color.y)
                                buffer[3 * target + 2] = quantized(color.z)
                            }
                        }
                    }
                }
            }
            count = channels * width * height
        }
        return Image(
            width: width, height: height, channelLayout: isGray ? .gray : .rgb, samples: .uint8(samples))
    }
}

/// A value in 0…1 in 8 bits.
@inline(__always)
func quantized(_ value: Float) -> UInt8 { UInt8(min(max(value, 0), 1) * 255 + 0.5) }

/// How much the random cameras of a set differ.
package enum CameraVariety: Hashable, Sendable {
    /// The cameras of evaluations; they stay the same, so that figures remain comparable.
    case reference
    /// The cameras of training: also those that smooth more, and JPEG of any quality.
    case training

    fileprivate var qualities: ClosedRange<Int> {
        switch self {
        case .reference: JPEGPass.cameraQualities
        case .training: JPEGDamage.qualities
        }
    }
}

/// RGB floats in memory, row by row without gaps.
package struct PixelRows {
    package let width: Int
    package let height: Int
    /// Floats from one pixel to the next, at least 3.
    package let pixelStride: Int
    package let start: UnsafePointer<Float>

    package init(_ start: UnsafePointer<Float>, width: Int, height: Int, pixelStride: Int = 3) {
        precondition(
            width > 0 && height > 0 && pixelStride >= 3, "\(width)×\(height) pixels of \(pixelStride) floats")
        self.start = start
        self.width = width
        self.height = height
        self.pixelStride = pixelStride
    }

    @inline(__always)
    subscript(column column: Int, row row: Int) -> SIMD3<Float> {
        let color = start + (row * width + column) * pixelStride
        return [color[0], color[1], color[2]]
    }

    /// The color at a position that may lie beyond the edges, where the image is continued by mirroring.
    @inline(__always)
    func mirrored(column: Int, row: Int) -> SIMD3<Float> {
        self[column: RestoreTraining.mirrored(column, width), row: RestoreTraining.mirrored(row, height)]
    }
}
