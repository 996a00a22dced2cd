import Foundation
import RestoreFiles
import RestoreNN
import TestSupport
import Testing

/// Training and evaluation of an autoencoder by the commands, on pictures in MNIST's format.
@Suite struct AutoencoderCommandTests {
    private let workplace: Workplace
    private let folder: TemporaryFolder

    init() throws {
        workplace = try Workplace()
        folder = workplace.folder
        // Pictures of 6×6: horizontal bars of class 1, vertical ones of class 5, gray squares of class 7.
        try folder.writeDigits("mnist", side: 6, label: { [1, 5, 7][$0 % 3] }) { count, index in
            var generator = SeededGenerator(seed: UInt64(count), path: UInt64(index))
            let place = generator.index(below: 6)
            return (0..<36).map { pixel in
                let isBar = index % 3 == 0 ? pixel / 6 == place : pixel % 6 == place
                return index % 3 == 2 ? 99 : isBar ? 255 : 0
            }
        }
    }

    private func train(_ output: String, _ more: String...) throws -> Outcome {
        try workplace.run(
            ["train", "autoencoder", "--data", "mnist", "-o", output, "--picture-size", "6", "--hidden", "24,12"]
                + ["--classes", "1,5", "--learning-rate", "0.003", "--steps", "300", "--batch-size", "10"] + more)
    }

    @Test func aRunLearnsAndIsMeasuredOnTheTestSet() throws {
        let outcome = try train("run")
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.errorLines.contains { $0.hasPrefix("72 pictures to train on, 8 to validate on, 0 skipped;") })
        let line = try #require(outcome.errorLines.first { $0.hasPrefix("step 100/300") })
        #expect(line.contains("pictures/s") && !line.contains("megapixels"))
        #expect(outcome.errors.contains("validation MSE 0.") && !outcome.errors.contains("PSNR"))

        let evaluation = try workplace.run(
            ["evaluate", "autoencoder", "--model", "run/best.safetensors", "--data", "mnist", "--codes", "codes.csv"])
        #expect(evaluation.code == 0, "\(evaluation.errors)")
        // Classes 1 and 5 of the 30 test pictures.
        let lines = evaluation.outputLines
        #expect(lines.count == 3 && lines[0].hasPrefix("mean of 20 pictures  MSE 0."))
        #expect(lines[0].contains("(mean picture: 0.") && lines[1].hasPrefix("class 1  10 pictures  MSE 0."))
        #expect(lines[2].hasPrefix("class 5  10 pictures") && lines[2].contains("code ("))
        let codes = String(decoding: try readFile(folder("codes.csv")), as: UTF8.self).split(separator: "\n")
        #expect(codes.count == 21 && codes[0] == "label,code1,code2")
        #expect(codes.dropFirst().count { $0.hasPrefix("5,") } == 10)
        let again = try workplace.run(
            ["evaluate", "autoencoder", "-m", "run/best.safetensors", "--data", "mnist", "--codes", "codes.csv"])
        #expect(again.code == 73 && again.errors.contains("codes.csv"))
    }

    @Test func recordsHaveErrorsCodesAndTheBaseline() throws {
        #expect(try train("run", "-q", "--steps", "1500").code == 0)
        let outcome = try workplace.run(
            ["evaluate", "autoencoder", "-m", "run/last.safetensors", "--data", "mnist", "--json", "--limit", "7"])
        #expect(outcome.code == 0, "\(outcome.errors)")
        struct Figures: Decodable {
            let mse: Double
        }
        struct Record: Decodable {
            let file: String
            let mse: Double
            let code: [Double]
            let label: Int
            let baselines: [String: Figures]
        }
        struct Summary: Decodable {
            let mean: Figures
            let pictures: Int
            let model: String
            let code_size: Int
            let baselines: [String: Figures]
        }
        let lines = outcome.outputLines
        #expect(lines.count == 8)
        let decoder = JSONDecoder()
        let records = try lines.dropLast().map { try decoder.decode(Record.self, from: Data($0.utf8)) }
        #expect(records.map(\.label) == [1, 5, 1, 5, 1, 5, 1] && records.allSatisfy { $0.code.count == 2 })
        let summary = try decoder.decode(Summary.self, from: Data(try #require(lines.last).utf8))
        #expect(summary.pictures == 7 && summary.code_size == 2)
        let mean = records.reduce(0) { $0 + $1.mse } / 7
        #expect(abs(summary.mean.mse - mean) < 1e-12)
        // It learned more than the mean.
        let baseline = try #require(summary.baselines["mean picture"]).mse
        #expect(summary.mean.mse < 0.8 * baseline, "\(summary.mean.mse), mean picture \(baseline)")
    }

    @Test func aRunThatWasInterruptedEndsInTheSameBits() throws {
        #expect(try train("whole", "-q", "--validation-interval", "100").code == 0)
        #expect(try train("part", "-q", "--validation-interval", "100", "--time-limit", "none").code == 0)
        #expect(try readFile(folder("whole/last.safetensors")) == readFile(folder("part/last.safetensors")))
    }

    @Test func classesThatAreNotThereAreNamed() throws {
        let outcome = try workplace.run([
            "train", "autoencoder", "--data", "mnist", "-o", "run", "--picture-size", "6", "--classes", "3",
        ])
        #expect(outcome.code == 65 && outcome.errors.contains("3"), "\(outcome.errors)")
        #expect(pathKind(folder("run")) == .missing)
    }

    @Test func aDenoiserIsNoAutoencoder() throws {
        let outcome = try workplace.run(["evaluate", "autoencoder", "-m", "denoise-color", "--data", "mnist"])
        #expect(outcome.code == 65 && outcome.errors.contains("expected \"autoencoder\""), "\(outcome.errors)")
    }

    @Test func modelsOfAnyTaskAreVerified() throws {
        #expect(try train("run", "-q", "--steps", "2").code == 0)
        let outcome = try workplace.run(["models", "verify", "run/best.safetensors", "denoise-color"])
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.outputLines.count == 2 && outcome.outputLines[0].contains("autoencoder, 12 tensors"))
        #expect(outcome.outputLines.allSatisfy { $0.contains("checksum right") })
        var bytes = try readFile(folder("run/best.safetensors"))
        bytes[bytes.count - 1] ^= 1
        try folder.write(bytes, "damaged.safetensors")
        let damaged = try workplace.run(["models", "verify", "damaged.safetensors"])
        #expect(damaged.code == 65 && damaged.errors.contains("damaged.safetensors"), "\(damaged.errors)")
        let both = try workplace.run(["models", "verify", "damaged.safetensors", "denoise-color"])
        #expect(both.code == 1 && both.outputLines.count == 1)
    }
}
