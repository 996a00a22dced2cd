import Foundation
import RestoreFiles
import RestoreImage
import RestoreNN
import TestSupport
import Testing

/// `restore latent` with small autoencoders, on pictures in MNIST's format.
@Suite struct LatentCommandTests {
    private let workplace: Workplace
    private let folder: TemporaryFolder

    init() throws {
        workplace = try Workplace()
        folder = workplace.folder
        // Pictures of 6×6: a bar in line 2 of class 1, one in column 3 of class 5, gray squares of class 7.
        try folder.writeDigits("data/mnist", side: 6, label: { [1, 5, 7][$0 % 3] }) { _, index in
            (0..<36).map { pixel in
                let light = [pixel / 6 == 2, pixel % 6 == 3, true][index % 3]
                return light ? UInt8(index % 3 == 2 ? 99 : 200 + index % 50) : 0
            }
        }
    }

    private func run(_ arguments: [String]) throws -> Outcome {
        try workplace.run(arguments, environment: ["RESTORE_DATA": folder("data")])
    }

    /// Trains without --data: MNIST is found.
    private func train(_ kind: String, _ more: String...) throws -> String {
        let outcome = try run(
            [
                "train", "autoencoder", "--kind", kind, "-o", kind, "--picture-size", "6", "--code", "2", "--epochs",
                "none",
            ]
                + ["--steps", "200", "--batch-size", "10", "--learning-rate", "0.01", "-q"] + more)
        #expect(outcome.code == 0, "\(outcome.errors)")
        return "\(kind)/last.safetensors"
    }

    private func latent(_ arguments: String...) throws -> Outcome {
        let outcome = try run(["latent"] + arguments)
        #expect(outcome.code == 0, "\(arguments): \(outcome.errors)")
        return outcome
    }

    @Test func picturesOfTheCodeSpaceAreWritten() throws {
        let model = try train("dense", "--hidden", "16")
        // Cells of 60×60 pixels, 10 for one, with a gap of 2 around each.
        func size(_ name: String) throws -> [Int] {
            let image = try workplace.image(name)
            return [image.width, image.height]
        }
        func side(_ cells: Int) -> Int { cells * 62 + 2 }
        _ = try latent("interpolate", model, "--indices", "0,1", "--steps", "5", "-o", "way.png")
        #expect(try size("way.png") == [side(5), side(2)])
        _ = try latent("generate", model, "--code", "-1,0.5", "--code", "2,-3e-1", "-o", "codes.png")
        #expect(try size("codes.png") == [side(2), side(1)])
        _ = try latent("sample", model, "--count", "9", "-o", "samples.png")
        #expect(try size("samples.png") == [side(3), side(3)])
        _ = try latent("sample", model, "--count", "9", "-o", "same.png")
        #expect(try workplace.image("same.png") == workplace.image("samples.png"))
        _ = try latent("grid", model, "--steps", "4", "-o", "grid.png")
        #expect(try size("grid.png") == [240, 240])
        _ = try latent("traverse", model, "--index", "3", "--steps", "3", "-o", "traversal.png")
        #expect(try size("traversal.png") == [side(4), side(2)])
        _ = try latent("scatter", model, "-o", "codes.svg")
        let chart = String(decoding: try readFile(folder("codes.svg")), as: UTF8.self)
        #expect(
            chart.contains(">code 1</text>") && chart.contains(">5</text>") && chart.contains("Codes of 30 pictures"))
        // The ends of the way are the reconstructions of the two pictures; the lower row starts with the picture itself.
        let (way, width) = (try workplace.image("way.png").colors, side(5))
        func light(_ x: Int, _ y: Int) -> Float { way[3 * (y * width + x)] }
        let (bar, above) = (light(7, 89), light(7, 69))
        #expect(bar > 0.77 && bar < 0.8, "a bar in line 2")
        #expect(above == 0)
    }

    @Test func numbersOfTheCodeSpaceAreWritten() throws {
        let model = try train("dense", "--hidden", "16")
        _ = try latent("features", model, "-o", "f.npy", "--labels", "l.npy", "--part", "all")
        let bytes = try readFile(folder("f.npy"))
        #expect(String(decoding: bytes[10..<128], as: UTF8.self).contains("'shape': (150, 2)"))
        #expect(bytes.count == 1328)
        let labels = Array(try readFile(folder("l.npy")).suffix(12))
        let expected: [UInt8] = [1, 0, 0, 0, 5, 0, 0, 0, 7, 0, 0, 0]
        #expect(labels == expected)
        _ = try latent("features", model, "-o", "f.csv")
        let rows = String(decoding: try readFile(folder("f.csv")), as: UTF8.self).split(separator: "\n")
        #expect(rows.count == 31 && rows[0] == "label,code1,code2" && rows[2].hasPrefix("5,"))
        // Three kinds of pictures that differ this much are told apart without labels, and with them.
        let clusters = try latent("cluster", model, "--runs", "3").outputLines
        #expect(clusters[0].hasPrefix("accuracy 100.00 %, mean of 3 (100.00 to 100.00)"), "\(clusters)")
        #expect(clusters.count == 5)
        let pixels = try latent("cluster", model, "--pixels").outputLines
        #expect(pixels[0].hasPrefix("accuracy 100.00 %, mean of 5"))
        let probe = try latent("probe", model).outputLines
        #expect(probe == ["error 0.00 % of 30 test pictures; 0.00 % of the 120 trained on"])
    }

    /// As in evaluate: a model of some classes is not shown others unless they are asked for.
    @Test func theClassesAreThoseOfTheTraining() throws {
        let model = try train("dense", "--hidden", "16", "--classes", "1,7")
        func rows(_ more: String...) throws -> Int {
            let outcome = try run(["latent", "features", model, "-o", "f.csv", "--overwrite"] + more)
            #expect(outcome.code == 0, "\(outcome.errors)")
            return String(decoding: try readFile(folder("f.csv")), as: UTF8.self).split(separator: "\n").count - 1
        }
        #expect(try rows() == 20)
        #expect(try rows("--classes", "5") == 10)
        #expect(try rows("--classes", "1,5,7") == 30)
    }

    @Test func codesComeBackAsPictures() throws {
        let model = try train("conditional", "--hidden", "16")
        let packed = try latent("compress", model, "-o", "codes.safetensors").outputLines
        #expect(packed.count == 1 && packed[0].hasPrefix("30 pictures: 1080 bytes of pixels, "))
        let unpacked = try latent("decompress", model, "codes.safetensors", "-o", "out").outputLines
        #expect(unpacked == ["30 pictures written to out"])
        #expect(try listNames(in: folder("out")).sorted().first == "00.png")
        #expect(try listNames(in: folder("out")).count == 30)
        let image = try workplace.image("out/00.png")
        #expect((image.width, image.height) == (6, 6))
        // Not without being asked, and not with another model.
        let again = try run(["latent", "decompress", model, "codes.safetensors", "-o", "out"])
        #expect(again.code == 73 && again.errors.contains("out"))
        let other = try train("dense", "--hidden", "16")
        let wrong = try run(["latent", "decompress", other, "codes.safetensors", "-o", "other"])
        #expect(wrong.code == 65 && wrong.errors.contains("another model") && pathKind(folder("other")) == .missing)
        let noCodes = try run(["latent", "decompress", model, model, "-o", "other"])
        #expect(noCodes.code == 65 && noCodes.errors.contains("no codes"))
        var bytes = try readFile(folder("codes.safetensors"))
        bytes[bytes.count - 1] ^= 1
        try folder.write(bytes, "damaged.safetensors")
        #expect(try run(["latent", "decompress", model, "damaged.safetensors", "-o", "other"]).code == 65)
        // A row of samples for each of ten classes.
        _ = try latent("sample", model, "--count", "4", "-o", "rows.png")
        let rows = try workplace.image("rows.png")
        #expect(rows.width == 250 && rows.height == 622)
    }

    @Test func whatCannotBeIsSaid() throws {
        let model = try train("dense", "--hidden", "16")
        func fails(_ arguments: [String], _ code: Int32, _ text: String) throws {
            try workplace.expectFailure(
                ["latent"] + arguments, code: code, naming: text, environment: ["RESTORE_DATA": folder("data")])
        }
        try fails(["generate", model, "--code", "1,2,3", "-o", "a.png"], 64, "has 2 numbers, found 3")
        let malformed = try run(["latent", "generate", model, "--code", "1;2", "-o", "a.png"])
        #expect(malformed.code == 64 && malformed.errors.contains("such as -1,5; found 1;2"))
        let incomplete = try run(["latent", "interpolate", model, "-o", "a.png"])
        #expect(incomplete.code == 64 && incomplete.errors.contains("--indices"))
        try fails(["sample", model, "--density", "prior", "-o", "a.png"], 64, "no prior")
        try fails(["interpolate", model, "--indices", "0,30", "-o", "a.png"], 64, "0 to 29")
        try fails(["traverse", model, "--units", "3", "-o", "a.png"], 64, "1 to 2")
        try fails(["features", model, "-o", "a.txt"], 64, ".npy")
        try fails(["cluster", model, "--groups", "31"], 64, "31 groups")
        try fails(["scatter", model, "-o", "missing/a.svg"], 73, "missing")
        try fails(["scatter", "denoise-color", "-o", "a.svg"], 65, "autoencoder")
        try folder.write([1], "there.svg")
        try fails(["scatter", model, "-o", "there.svg"], 73, "there.svg")
        // Pictures without classes.
        try folder.makeFolder("plain")
        try folder.write(Image.flat(6), "plain/a.png")
        try fails(["cluster", model, "--data", "plain", "--groups", "1"], 64, "no classes")
        // No data anywhere.
        try workplace.expectFailure(
            ["latent", "cluster", model], code: 64, naming: "train-images-idx3-ubyte.gz",
            environment: ["RESTORE_DATA": folder("nowhere"), "XDG_DATA_HOME": folder("nowhere")])
    }

    @Test(arguments: ["linear", "convolutional", "denoising", "sparse", "k-sparse", "contractive", "variational"])
    func everyKindTrainsAndIsMeasured(kind: String) throws {
        var more = kind == "convolutional" ? ["--hidden", "8"] : []
        if kind == "k-sparse" { more = ["--active-units", "1"] }
        let outcome = try run(
            ["train", "autoencoder", "--kind", kind, "-o", kind, "--picture-size", "6", "--code", "4", "--epochs", "2"]
                + ["--steps", "none", "--batch-size", "10", "--validation-interval", "5"] + more)
        #expect(outcome.code == 0, "\(outcome.errors)")
        let measured = kind == "variational" ? "-ELBO" : "MSE"
        #expect(outcome.errors.contains("validation \(measured) "), "\(outcome.errors)")
        let samples = kind == "variational" ? ["--samples", "3"] : ["--components"]
        let evaluation = try run(
            ["evaluate", "autoencoder", "-m", "\(kind)/best.safetensors", "--data", folder("data/mnist")] + samples)
        #expect(evaluation.code == 0, "\(evaluation.errors)")
        let lines = evaluation.outputLines
        #expect(lines[0].hasPrefix("mean of 30 pictures  MSE 0."))
        switch kind {
        case "variational":
            #expect(lines[1].hasPrefix("-ELBO ") && lines[1].contains("(3 samples of each of 30 pictures)"))
            #expect(lines[2].hasPrefix("KL = mutual information "))
        case "linear":
            #expect(lines[1].hasPrefix("cosines of the angles"))
            fallthrough
        default:
            // Three kinds of pictures differ in brightness a little: four components say all.
            #expect(lines[0].contains("principal components: 0.00000"), "\(lines[0])")
        }
    }
}

extension Image {
    fileprivate static func flat(_ side: Int) -> Image {
        Image(
            width: side, height: side, channelLayout: .gray,
            samples: .uint8([UInt8](repeating: 90, count: side * side)))
    }
}
