import RestoreImage
import RestoreModels
import RestoreNN
import TestSupport
import Testing

/// The largest difference of two vectors in any component.
private func worst<Vector: SIMD<Float>>(_ a: Vector, _ b: Vector) -> Float {
    a.indices.map { abs(a[$0] - b[$0]) }.max() ?? 0
}

@Suite struct ChromaTests {
    @Test func aColorIsItsLumaAndItsChroma() {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<200 {
            let color = SIMD3(Float(generator.uniform()), Float(generator.uniform()), Float(generator.uniform()))
            let luma = Luma.of(color.x, color.y, color.z)
            let chroma = Chroma.of(color.x, color.y, color.z)
            #expect(abs(chroma.x) <= 0.5001 && abs(chroma.y) <= 0.5001)
            let again = Chroma.color(luma: luma, chroma)
            #expect(worst(again, color) < 1e-4, "\(color)")
        }
        // ITU-R BT.601-7, section 2.5.2: blue and red have the extreme values.
        #expect(abs(Chroma.of(0, 0, 1).x - 0.5) < 1e-4 && abs(Chroma.of(1, 0, 0).y - 0.5) < 1e-4)
        #expect(worst(Chroma.of(0.3, 0.3, 0.3), SIMD2()) < 1e-6)
    }

    /// Chroma that the RGB cube has no room for is reduced; luma and hue stay.
    @Test func lumaStaysWhateverTheChroma() {
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<500 {
            let luma = Float(generator.uniform())
            let chroma = SIMD2(2 * Float(generator.uniform()) - 1, 2 * Float(generator.uniform()) - 1)
            let color = Chroma.color(luma: luma, chroma)
            #expect(color.min() >= -1e-5 && color.max() <= 1 + 1e-5, "\(luma), \(chroma)")
            #expect(abs(Luma.of(color.x, color.y, color.z) - luma) < 2e-4)
            let left = Chroma.of(color.x, color.y, color.z)
            let turn: Float = left.x * chroma.y - left.y * chroma.x
            #expect(abs(turn) < 2e-3, "the hue stays")
        }
        #expect(Chroma.color(luma: 0, SIMD2(0.4, -0.2)) == SIMD3())
        #expect(Chroma.color(luma: 1, SIMD2(0.4, -0.2)) == SIMD3(repeating: 1))
    }

    private func encoded(_ chroma: SIMD2<Float>) -> (bins: [Float], shares: [Float]) {
        var (bins, shares) = ([Float](repeating: .nan, count: 4), [Float](repeating: .nan, count: 4))
        bins.withUnsafeMutableBufferPointer { bins in
            shares.withUnsafeMutableBufferPointer { shares in
                guard let bins = bins.baseAddress, let shares = shares.baseAddress else { return }
                ChromaBins.encode(chroma, bins: bins, shares: shares)
            }
        }
        return (bins, shares)
    }

    /// The mean of a color's bins is the color: nothing is lost by the encoding.
    @Test func theMeanOfTheBinsIsTheChroma() {
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<500 {
            let chroma = Chroma.of(
                Float(generator.uniform()), Float(generator.uniform()), Float(generator.uniform()))
            let (bins, shares) = encoded(chroma)
            #expect(abs(shares.reduce(0, +) - 1) < 1e-5)
            var mean = SIMD2<Float>()
            for (bin, share) in zip(bins, shares) where bin >= 0 { mean += share * ChromaBins.centers[Int(bin)] }
            // At the rim of the plane a neighbor may not exist.
            let tolerance: Float = bins.contains(-1) || worst(chroma, SIMD2()) > 0.47 ? 0.05 : 1e-4
            #expect(worst(mean, chroma) < tolerance, "\(chroma) became \(mean)")
        }
    }

    @Test func binsAreThoseThatColorsReach() {
        // Zhang et al. (2016) have 313 in the ab plane.
        #expect((200...350).contains(ChromaBins.count), "\(ChromaBins.count)")
        #expect(Set(ChromaBins.centers.map { "\($0)" }).count == ChromaBins.count)
        for corner in 0..<8 {
            let color = SIMD3<Float>(Float(corner & 1), Float(corner >> 1 & 1), Float(corner >> 2))
            let (bins, shares) = encoded(Chroma.of(color.x, color.y, color.z))
            #expect(zip(bins, shares).contains { $0 >= 0 && $1 > 0 }, "\(color)")
        }
    }
}

@Suite struct GuidedChromaTests {
    private func row(
        _ guided: GuidedChroma, _ y: Int, luma: [Float], height: Int
    ) -> [SIMD2<Float>] {
        var result = [SIMD2<Float>](repeating: SIMD2(repeating: .nan), count: luma.count)
        luma.withUnsafeBufferPointer { luma in
            result.withUnsafeMutableBufferPointer { result in
                guard let luma = luma.baseAddress, let chroma = result.baseAddress else { return }
                guided.write(row: y, of: height, luma: luma, fullWidth: result.count, to: chroma)
            }
        }
        return result
    }

    @Test func constantChromaStays() {
        var generator = SeededGenerator(seed: 4)
        let luma = (0..<(9 * 7)).map { _ in Float(generator.uniform()) }
        let chroma = SIMD2<Float>(0.2, -0.1)
        let guided = GuidedChroma([SIMD2<Float>](repeating: chroma, count: 63), luma: luma, width: 9, height: 7)
        for y in [0, 20, 41] {
            let found = row(guided, y, luma: (0..<54).map { _ in Float(generator.uniform()) }, height: 42)
            #expect(found.allSatisfy { worst($0, chroma) < 2e-4 })
        }
    }

    /// A blue thing beside a red one, dark and bright: at eight times the size, the colors meet where the luma steps and
    /// not pixels beside it.
    @Test func colorsStopAtEdges() {
        let (width, height) = (16, 4)
        let isRight = (0..<(width * height)).map { $0 % width >= 8 }
        let guided = GuidedChroma(
            isRight.map { $0 ? SIMD2(0.3, -0.1) : SIMD2(-0.1, 0.3) }, luma: isRight.map { $0 ? 0.8 : 0.2 },
            width: width, height: height)
        let found = row(guided, 16, luma: (0..<128).map { $0 >= 64 ? 0.8 : 0.2 }, height: 32)
        #expect(found[62].x < -0.06 && found[63].x < -0.06, "\(found[60..<64])")
        #expect(found[64].x > 0.26 && found[65].x > 0.26, "\(found[64..<68])")
        #expect(abs(found[10].x + 0.1) < 0.02 && abs(found[120].x - 0.3) < 0.02)
    }

    @Test(arguments: [(1, 1), (1, 5), (3, 1)]) func smallSizesWork(width: Int, height: Int) {
        let count = width * height
        let guided = GuidedChroma(
            [SIMD2<Float>](repeating: SIMD2(0.1, 0.2), count: count), luma: [Float](repeating: 0.5, count: count),
            width: width, height: height)
        let found = row(guided, 0, luma: [0.5, 0.1, 0.9], height: 1)
        #expect(found.allSatisfy { worst($0, SIMD2(0.1, 0.2)) < 1e-4 })
    }
}
