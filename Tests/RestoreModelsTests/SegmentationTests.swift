import RestoreConcurrency
import RestoreModels
import RestoreNN
import TestSupport
import Testing

/// The segmentation kind of autoencoder.
@Suite struct SegmentationTests {
    private let architecture = AutoencoderArchitecture(
        kind: .segmentation, height: 8, width: 12, channels: 3, hidden: [4, 5], codeSize: 6)
    private let pool = WorkerPool(workerCount: 2)

    @Test func itGivesElevenLogitsAPixel() throws {
        #expect(architecture.defect == nil && architecture.classCount == 11 && architecture.labelShape == nil)
        #expect(try AutoencoderArchitecture(json: architecture.json, path: "") == architecture)
        let shapes = try architecture.network.shapes(inputs: [Shape(batch: 2, height: 8, width: 12, channels: 3)])
        #expect(architecture.network.outputs.map { shapes[$0.index].description } == ["2×8×12×11"])
        #expect(!architecture.kind.reconstructs)
    }

    @Test func aPixelsClassIsThatOfItsGreatestLogit() throws {
        let parameters = Parameters(initializing: architecture.network, seed: 4)
        let segmenter = Segmenter(Model(architecture: architecture, parameters: parameters), pool: pool)
        var generator = SeededGenerator(seed: 3)
        let pictures = (0..<3).map { _ in generator.values(8 * 12 * 3) }
        let found = try segmenter.classes(of: pictures)
        #expect(found.count == 3 && Set(found.joined()).count > 1)
        for (picture, classes) in zip(pictures, found) {
            let shape = Shape(batch: 1, height: 8, width: 12, channels: 3)
            let logits = try infer(
                architecture.network, [Tensor(shape: shape, values: picture)], parameters: parameters.values,
                pool: pool)[0]
            for (pixel, label) in classes.enumerated() {
                let own = Array(logits.values[(11 * pixel)..<(11 * pixel + 11)])
                #expect(own.firstIndex(of: own.max() ?? 0) == label)
            }
        }
        #expect(try segmenter.classes(of: []).isEmpty)
    }

    @Test(
        arguments: [
            (
                #"{"name":"segmentation","height":10,"width":8,"channels":3,"hidden":[3,4],"code":2,"classes":11}"#,
                "halve"
            ),
            (#"{"name":"segmentation","height":8,"width":8,"channels":3,"hidden":[],"code":2,"classes":11}"#, "halve"),
            (
                #"{"name":"segmentation","height":8,"width":8,"channels":3,"hidden":[3],"code":2,"classes":1}"#,
                "classes"
            ),
            (#"{"name":"segmentation","height":8,"width":8,"channels":3,"hidden":[3],"code":2}"#, "classes"),
        ]) func whatAFileLacksIsNamed(json: String, reason: String)
    {
        let error = #expect(throws: ModelError.self) { try AutoencoderArchitecture(json: json, path: "a.safetensors") }
        let text = error.map { "\($0)" } ?? ""
        #expect(text.contains(reason) && text.contains("a.safetensors"), "\(text)")
    }
}
