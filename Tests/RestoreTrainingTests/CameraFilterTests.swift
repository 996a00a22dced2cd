import Glibc
import RestoreNN
import RestoreTraining
import TestSupport
import Testing

@Suite struct CameraFilterTests {
    private static let phases = [(0, 0), (1, 0), (0, 1), (1, 1)]

    private func mosaics() -> [BayerMosaic] {
        BayerMosaic.Demosaicking.allCases.flatMap { method in
            Self.phases.map { BayerMosaic(columnPhase: $0.0, rowPhase: $0.1, demosaicking: method) }
        }
    }

    /// The mosaic of a picture, and what becomes of it.
    private func demosaicked(
        _ mosaic: BayerMosaic, width: Int, height: Int, _ value: (_ channel: Int, _ x: Int, _ y: Int) -> Float
    ) -> NoisePlanes {
        var planes = NoisePlanes(width: width, height: height, margin: 0)
        var counted: [Float] = []
        for y in 0..<height {
            for x in 0..<width { counted.append(value(mosaic.color(column: x, row: y), x, y)) }
        }
        counted.withUnsafeBufferPointer { buffer in
            if let base = buffer.baseAddress { mosaic.interpolate(base, to: &planes) }
        }
        return planes
    }

    // MARK: Demosaicking

    @Test func thePatternIsThatOfBayer() {
        let mosaic = BayerMosaic(columnPhase: 0, rowPhase: 0, demosaicking: .bilinear)
        #expect([(0, 0), (1, 0), (0, 1), (1, 1)].map { mosaic.color(column: $0.0, row: $0.1) } == [0, 1, 1, 2])
        for mosaic in mosaics() {
            let colors = (0..<4).map { mosaic.color(column: $0 & 1, row: $0 >> 1) }
            #expect(colors.sorted() == [0, 1, 1, 2])
            #expect(mosaic.color(column: 5, row: 8) == mosaic.color(column: 1, row: 0))
        }
    }

    /// A gray ramp comes back as it is, but at the edges: nothing moves, whatever the phase.
    @Test func aRampStaysInItsPlace() {
        for mosaic in mosaics() {
            let (width, height) = (13, 11)
            let planes = demosaicked(mosaic, width: width, height: height) { _, x, y in Float(3 * x + 7 * y) }
            for channel in 0..<3 {
                for y in 2..<height - 2 {
                    for x in 2..<width - 2 {
                        let found = planes.values[(channel * height + y) * width + x]
                        #expect(abs(found - Float(3 * x + 7 * y)) < 1e-3, "\(mosaic), \(channel), (\(x), \(y))")
                    }
                }
            }
        }
    }

    @Test(arguments: [(1, 1), (2, 1), (1, 3), (2, 2), (3, 5), (7, 4)])
    func constantColorsStayWhateverTheSize(width: Int, height: Int) {
        for mosaic in mosaics() {
            // What a size of 1 does not hold of the pattern cannot come back.
            let isWhole = width > 1 && height > 1
            let planes = demosaicked(mosaic, width: width, height: height) { channel, _, _ in
                isWhole && mosaic.demosaicking == .bilinear ? Float(channel + 1) : 2
            }
            for channel in 0..<3 {
                let expected: Float = isWhole && mosaic.demosaicking == .bilinear ? Float(channel + 1) : 2
                for index in 0..<width * height {
                    #expect(abs(planes.values[channel * width * height + index] - expected) < 1e-5, "\(mosaic)")
                }
            }
        }
    }

    /// Figure 2 of Malvar, He & Cutler, in eighths, written out.
    @Test func theFiltersAreThoseOfThePaper() {
        let green: [Float] = [0, 0, -1, 0, 0, 0, 0, 2, 0, 0, -1, 2, 4, 2, -1, 0, 0, 2, 0, 0, 0, 0, -1, 0, 0]
        let row: [Float] = [0, 0, 0.5, 0, 0, 0, -1, 0, -1, 0, -1, 4, 5, 4, -1, 0, -1, 0, -1, 0, 0, 0, 0.5, 0, 0]
        let opposite: [Float] = [
            0, 0, -1.5, 0, 0, 0, 2, 0, 2, 0, -1.5, 0, 6, 0, -1.5, 0, 2, 0, 2, 0, 0, 0, -1.5, 0, 0,
        ]
        let column = (0..<25).map { row[$0 % 5 * 5 + $0 / 5] }
        var generator = SeededGenerator(seed: 5)
        let (width, height) = (12, 10)
        let counted = (0..<width * height).map { _ in Float(generator.normal()) }
        for mosaic in mosaics() where mosaic.demosaicking == .gradientCorrected {
            let planes = demosaicked(mosaic, width: width, height: height) { _, x, y in counted[y * width + x] }
            for y in 2..<height - 2 {
                for x in 2..<width - 2 {
                    func filtered(_ weights: [Float]) -> Float {
                        (0..<25).reduce(0) { $0 + weights[$1] / 8 * counted[(y + $1 / 5 - 2) * width + x + $1 % 5 - 2] }
                    }
                    let own = counted[y * width + x]
                    // In a row of reds the red beside a green lies to its left and right.
                    let isRedRow = mosaic.color(column: x + 1, row: y) == 0
                    let expected: [Float] =
                        switch mosaic.color(column: x, row: y) {
                        case 0: [own, filtered(green), filtered(opposite)]
                        case 2: [filtered(opposite), filtered(green), own]
                        default: [filtered(isRedRow ? row : column), own, filtered(isRedRow ? column : row)]
                        }
                    for channel in 0..<3 {
                        let found = planes.values[(channel * height + y) * width + x]
                        #expect(abs(found - expected[channel]) < 1e-5, "\(mosaic), (\(x), \(y)), \(channel)")
                    }
                }
            }
        }
    }

    // MARK: Blur

    private func blurred(_ values: [Float], _ blur: GaussianBlur, width: Int, height: Int) -> [Float] {
        var (plane, scratch) = (values, values)
        plane.withUnsafeMutableBufferPointer { plane in
            scratch.withUnsafeMutableBufferPointer { scratch in
                guard let start = plane.baseAddress, let room = scratch.baseAddress else { return }
                blur.apply(to: start, scratch: room, width: width, height: height)
            }
        }
        return plane
    }

    @Test(arguments: [(1, 1), (2, 7), (9, 1), (5, 4), (23, 17)], [0, 0.4, 1, 2])
    func blurringIsASumOverTheNeighbors(size: (Int, Int), sigma: Double) {
        let (width, height) = size
        var generator = SeededGenerator(seed: 3)
        let values = (0..<width * height).map { _ in Float(generator.normal()) }
        let found = blurred(values, GaussianBlur(sigma: sigma), width: width, height: height)
        let radius = Int((3 * sigma).rounded(.up))
        func weight(_ d: Int) -> Double { d == 0 ? 1 : exp(-Double(d * d) / (2 * sigma * sigma)) }
        let total = (-radius...radius).reduce(0.0) { $0 + weight($1) }
        for y in 0..<height {
            for x in 0..<width {
                var sum = 0.0
                for dy in -radius...radius {
                    for dx in -radius...radius {
                        let (u, v) = (min(max(x + dx, 0), width - 1), min(max(y + dy, 0), height - 1))
                        sum += weight(dx) * weight(dy) * Double(values[v * width + u])
                    }
                }
                #expect(abs(Double(found[y * width + x]) - sum / (total * total)) < 1e-5, "(\(x), \(y))")
            }
        }
    }

    @Test(arguments: [0.3, 0.7, 1, 2])
    func unitEnergyKeepsTheStrengthOfWhiteNoise(sigma: Double) {
        let weights = GaussianBlur(sigma: sigma, scale: .unitEnergy).weights
        let energy = weights.dropFirst().reduce(weights[0] * weights[0]) { $0 + 2 * $1 * $1 }
        #expect(abs(energy - 1) < 1e-5)
    }

    // MARK: Processing

    private func noise(_ side: Int) -> NoisePlanes {
        var planes = NoisePlanes(width: side, height: side, margin: 0)
        var generator = SeededGenerator(seed: 4)
        for index in planes.values.indices { planes.values[index] = Float(generator.normal()) }
        return planes
    }

    private func luminance(_ planes: NoisePlanes) -> [Float] {
        let (values, count) = (planes.values, planes.pixelCount)
        return (0..<count).map { index -> Float in
            let (red, green, blue) = (values[index], values[index + count], values[index + 2 * count])
            return 0.2126 * red + 0.7152 * green + 0.0722 * blue
        }
    }

    private func blueDifference(_ planes: NoisePlanes) -> [Float] {
        zip(planes.values.suffix(planes.pixelCount), luminance(planes)).map { $0 - $1 }
    }

    private func deviation(_ values: [Float]) -> Float {
        (values.reduce(0) { $0 + $1 * $1 } / Float(values.count)).squareRoot()
    }

    @Test func smoothingColorLeavesLuminanceAndTheOtherWayRound() {
        let before = noise(40)
        var (color, light, sharp) = (before, before, before)
        CameraProcessing(luminanceSigma: 0, chromaSigma: 1.5, sharpening: 0).apply(to: &color)
        expectClose(luminance(color), luminance(before), "luminance")
        #expect(deviation(blueDifference(color)) < 0.3 * deviation(blueDifference(before)))
        CameraProcessing(luminanceSigma: 0.8, chromaSigma: 0, sharpening: 0).apply(to: &light)
        expectClose(blueDifference(light), blueDifference(before), "differences")
        #expect(deviation(luminance(light)) < 0.6 * deviation(luminance(before)))
        CameraProcessing(luminanceSigma: 0, chromaSigma: 0, sharpening: 0.5).apply(to: &sharp)
        #expect(deviation(luminance(sharp)) > 1.3 * deviation(luminance(before)))
        var same = before
        CameraProcessing.none.apply(to: &same)
        #expect(same.values == before.values)
    }
}
