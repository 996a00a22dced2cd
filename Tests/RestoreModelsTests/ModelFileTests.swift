import RestoreConcurrency
import ModelTestSupport
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN
import TestSupport
import Testing

/// Model files: what a denoiser loads and what it refuses.
@Suite struct ModelFileTests {
    private let folder: TemporaryFolder
    private let pool = WorkerPool(workerCount: 1)

    init() throws {
        folder = try TemporaryFolder()
    }

    /// What loading these bytes throws.
    private func loadingError(_ bytes: [UInt8]) throws -> ModelError? {
        let path = try folder.write(bytes, "model.safetensors")
        do throws(ModelError) {
            _ = try Denoiser(path: path, pool: pool)
            return nil
        } catch {
            #expect("\(error)".hasPrefix(path), "the message names the file")
            #expect(!"\(error)".contains("\n"))
            return error
        }
    }

    @Test func aFileGivesTheSameDenoiser() throws {
        let model = TinyModel()
        let path = try folder.write(model.file(), "model.safetensors")
        let loaded = try Denoiser(path: path, pool: pool)
        #expect(loaded.architecture == model.architecture)
        #expect(loaded.metadata.notes["license"] == "none")
        let image = Image.scene(width: 40, height: 30)
        let options = Denoiser.Options(noiseLevel: .sigma(25))
        #expect(
            try loaded.denoise(image, options: options).image
                == model.denoiser().denoise(image, options: options).image)
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity])
    func weightsThatAreNotFiniteAreRefused(value: Float) throws {
        var model = TinyModel()
        model.parameters.values[model.parameters.values.count / 2] = value
        guard case .weights(.notFinite(_, let tensor)) = try loadingError(model.file()) else {
            Issue.record("expected notFinite")
            return
        }
        #expect(model.parameters.layout.entries.contains { $0.specification.name == tensor })
    }

    @Test func everyDamagedByteIsNoticed() throws {
        let bytes = TinyModel().file()
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<200 {
            var damaged = bytes
            damaged[generator.index(below: bytes.count)] ^= UInt8(1 << generator.index(below: 8))
            #expect(try loadingError(damaged) != nil)
        }
    }

    @Test func everyTruncationIsNoticed() throws {
        let bytes = TinyModel().file()
        for count in [0, 1, 7, 8, 9, 100, bytes.count / 2, bytes.count - 4, bytes.count - 1] {
            #expect(try loadingError(Array(bytes[..<count])) != nil)
        }
        #expect(try loadingError(bytes + [0]) != nil)
    }

    @Test func aModelForSomethingElseIsNamed() throws {
        var metadata = TinyModel().metadata
        metadata.task = "colorize"
        let error = try loadingError(TinyModel().file(metadata: metadata.dictionary))
        #expect(error == .wrongTask(path: folder("model.safetensors"), expected: "denoise", found: "colorize"))
        #expect("\(try #require(error))".contains("\"colorize\""))
    }

    @Test func aFileThatSaysNothingIsNoModel() throws {
        let error = try loadingError(TinyModel().file(metadata: [:]))
        #expect(error == .wrongTask(path: folder("model.safetensors"), expected: "denoise", found: nil))
        let untold = try loadingError(TinyModel().file(metadata: ["restore.task": "denoise"]))
        guard case .badArchitecture = untold else {
            Issue.record("expected badArchitecture, found \(String(describing: untold))")
            return
        }
    }

    @Test func tensorsMustBeThoseOfTheArchitecture() throws {
        let model = TinyModel()
        let other = try #require(DenoiserArchitecture(checking: [4, 9], blocksPerLevel: 1))
        var metadata = model.metadata
        metadata.architecture = other.json
        guard case .weights(.wrongShape) = try loadingError(model.file(metadata: metadata.dictionary)) else {
            Issue.record("expected wrongShape")
            return
        }
        let deeper = try #require(DenoiserArchitecture(checking: [4, 8], blocksPerLevel: 2))
        metadata.architecture = deeper.json
        guard case .weights(.missingTensor) = try loadingError(model.file(metadata: metadata.dictionary)) else {
            Issue.record("expected missingTensor")
            return
        }
        let shallower = try #require(DenoiserArchitecture(checking: [4], blocksPerLevel: 1))
        metadata.architecture = shallower.json
        guard case .weights(.unexpectedTensor) = try loadingError(model.file(metadata: metadata.dictionary)) else {
            Issue.record("expected unexpectedTensor")
            return
        }
    }

    /// The largest network that the limits allow is refused by its missing tensors, not by running out of memory.
    @Test func theLargestArchitectureTakesNoMemoryBeforeItsTensorsAreThere() throws {
        var metadata = TinyModel().metadata
        metadata.architecture =
            #"{"blocksPerLevel":16,"name":"residual-unet","widths":[1024,1024,1024,1024,1024,1024]}"#
        #expect(try loadingError(TinyModel().file(metadata: metadata.dictionary)) != nil)
    }

    @Test func aMissingFileAndAFolderAreNamed() throws {
        let path = folder("nothing.safetensors")
        #expect(throws: ModelError.weights(.file(.notFound(path: path)))) { try Denoiser(path: path, pool: pool) }
        #expect(throws: ModelError.weights(.file(.isDirectory(path: folder.path)))) {
            try Denoiser(path: folder.path, pool: pool)
        }
    }

    // MARK: Metadata

    @Test func metadataRoundTrips() throws {
        let metadata = ModelMetadata(
            task: "denoise", architecture: "{}", notes: ["license": "CC0 „½“ \"quoted\" \\ \n", "empty": ""])
        let bytes = SafetensorsFile.serialize(
            [.init(name: "a", shape: [1], values: [1])], metadata: metadata.dictionary)
        var read = try ModelMetadata(SafetensorsFile(bytes: bytes, path: "m"))
        #expect(read.notes.removeValue(forKey: "checksum")?.hasPrefix("sha256:") == true)
        #expect(read == metadata)
    }

    @Test func otherProgramsMetadataIsPassedOver() throws {
        let bytes = SafetensorsFile.serialize(
            [.init(name: "a", shape: [1], values: [1])],
            metadata: ["format": "pt", "restore.task": "denoise", "restore.architecture": "x"])
        let read = try ModelMetadata(SafetensorsFile(bytes: bytes, path: "m"))
        #expect(Set(read.notes.keys) == ["checksum"])
    }
}
