import ModelTestSupport
import RestoreConcurrency
import RestoreImage
import RestoreModels
import TestSupport
import Testing

@Suite struct ResidualEvidenceTests {
    private typealias Noise = PictureAnalysis.Noise
    private let white = Noise.white(NoiseLevelMap(uniform: 9))
    private let weak = Noise.photograph(level: 5)
    private let damage = Noise.compressed(level: 8)

    private func verdicts(_ evidence: ResidualEvidence, isCompressed: Bool = false) -> [Noise] {
        [.none, white, weak, damage].map { evidence.verdict(on: $0, isCompressed: isCompressed) }
    }

    @Test func strongEvenNoiseIsRecognizedUnlessItIsWhite() {
        let found = Noise.recognized(strength: 6)
        #expect(verdicts(.init(strength: 6, variation: 0.3, chroma: 0.3)) == [found, white, found, found])
        #expect(verdicts(.init(strength: 6, variation: 0.3, chroma: nil)) == [found, white, found, found])
    }

    /// A network for white noise removes it as well, and keeps more.
    @Test func weakNoiseIsRecognizedOnlyWhereStatisticsFindNone() {
        let evidence = ResidualEvidence(strength: 3, variation: 0.3, chroma: 0.3)
        #expect(verdicts(evidence) == [.recognized(strength: 3), white, weak, damage])
    }

    @Test func whatIsTakenUnevenlyIsTexture() {
        #expect(verdicts(.init(strength: 6, variation: 1.3, chroma: 0.3)) == [.none, white, weak, damage])
    }

    /// As from sand: the same from all channels, here more and there less.
    @Test func whatHasNoChromaIsNoiseOnlyIfItIsNormallyDistributed() {
        let sand = ResidualEvidence(strength: 8, variation: 0.3, chroma: 0.01, kurtosis: 6)
        #expect(verdicts(sand) == [.none, white, weak, damage])
        let grain = ResidualEvidence(strength: 8, variation: 0.3, chroma: 0.01, kurtosis: 3.4)
        #expect(grain.verdict(on: .none, isCompressed: false) == .recognized(strength: 8))
    }

    /// JPEG leaves little of weak noise, and what statistics find there counts.
    @Test func whereHardlyAnythingIsTakenThereIsNoNoise() {
        let evidence = ResidualEvidence(strength: 0.5, variation: 0.3, chroma: 0.3)
        #expect(verdicts(evidence) == [.none, white, .none, damage])
        #expect(verdicts(evidence, isCompressed: true) == [.none, white, weak, damage])
    }

    // MARK: Measurement

    private func denoiser() -> Denoiser {
        let architecture = DenoiserArchitecture(checking: [4, 8], blocks: [1, 1], isBlind: true)
        return TinyModel(architecture).denoiser()
    }

    private func evidence(_ image: Image) throws -> ResidualEvidence? {
        try ResidualEvidence(of: image, by: denoiser(), options: .init(noiseLevel: .automatic))
    }

    /// The definitions, computed from the whole result.
    @Test func itMeasuresWhatTheDenoiserTakes() throws {
        let image = Image.scene(width: 96, height: 64, seed: 3)
        let found = try #require(try evidence(image))
        let result = try denoiser().denoise(image, options: .init(noiseLevel: .automatic)).image
        let differences = zip(result.values, image.values).map { Double($0 - $1) }
        let energy = differences.reduce(0) { $0 + $1 * $1 } / Double(differences.count)
        let means = stride(from: 0, to: differences.count, by: 3).map { differences[$0..<($0 + 3)].reduce(0, +) / 3 }
        let common = means.reduce(0) { $0 + $1 * $1 } / Double(means.count)
        let fourth = means.reduce(0) { $0 + $1 * $1 * $1 * $1 } / Double(means.count)
        #expect(energy > 1, "the denoiser changes something")
        #expect(abs(found.strength - energy.squareRoot()) < 1e-3 * energy)
        #expect(abs(try #require(found.chroma) - (1 - common / energy)) < 1e-3)
        #expect(abs(found.kurtosis - fourth / (common * common)) < 0.01)
        #expect(found.variation > 0)
    }

    /// A large picture is examined in windows, a gray one has no chroma, and there is nothing to see in one color.
    @Test func picturesOfEveryKindAreMeasured() throws {
        #expect(try evidence(Image.scene(width: 900, height: 700, seed: 3)) != nil)
        #expect(try #require(try evidence(Image.scene(width: 64, height: 64, seed: 3).inGray())).chroma == nil)
        #expect(try evidence(Image(width: 64, height: 64, channelLayout: .rgb, bitDepth: 8)) == nil)
        #expect(try evidence(Image.scene(width: 17, height: 20, seed: 3)) == nil)
    }
}
