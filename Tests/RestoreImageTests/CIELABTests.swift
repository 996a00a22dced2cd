import Glibc
import RestoreImage
import TestSupport
import Testing

@Suite struct CIELABTests {
    private func tolerance(_ absolute: Float) -> Tolerance { Tolerance(absolute: absolute, relative: 0) }

    /// Every color of a grid.
    private func grid(_ steps: Int) -> [Float] {
        let levels = (0...steps).map { Float($0) / Float(steps) }
        return levels.flatMap { r in levels.flatMap { g in levels.flatMap { b in [r, g, b] } } }
    }

    /// scikit-image's values: Fixtures/golden/cielab.py.
    @Test func agreesWithScikitImage() throws {
        let golden = try GoldenFile("cielab.safetensors").file
        let colors = try golden.values(of: "colors")
        let found = CIELAB.lab(fromSRGB: colors)
        expectClose(found, try golden.values(of: "exact"), "sRGB to Lab", tolerance: tolerance(2e-4))
        // Its own matrix and white are rounded.
        expectClose(found, try golden.values(of: "scikit"), "sRGB to Lab", tolerance: tolerance(0.015))
        expectClose(
            CIELAB.sRGB(fromLab: try golden.values(of: "exact")), colors, "Lab to sRGB", tolerance: tolerance(1e-5))
    }

    @Test func agreesOutsideTheGamut() throws {
        let golden = try GoldenFile("cielab.safetensors").file
        let (colors, lab) = (try golden.values(of: "wide/colors"), try golden.values(of: "wide/exact"))
        expectClose(CIELAB.lab(fromSRGB: colors), lab, "sRGB to Lab", tolerance: tolerance(8e-4))
        // The curve is steep at 0, and these colors are sums of far larger ones.
        expectClose(CIELAB.sRGB(fromLab: lab), colors, "Lab to sRGB", tolerance: tolerance(4e-5))
    }

    /// The conversion in double precision by the C library's functions, for every value of one channel at 16 bits.
    @Test func everyGrayIsGrayAndExact() {
        let grays = (0...65535).map { Float($0) / 65535 }
        let lab = CIELAB.lab(fromSRGB: grays.flatMap { [$0, $0, $0] })
        let expected = grays.map { gray -> Float in
            let value = Double(gray)
            let light = value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4)
            let f = light > 216.0 / 24389 ? cbrt(light) : light * 841 / 108 + 4.0 / 29
            return Float(116 * f - 16)
        }
        expectClose((0...65535).map { lab[3 * $0] }, expected, "L* of gray", tolerance: tolerance(5e-5))
        for pixel in 0...65535 where lab[3 * pixel + 1] != 0 || lab[3 * pixel + 2] != 0 {
            Issue.record("gray \(pixel) has chroma")
        }
        let back = CIELAB.sRGB(fromLab: lab)
        expectClose((0...65535).map { back[3 * $0] }, grays, "gray", tolerance: tolerance(2e-6))
        for pixel in 0...65535 {
            let (red, green, blue) = (back[3 * pixel], back[3 * pixel + 1], back[3 * pixel + 2])
            if red != green || green != blue { Issue.record("gray \(pixel) comes back with chroma") }
        }
    }

    @Test func theWayThereAndBackEndsWhereItBegan() throws {
        let colors = grid(40)
        expectClose(
            CIELAB.sRGB(fromLab: CIELAB.lab(fromSRGB: colors)), colors, "there and back", tolerance: tolerance(2e-5))
        // And 8-bit samples exactly.
        let image = Image.random(width: 200, height: 200, .rgb, bitDepth: 8, seed: 51)
        #expect(try image.colorized(with: CIELAB.sRGB(fromLab: CIELAB.lab(fromSRGB: image.floats()))) == image)
    }

    @Test func rangesAreThoseOfTheDocumentation() {
        let lab = CIELAB.lab(fromSRGB: grid(30))
        for (channel, range) in [(0, (0, 100)), (1, (-86.2, 98.3)), (2, (-107.9, 94.5))] as [(Int, (Float, Float))] {
            let values = stride(from: channel, to: lab.count, by: 3).map { lab[$0] }
            #expect(abs((values.min() ?? 0) - range.0) < 0.1 && abs((values.max() ?? 0) - range.1) < 0.1)
        }
    }

    @Test func stridesAndWhatLiesBetween() {
        let colors = grid(3)
        let count = colors.count / 3
        var wide = [Float](repeating: 7, count: 5 * count)
        for pixel in 0..<count { for c in 0..<3 { wide[5 * pixel + c] = colors[3 * pixel + c] } }
        let expected = CIELAB.lab(fromSRGB: colors)
        var lab = [Float](repeating: 8, count: 4 * count)
        CIELAB.fromSRGB(wide, pixelStride: 5, to: &lab, labStride: 4, count: count)
        var back = [Float](repeating: 9, count: 5 * count)
        CIELAB.toSRGB(lab, labStride: 4, to: &back, pixelStride: 5, count: count)
        let exact = CIELAB.sRGB(fromLab: expected)
        for pixel in 0..<count {
            #expect(lab[(4 * pixel)..<(4 * pixel + 3)] == expected[(3 * pixel)..<(3 * pixel + 3)])
            #expect(back[(5 * pixel)..<(5 * pixel + 3)] == exact[(3 * pixel)..<(3 * pixel + 3)])
            #expect(lab[4 * pixel + 3] == 8 && back[5 * pixel + 3] == 9 && back[5 * pixel + 4] == 9)
        }
    }

    // MARK: Gamut

    @Test func colorsOfTheGamutAreLeftAsTheyAre() {
        let lab = CIELAB.lab(fromSRGB: grid(40))
        var fitted = lab
        #expect(CIELAB.fitToGamut(&fitted, count: lab.count / 3) == 0)
        expectSameBits(fitted, lab, "colors within the gamut")
    }

    @Test func colorsOutsideKeepLightnessAndHue() {
        var generator = SeededGenerator(seed: 52)
        var lab: [Float] = []
        for _ in 0..<2000 {
            lab += [
                Float.random(in: -5...105, using: &generator), Float.random(in: -200...200, using: &generator),
                Float.random(in: -200...200, using: &generator),
            ]
        }
        var fitted = lab
        let changed = CIELAB.fitToGamut(&fitted, count: 2000)
        #expect(changed > 1000 && changed < 2000)
        let colors = CIELAB.sRGB(fromLab: fitted)
        #expect(colors.allSatisfy { $0 > -3e-5 && $0 < 1 + 3e-5 })
        var different = 0
        for pixel in 0..<2000 {
            let (old, new) = (lab[(3 * pixel)..<(3 * pixel + 3)], fitted[(3 * pixel)..<(3 * pixel + 3)])
            let (l, a, b) = (old[3 * pixel], old[3 * pixel + 1], old[3 * pixel + 2])
            let (newL, newA, newB) = (new[3 * pixel], new[3 * pixel + 1], new[3 * pixel + 2])
            #expect(newL == min(max(l, 0), 100))
            // The same direction, and no longer than it was.
            #expect(abs(a * newB - b * newA) < 1e-2 && a * newA >= 0 && b * newB >= 0)
            #expect(newA.magnitude <= a.magnitude && newB.magnitude <= b.magnitude)
            guard old != new else { continue }
            different += 1
            // A little more would be outside.
            guard (0...100).contains(l) else { continue }
            let more = CIELAB.sRGB(fromLab: [newL, newA + a / 1000, newB + b / 1000])
            #expect((more.min() ?? 0) < -1e-5 || (more.max() ?? 0) > 1 + 1e-5)
        }
        #expect(different == changed)
    }

    @Test func whatIsNotFiniteStaysSo() {
        for value in [Float.nan, .infinity, -.infinity] {
            for channel in 0..<3 {
                var pixel: [Float] = [50, 0, 0]
                pixel[channel] = value
                #expect(CIELAB.fitToGamut(&pixel, count: 1) == 0)
                #expect(CIELAB.sRGB(fromLab: pixel).contains { !$0.isFinite })
                var color: [Float] = [0.5, 0.5, 0.5]
                color[channel] = value
                #expect(CIELAB.lab(fromSRGB: color).contains { !$0.isFinite })
            }
        }
    }
}
