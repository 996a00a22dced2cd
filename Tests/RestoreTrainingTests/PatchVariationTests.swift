import Glibc
import Logging
import ModelTestSupport
import RestoreConcurrency
import RestoreImage
import RestoreNN
import RestoreTraining
import TestSupport
import Testing

/// Patches whose size and colors are varied, and those that are drawn from nothing.
@Suite struct PatchVariationTests {
    private let pictures: PictureSet
    private static let side = 16

    /// One picture of stripes, ten pixels wide, in two colors.
    init() throws {
        let folder = try TemporaryFolder()
        let (red, blue): ([UInt8], [UInt8]) = ([200, 60, 60], [50, 90, 180])
        let samples: [UInt8] = (0..<(120 * 90)).flatMap { pixel in pixel % 120 / 10 % 2 == 0 ? red : blue }
        try folder.write(Image(width: 120, height: 90, channelLayout: .rgb, samples: .uint8(samples)), "a.png")
        pictures = try PictureSet(
            sources: [DataSource(path: folder.path)], minimumSide: Self.side, pool: WorkerPool(workerCount: 1),
            logger: LogRecorder().logger)
    }

    private func patches(_ variation: PatchVariation, synthetic: Double = 0, count: Int = 200) -> [[Float]] {
        let sampler = PatchSampler(
            pictures: pictures, side: Self.side, seed: 3, variation: variation, syntheticShare: synthetic)
        return (0..<count).map { step in
            var generator = sampler.generator(step: step, slot: 0)
            var colors = [Float](repeating: .nan, count: 3 * Self.side * Self.side)
            colors.withUnsafeMutableBufferPointer { buffer in
                if let base = buffer.baseAddress { sampler.draw(&generator, into: base) }
            }
            return colors
        }
    }

    private func distinctColors(_ patch: [Float]) -> Int {
        Set(stride(from: 0, to: patch.count, by: 3).map { Array(patch[$0..<($0 + 3)]) }).count
    }

    /// A reduction mixes the two colors at the stripes' edges; it does so in half of the patches.
    @Test func halfOfThePatchesAreReduced() {
        #expect(patches(.none).allSatisfy { distinctColors($0) <= 2 })
        let reduced = patches(PatchVariation(maximumReduction: 3, colorShare: 0))
        let count = reduced.count { distinctColors($0) > 2 }
        #expect((70...130).contains(count), "\(count) of 200")
        #expect(reduced.allSatisfy { $0.allSatisfy { (0...1).contains($0) } })
    }

    /// A picture that is hardly larger than a patch is reduced as far as it goes.
    @Test func aReductionStaysInsideThePicture() {
        #expect(patches(PatchVariation(maximumReduction: 16, colorShare: 0)).allSatisfy { $0.allSatisfy(\.isFinite) })
    }

    @Test func theShareOfVariedColorsIsKept() {
        let plain = Set(patches(.none).flatMap { patch in stride(from: 0, to: patch.count, by: 3).map { patch[$0] } })
        let varied = patches(PatchVariation(maximumReduction: 1, colorShare: 0.25))
        let count = varied.count { !plain.contains($0[0]) || !plain.contains($0[3 * 128]) }
        #expect((20...80).contains(count), "\(count) of 200")
        #expect(varied.allSatisfy { $0.allSatisfy { (0...1).contains($0) } && distinctColors($0) <= 2 })
        // Hues that the picture does not have: green above the other two.
        let all = patches(PatchVariation(maximumReduction: 1, colorShare: 1))
        #expect(all.contains { $0[1] > $0[0] + 0.2 && $0[1] > $0[2] + 0.2 })
        #expect(Set(all.map { $0[0] }).count > 150)
    }

    @Test func sharesOfSyntheticPatchesAreKept() {
        let synthetic = patches(.none, synthetic: 0.5).count { patch in
            let reds: [Float] = stride(from: 0, to: patch.count, by: 3).map { patch[$0] * 255 }
            return reds.contains { abs($0 - 200) > 0.1 && abs($0 - 50) > 0.1 }
        }
        #expect((70...130).contains(synthetic), "\(synthetic) of 200")
    }
}

@Suite struct SyntheticPictureTests {
    @Test func theNumberDecidesEverything() {
        let first = (0..<20).map { SyntheticPicture.image(side: 24, seed: 1, index: $0) }
        let again = (0..<20).map { SyntheticPicture.image(side: 24, seed: 1, index: $0) }
        #expect(first == again)
        #expect(Set(first.map(\.values)).count == 20)
        #expect(SyntheticPicture.image(side: 24, seed: 2, index: 0) != first[0])
    }

    @Test(arguments: [1, 2, 7, 64]) func everyPixelIsDrawn(side: Int) {
        for seed in 0..<60 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            var picture = SyntheticPicture(side: side, using: &generator)
            var colors = [Float](repeating: .nan, count: 3 * side * side + 1)
            colors.withUnsafeMutableBufferPointer { buffer in
                if let base = buffer.baseAddress { picture.draw(into: base) }
            }
            #expect(colors.removeLast().isNaN)
            #expect(colors.allSatisfy { (0...1).contains($0) }, "seed \(seed)")
        }
    }

    /// The statistics of natural images that the dead leaves are chosen for: differences between neighbors are mostly
    /// small and sometimes large, so their kurtosis is far above the 3 of noise.
    @Test func edgesAreRareAndStrong() {
        var (second, fourth, count) = (0.0, 0.0, 0.0)
        for index in 0..<40 {
            let image = SyntheticPicture.image(side: 64, seed: 5, index: index)
            let values = image.values
            let green = stride(from: 1, to: values.count, by: 3).map { Double(values[$0]) }
            for y in 0..<64 {
                for x in 1..<64 {
                    let step = green[64 * y + x] - green[64 * y + x - 1]
                    second += step * step
                    fourth += step * step * step * step
                    count += 1
                }
            }
        }
        #expect(fourth / count > 6 * (second / count) * (second / count))
        #expect((second / count).squareRoot() > 5)
    }
}
