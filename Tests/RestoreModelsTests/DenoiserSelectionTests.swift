import RestoreConcurrency
import ModelTestSupport
import RestoreImage
import RestoreModels
import TestSupport
import Testing

@Suite struct DenoiserSelectionTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try folder.write(TinyModel().file(), "denoise-color/model.safetensors")
    }

    private func installPhoto() throws {
        let architecture = DenoiserArchitecture(checking: [4, 8], blocks: [1, 1], isBlind: true)
        try folder.write(TinyModel(architecture).file(), "denoise-photo/model.safetensors")
    }

    private let white = PictureAnalysis.Noise.white(NoiseLevelMap(uniform: 9))
    private let photograph = PictureAnalysis.Noise.photograph(level: 20)

    /// - Returns: the selection, and the files that it has read by now.
    private func selection() -> (DenoiserSelection, () -> [String]) {
        var read: [String] = []
        let selection = DenoiserSelection(
            catalog: ModelCatalog(folders: [folder.path]), pool: WorkerPool(workerCount: 1)
        ) { read.append($0) }
        return (selection, { read })
    }

    @Test func eachModelIsLoadedWhenItIsNeededAndOnce() throws {
        try installPhoto()
        let (selection, read) = selection()
        #expect(read() == [])
        let first = try selection.denoiser(for: white)
        #expect(first.name == "denoise-color" && !first.denoiser.architecture.isBlind)
        #expect(try selection.denoiser(for: white).denoiser === first.denoiser)
        #expect(try selection.denoiser(named: "denoise-color").denoiser === first.denoiser)
        #expect(read() == [folder("denoise-color/model.safetensors")])
        let photo = try selection.denoiser(for: photograph)
        #expect(photo.name == "denoise-photo" && photo.denoiser.architecture.isBlind)
        #expect(try selection.denoiser(for: photograph).denoiser === photo.denoiser)
        #expect(read() == ["denoise-color", "denoise-photo"].map { folder("\($0)/model.safetensors") })
    }

    /// The network for white noise serves where there is nothing to remove, and is better where there is little.
    @Test func theNoiseChoosesTheModel() {
        let noises: [PictureAnalysis.Noise] = [
            .none, white, .photograph(level: 4), photograph, .compressed(level: 2), .compressed(level: 14),
        ]
        let (color, photo, jpeg) = ("denoise-color", "denoise-photo", "denoise-jpeg")
        #expect(noises.map { DenoiserSelection.name(for: $0) } == [color, color, color, photo, jpeg, jpeg])
    }

    @Test func withoutAnotherModelTheOneForWhiteNoiseServes() throws {
        let (selection, read) = selection()
        #expect(try selection.denoiser(for: photograph).name == "denoise-color")
        #expect(try selection.denoiser(for: white).name == "denoise-color")
        #expect(try selection.denoiser(for: .compressed(level: 9)).name == "denoise-color")
        #expect(read().count == 1)
    }

    @Test func aDamagedModelIsNotPassedOver() throws {
        try folder.write([1, 2, 3], "denoise-photo/model.safetensors")
        let (selection, _) = selection()
        let error = #expect(throws: ModelError.self) { try selection.denoiser(for: photograph) }
        #expect(error?.description.contains("denoise-photo") == true)
    }

    @Test func withoutAnyModelTheMissingOneIsNamed() {
        let selection = DenoiserSelection(
            catalog: ModelCatalog(folders: []), pool: WorkerPool(workerCount: 1))
        #expect(throws: ModelError.notFound(name: "denoise-color", searched: [])) {
            try selection.denoiser(for: photograph)
        }
    }

    /// Those that gave their memory back work as before.
    @Test func choosingBackAndForthChangesNoResult() throws {
        try installPhoto()
        let (selection, _) = selection()
        let image = Image.scene(width: 60, height: 44)
        func results() throws -> [Image] {
            try [white, photograph].map { noise in
                try selection.denoiser(for: noise).denoiser.denoise(image, options: .init(noiseLevel: .sigma(9))).image
            }
        }
        let first = try results()
        #expect(first[0] != first[1])
        #expect(try results() == first)
    }
}
