import Glibc
import ModelTestSupport
import RestoreImage
import RestoreNN
import RestoreTraining
import TestSupport
import Testing

@Suite struct CameraPipelineTests {
    private static let side = 160

    /// A camera that does nothing but count with noise.
    private static func camera(
        _ noise: ShotReadNoise = ShotReadNoise(shot: 0.004, read: 0.0001), color: CameraColor = .neutral,
        sensor: SensorLayout = .full(correlation: .identity, blur: GaussianBlur(sigma: 0))
    ) -> CameraPipeline {
        CameraPipeline(toneCurve: CameraToneCurve(contrast: 0), color: color, noise: noise, sensor: sensor)
    }

    /// The noise in linear sRGB on a picture of one color, its margin left out, channel by channel.
    private func noise(
        of camera: CameraPipeline, on color: SIMD3<Float>, side: Int = Self.side, seed: UInt64 = 1
    ) -> [[Double]] {
        let colors = (0..<side * side).flatMap { _ in [color.x, color.y, color.z] }
        var generator = SeededGenerator(seed: seed)
        var planes = NoisePlanes(width: 1, height: 1, margin: 0)
        colors.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            planes = camera.linearNoise(of: PixelRows(base, width: side, height: side), generator: &generator)
        }
        let margin = planes.margin
        #expect((planes.width, planes.height) == (side + 2 * margin, side + 2 * margin))
        return (0..<3).map { channel in
            (0..<side * side).map { index in
                let (x, y) = (index % side + margin, index / side + margin)
                return Double(planes.values[(channel * planes.height + y) * planes.width + x])
            }
        }
    }

    private func mean(_ values: some Collection<Double>) -> Double { values.reduce(0, +) / Double(values.count) }
    private func variance(_ values: some Collection<Double>) -> Double { mean(values.map { $0 * $0 }) }
    private func correlation(_ a: [Double], _ b: [Double]) -> Double {
        mean(zip(a, b).map { $0 * $1 }) / (variance(a) * variance(b)).squareRoot()
    }

    /// Five standard errors of a variance of independent values.
    private var varianceBound: Double { 5 * (2 / Double(Self.side * Self.side)).squareRoot() }

    // MARK: The sensor

    @Test(arguments: [0.0, 0.05, 0.3, 1])
    func theVarianceIsALineOfTheSignal(light: Double) {
        let noise = ShotReadNoise(shot: 0.004, read: 0.0001)
        let curve = CameraToneCurve(contrast: 0)
        let value = curve.picture(Float(light))
        let expected = 0.004 * Double(curve.linear(value)) + 0.0001
        for channel in self.noise(of: Self.camera(noise), on: SIMD3(repeating: value)) {
            #expect(abs(variance(channel) / expected - 1) < varianceBound)
            #expect(abs(mean(channel)) < 5 * (expected / Double(Self.side * Self.side)).squareRoot())
        }
    }

    /// A signal that gains amplify later is smaller at the sensor: variance gain² · (shot · light / gain + read).
    @Test func gainsAmplifyNoise() {
        let color = CameraColor(gains: [2.5, 1.25, 2], toSRGB: .identity)
        let curve = CameraToneCurve(contrast: 0)
        let light = Double(curve.linear(0.5))
        let channels = noise(of: Self.camera(color: color), on: SIMD3(repeating: 0.5))
        for (channel, gain) in zip(channels, [2.5, 1.25, 2]) {
            let expected = gain * gain * (0.004 * light / gain + 0.0001)
            #expect(abs(variance(channel) / expected - 1) < varianceBound, "\(gain)")
        }
    }

    @Test func fullSensorsHaveTheCorrelationsAskedFor() {
        let channels = noise(of: Self.camera(), on: SIMD3(repeating: 0.5))
        let bound = 5 / Double(Self.side)
        #expect(abs(correlation(channels[0], channels[1])) < bound)
        #expect(abs(correlation(Array(channels[0].dropLast()), Array(channels[0].dropFirst()))) < bound)

        let mixing = ColorMatrix(rows: ([1, 1, 0], [0, 1, 0], [0, 0, 1]))
        let related = noise(
            of: Self.camera(sensor: .full(correlation: mixing, blur: GaussianBlur(sigma: 0))), on: SIMD3(repeating: 0.5)
        )
        #expect(abs(correlation(related[0], related[1]) - 0.5.squareRoot()) < bound)

        let blurred = noise(
            of: Self.camera(sensor: .full(correlation: .identity, blur: GaussianBlur(sigma: 0.8, scale: .unitEnergy))),
            on: SIMD3(repeating: 0.5))
        // Of a Gaussian filter of deviation s the autocorrelation is a Gaussian of deviation s·√2.
        let neighbors = correlation(Array(blurred[0].dropLast()), Array(blurred[0].dropFirst()))
        #expect(abs(neighbors - exp(-1 / (4 * 0.64))) < 0.03)
        #expect(abs(variance(blurred[0]) / variance(channels[0]) - 1) < 3 * varianceBound)
    }

    /// With two neighbors averaged in some pixels and four in others, red keeps (1 + ½ + ½ + ¼) / 4 of its variance,
    /// green (1 + 1 + ¼ + ¼) / 4.
    @Test func bilinearDemosaickingSmoothsNoise() {
        for phase in 0..<4 {
            let mosaic = BayerMosaic(columnPhase: phase & 1, rowPhase: phase >> 1, demosaicking: .bilinear)
            let channels = noise(of: Self.camera(sensor: .bayer(mosaic)), on: SIMD3(repeating: 0.5))
            let full = 0.004 * Double(CameraToneCurve(contrast: 0).linear(0.5)) + 0.0001
            for (channel, share) in zip(channels, [0.5625, 0.625, 0.5625]) {
                #expect(abs(variance(channel) / full / share - 1) < 3 * varianceBound, "phase \(phase)")
            }
            #expect(correlation(Array(channels[0].dropLast()), Array(channels[0].dropFirst())) > 0.4)
        }
    }

    @Test func drawnLevelsFollowTheirLines() {
        var generator = SeededGenerator(seed: 3)
        let range = 0.0005...0.02
        var (logs, distances): ([Double], [Double]) = ([], [])
        for _ in 0..<2000 {
            let drawn = ShotReadNoise(shotLevels: range, using: &generator)
            #expect(range.contains(drawn.shot) || abs(drawn.shot / range.lowerBound - 1) < 1e-12)
            logs.append(log(drawn.shot))
            let darmstadt = log(drawn.read) - (2.18 * log(drawn.shot) + 1.20)
            let phone = log10(drawn.read) - (1.85 * log10(drawn.shot) + 0.30)
            distances.append(min(abs(darmstadt) / 0.26, abs(phone) / 0.20))
        }
        #expect(abs(mean(logs) - 0.5 * (log(range.lowerBound) + log(range.upperBound))) < 0.12)
        #expect(distances.filter { $0 < 1 }.count > 1300 && distances.filter { $0 > 5 }.isEmpty)
    }

    // MARK: The picture

    private func photograph(
        _ image: Image, by camera: CameraPipeline, seed: UInt64 = 1
    ) throws -> Image {
        var generator = SeededGenerator(seed: seed)
        let isGray = image.channelLayout.colorChannelCount == 1
        let colors = image.colors
        return try colors.withUnsafeBufferPointer { buffer in
            let rows = PixelRows(try #require(buffer.baseAddress), width: image.width, height: image.height)
            return try camera.photograph(rows, isGray: isGray, generator: &generator).image
        }
    }

    /// Random cameras, that would give the picture back if there were no noise and no JPEG.
    @Test func withoutNoiseThePictureStays() throws {
        let image = Image.scene(width: 41, height: 23)
        let gray = Image.scene(width: 41, height: 23, .gray)
        for seed in 1...40 as ClosedRange<UInt64> {
            var generator = SeededGenerator(seed: seed)
            var camera = CameraPipeline(shotLevels: 0.001...0.002, using: &generator)
            camera.noise = ShotReadNoise(shot: 0, read: 0)
            camera.passes = []
            #expect(try photograph(image, by: camera, seed: seed) == image, "seed \(seed)")
            #expect(try photograph(gray, by: camera, seed: seed) == gray, "seed \(seed)")
        }
    }

    /// Noise grows with the light, but slower than the gamma curve takes it back: the dark is noisier in the picture.
    @Test func darkAndBrightPartsDiffer() throws {
        func error(_ value: UInt8) throws -> Double {
            let samples = [UInt8](repeating: value, count: 100 * 100)
            let image = Image(width: 100, height: 100, channelLayout: .gray, samples: .uint8(samples))
            return try meanSquaredError(photograph(image, by: Self.camera()), image).squareRoot()
        }
        let (dark, middle, bright) = (try error(40), try error(128), try error(220))
        #expect(dark > 1.1 * middle && middle > 1.1 * bright, "\(dark), \(middle), \(bright)")
    }

    // MARK: JPEG

    @Test func aPassIsTheFileOfALargerPicture() throws {
        let large = Image.scene(width: 80, height: 64)
        let inner = ImageRegion(x: 16, y: 16, width: 48, height: 32)
        // Blocks that begin where those of the larger picture do, and meet nothing of what lies beyond.
        let pass = JPEGPass(quality: 60, subsamplesColor: false)
        var encoding = ImageEncoding(format: .jpeg, jpegQuality: 60)
        encoding.jpegSubsamplesColor = false
        let whole = try decodeImage(encodeImage(large, as: encoding, path: "x"), path: "x").image
        #expect(try pass.apply(to: large.cropped(to: inner)).image == whole.cropped(to: inner))
        let shifted = JPEGPass(quality: 60, subsamplesColor: false, columnOffset: 3, rowOffset: 0)
        #expect(try shifted.apply(to: large.cropped(to: inner)).image != whole.cropped(to: inner))
    }

    @Test func blocksBeginAtTheOffset() throws {
        // So coarse that hardly more than a mean is left of each block: steps stand between blocks alone.
        let ramp = Image(
            width: 64, height: 64, channelLayout: .gray,
            samples: .uint8((0..<64 * 64).map { UInt8(2 * ($0 % 64) + 60) }))
        for offset in [0, 3, 8, 13] {
            let pass = JPEGPass(quality: 1, subsamplesColor: true, columnOffset: offset, rowOffset: 5)
            let found = try pass.apply(to: ramp).image
            #expect((found.width, found.height, found.channelLayout) == (64, 64, .gray))
            let row = found.values[64..<128]
            let steps = zip(row, row.dropFirst()).enumerated().filter { $0.element.0 != $0.element.1 }.map {
                $0.offset + 1
            }
            #expect(!steps.isEmpty && steps.allSatisfy { ($0 + offset) % 8 == 0 }, "\(offset): \(steps)")
        }
    }

    @Test func qualityAndSubsamplingMatter() throws {
        var generator = SeededGenerator(seed: 8)
        let clean = Image.scene(width: 96, height: 96)
        let image = try GaussianNoise(sigma: 15).degrade(clean, generator: &generator)
        func error(_ quality: Int, _ subsamples: Bool) throws -> Double {
            try meanSquaredError(JPEGPass(quality: quality, subsamplesColor: subsamples).apply(to: image).image, image)
        }
        #expect(try error(50, false) > error(75, false) && error(75, false) > error(95, false))
        #expect(try error(95, true) > 2 * error(95, false))
    }

    @Test(arguments: [(1, 1), (1, 9), (7, 5), (16, 16), (17, 33)], [Image.ChannelLayout.gray, .rgb])
    func passesTakeAnySize(size: (Int, Int), layout: Image.ChannelLayout) throws {
        let image = Image.scene(width: size.0, height: size.1, layout)
        for offset in [0, 15] {
            let pass = JPEGPass(quality: 95, subsamplesColor: true, columnOffset: offset, rowOffset: 15 - offset)
            let found = try pass.apply(to: image).image
            #expect((found.width, found.height, found.channelLayout) == (size.0, size.1, layout))
            #expect(try peakSignalToNoiseRatio(found, image) > 28)
        }
    }

    @Test func theSharesOfPassesAreThoseSaid() {
        var generator = SeededGenerator(seed: 9)
        let passes = (0..<2000).map { _ in JPEGPass.randomPasses(qualities: 50...95, using: &generator) }
        #expect(abs(passes.filter { $0.isEmpty }.count - 500) < 100)
        #expect(abs(passes.filter { $0.count == 2 }.count - 450) < 100)
        let all = passes.joined()
        #expect(Set(all.map(\.quality)) == Set(50...95))
        #expect(Set(all.map(\.columnOffset)) == Set(0..<16) && Set(all.map(\.rowOffset)) == Set(0..<16))
    }
}
