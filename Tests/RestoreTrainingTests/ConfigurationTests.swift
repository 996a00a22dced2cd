import RestoreModels
import RestoreTraining
import Testing

/// Settings from YAML and from options.
@Suite struct ConfigurationTests {
    private func read(_ yaml: String) throws(ConfigurationError) -> DenoiserConfiguration {
        var configuration = DenoiserConfiguration()
        try configuration.read(yaml: Array(yaml.utf8), path: "the/file.yaml")
        return configuration
    }

    @Test func everySettingIsRead() throws {
        let found = try read(
            """
            # A comment.
            task: denoise
            data:
              - photos/a
              - path: "photos/ü b"
                weight: 2.5
            noise: photo
            max-sigma: 30
            gray-share: 0.25
            patch-size: 96
            widths: [16, 32]
            blocks: 3,1
            license: 'CC0: "all"'
            steps: none
            time-limit: 90s
            batch-size: 8
            optimizer: muon
            learning-rate: 1e-3
            muon-learning-rate: 0.03
            muon-momentum: 0.9
            loss: psnr
            seed: 18446744073709551615
            patience: 4
            checkpoint-minutes: 0.5
            """)
        #expect(found.data.map(\.path) == ["photos/a", "photos/ü b"] && found.data.map(\.weight) == [1, 2.5])
        #expect(found.noise == .photo && found.maximumSigma == 30 && found.grayShare == 0.25)
        #expect(found.patchSize == 96 && found.widths == [16, 32] && found.blocks == [3, 1])
        #expect(found.license == #"CC0: "all""#)
        let trainer = found.trainer
        #expect(trainer.steps == nil && trainer.timeLimit == 1.5 && trainer.batchSize == 8)
        #expect(trainer.learningRate == 1e-3 && found.loss == .psnr && trainer.seed == .max)
        #expect(trainer.optimizer == .muon && trainer.muonLearningRate == 0.03 && trainer.muonMomentum == 0.9)
        #expect(trainer.patience == 4 && trainer.checkpointMinutes == 0.5)
        // What is not named stays.
        #expect(trainer.averageDecay == DenoiserConfiguration().trainer.averageDecay)
    }

    @Test func whatIsWrittenIsReadAgain() throws {
        var configuration = DenoiserConfiguration()
        configuration.data = [
            DataSource(path: "plain/path.d"), DataSource(path: "odd: \"path\" #1\\\n\u{7}é", weight: 0.125),
            DataSource(path: "a\u{85}b\u{9F}c\u{2028}d\u{FEFF}e\u{FFFF}f"), DataSource(path: "\u{1F308}"),
            DataSource(path: "true"), DataSource(path: "12"), DataSource(path: "- a"), DataSource(path: ""),
        ]
        configuration.license = "Apache-2.0; see the card"
        configuration.trainer.epochs = 7
        configuration.trainer.timeLimit = 0.1
        configuration.trainer.learningRate = 1.1e-5
        configuration.trainer.initialModel = "/a/b.safetensors"
        #expect(try read(configuration.yaml) == configuration)
        #expect(try read(DenoiserConfiguration().yaml) == DenoiserConfiguration())
    }

    @Test(arguments: ["", "# nothing", "---", "{}"])
    func aFileThatSaysNothingChangesNothing(yaml: String) throws {
        #expect(try read(yaml) == DenoiserConfiguration())
    }

    @Test(arguments: [
        ("steps: 5\nbatchsize: 3", 2, "no setting \"batchsize\""), ("steps: many", 1, "\"many\""),
        ("steps: 0", 1, "from 1 to"), ("\n\nema: 1.5", 3, "\"ema\" takes a number"),
        ("noise: salt", 1, "gaussian, photo"), ("optimizer: sgd", 1, "adamw, adam, muon"),
        ("task: colorize", 1, "denoise"), ("data: photos", 1, "list of paths"),
        ("data:\n  - path: a\n    wait: 3", 2, "list of paths"), ("data:\n  - path: a\n    weight: -1", 2, "list"),
        ("steps: 5\nsteps: 6", 2, "twice"), ("widths: [16, x]", 1, "channels"), ("time-limit: 3d", 1, "90s"),
        ("learning-rate: nan", 1, "number"), ("steps: [5]", 1, "whole number"), ("- a\n- b", 1, "key: value"),
        ("just text", 1, "key: value"), ("a: 1\n---\nb: 2", 2, "second document"),
        ("steps: 5\n---\nseed: 2", 2, "second document"),
        ("x: &a 1\ny: *a", 2, "alias"), ("[1]: 2", 1, "key"), ("seed: \"unended", 1, "YAML"), ("\u{0}", 1, "YAML"),
        ("steps: 5\n\tseed: 1", 2, "YAML"),
    ])
    func whatIsWrongIsNamedWithItsLine(yaml: String, line: Int, reason: String) throws {
        let error = try #require(throws: ConfigurationError.self) { try read(yaml) }
        #expect(error.path == "the/file.yaml")
        #expect(error.line.map { $0 >= line && $0 <= line + 1 } == true, "\(error)")
        #expect(error.description.hasPrefix("the/file.yaml:") && error.description.contains(reason), "\(error)")
    }

    @Test func nestingHasAnEnd() throws {
        let deep = "widths: " + String(repeating: "[", count: 100_000)
        #expect(throws: ConfigurationError.self) { try read(deep) }
    }

    /// Each key is compared with all before it: that must not take time for every pair.
    @Test(.timeLimit(.minutes(1))) func aFileOfManyKeysHasAnEnd() {
        let yaml = (0..<200_000).map { "k\($0): 1\n" }.joined()
        #expect(throws: ConfigurationError(path: "f", line: 1, reason: "there is no setting \"k0\"")) {
            var configuration = DenoiserConfiguration()
            try configuration.read(yaml: Array(yaml.utf8), path: "f")
        }
    }

    @Test func optionsAreCheckedAlike() throws {
        var configuration = DenoiserConfiguration()
        try configuration.read(option: "batch-size", "32")
        #expect(configuration.trainer.batchSize == 32)
        let error = #expect(throws: ConfigurationError.self) { try configuration.read(option: "batch-size", "0") }
        #expect("\(try #require(error))" == "--batch-size takes a whole number from 1 to 1024, found \"0\"")
    }

    // MARK: Together

    @Test func theNetworkFollowsTheSettings() throws {
        var configuration = DenoiserConfiguration()
        #expect(try configuration.architecture() == DenoiserArchitecture())
        configuration.widths = [16, 32]
        #expect(try configuration.architecture().blocks == [2, 2])
        configuration.widths = [48, 64, 96]
        configuration.noise = .photo
        #expect(try configuration.architecture().isBlind && configuration.architecture().knowsCompression)
        configuration.blocks = [1, 2]
        #expect(throws: ConfigurationError.self) { try configuration.architecture() }
        configuration.blocks = [1]
        configuration.patchSize = 60
        let error = #expect(throws: ConfigurationError.self) { try configuration.architecture() }
        #expect("\(try #require(error))".contains("multiples of 8"))
    }

    @Test func differencesAreNamedByTheirKeys() throws {
        var other = DenoiserConfiguration()
        other.trainer.seed = 9
        other.grayShare = 0.5
        #expect(DenoiserConfiguration().differences(from: other) == ["gray-share", "seed"])
        #expect(other.differences(from: other).isEmpty)
    }
}
