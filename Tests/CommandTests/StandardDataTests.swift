import RestoreFiles
import TestSupport
import Testing

/// `restore train colorize` without `--data`, with the sample in CIFAR-10's layout in place of CIFAR-10.
@Suite struct StandardDataTests {
    private let workplace: Workplace

    init() throws {
        workplace = try Workplace()
        for name in ["data_batch_1.bin", "test_batch.bin"] {
            let bytes = try readFile(Fixtures.path("datasets/cifar-10-sample/\(name)"))
            try workplace.folder.write(bytes, "data/cifar-10-batches-bin/\(name)")
        }
    }

    private func train(_ environment: [String: String]) throws -> Outcome {
        try workplace.run(
            [
                "train", "colorize", "--widths", "16,16", "--blocks", "1", "--batch-size", "2", "--steps", "2",
                "--progress", "plain", "-j", "1", "--output", "run",
            ], environment: environment)
    }

    @Test(arguments: ["RESTORE_DATA", "XDG_DATA_HOME"]) func cifar10IsFound(variable: String) throws {
        let data = workplace.folder("data")
        let place = variable == "RESTORE_DATA" ? data : workplace.folder("home")
        if variable == "XDG_DATA_HOME" {
            for name in ["data_batch_1.bin", "test_batch.bin"] {
                let bytes = try readFile("\(data)/cifar-10-batches-bin/\(name)")
                try workplace.folder.write(bytes, "home/restore/data/cifar-10-batches-bin/\(name)")
            }
        }
        let outcome = try train([variable: place, "HOME": workplace.folder("nowhere")])
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("90 pictures to train on, 10 to validate on"), "\(outcome.errors)")
        #expect(outcome.errors.contains("test_batch.bin: a test set"))
    }

    /// One message says what to download, from where, and where to put it.
    @Test func withoutItTheMessageSaysWhereToGetIt() throws {
        let home = workplace.folder("nowhere")
        let outcome = try train(["HOME": home])
        #expect(outcome.code == 64)
        #expect(outcome.errors.contains("cifar-10-binary.tar.gz"))
        #expect(outcome.errors.contains("https://www.cs.toronto.edu/~kriz/cifar.html"))
        #expect(outcome.errors.contains("\(home)/.local/share/restore/data/cifar-10-batches-bin"))
        #expect(pathKind(workplace.folder("run")) == .missing)
    }
}
