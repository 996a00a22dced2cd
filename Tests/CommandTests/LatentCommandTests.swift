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

    @Test func figuresAreAlsoRecords() throws {
        let model = try train("dense", "--hidden", "16")
        struct Mean: Decodable {
            let accuracy: Double
        }
        struct Run: Decodable {
            let run: Int
            let accuracy: Double
            let class_of_group: [Int?]
            let counts: [[Int]]
        }
        struct Summary: Decodable {
            let mean: Mean
            let pictures: Int
            let runs: Int
        }
        let lines = try latent("cluster", model, "--runs", "2", "--json").outputLines
        #expect(lines.count == 3)
        let decoder = JSONDecoder()
        for (index, line) in lines.prefix(2).enumerated() {
            let run = try decoder.decode(Run.self, from: Data(line.utf8))
            #expect(run.run == index && run.accuracy == 1 && Set(run.class_of_group.compactMap { $0 }) == [1, 5, 7])
            #expect(run.counts.flatMap { $0 }.reduce(0, +) == 30)
        }
        let summary = try decoder.decode(Summary.self, from: Data(try #require(lines.last).utf8))
        #expect(summary.mean.accuracy == 1 && summary.pictures == 30 && summary.runs == 2)
        struct Probe: Decodable {
            let test_error: Double
            let test_pictures: Int
            let training_pictures: Int
        }
        let probes = try latent("probe", model, "--json").outputLines
        let probe = try decoder.decode(Probe.self, from: Data(try #require(probes.first).utf8))
        #expect(probes.count == 1 && probe.test_error == 0)
        #expect(probe.test_pictures == 30 && probe.training_pictures == 120)
        struct Packed: Decodable {
            let pictures: Int
            let pixel_bytes: Int
            let code_bytes: Int
            let model_checksum: String
            let mse: Double
        }
        let packed = try latent("compress", model, "-o", "codes.safetensors", "--json").outputLines
        let record = try decoder.decode(Packed.self, from: Data(try #require(packed.first).utf8))
        #expect(packed.count == 1 && record.pictures == 30 && record.pixel_bytes == 1080 && record.mse < 0.05)
        #expect(record.code_bytes == (try readFile(folder("codes.safetensors"))).count)
        let own = try SafetensorsFile(path: folder("codes.safetensors")).metadata["restore.model_checksum"]
        #expect(own == record.model_checksum && !record.model_checksum.isEmpty)
        let unpacked = try latent("decompress", model, "codes.safetensors", "-o", "out", "--json").outputLines
        #expect(unpacked == [#"{"codes":"codes.safetensors","model":"\#(model)","output":"out","pictures":30}"#])
    }

    /// Whatever bytes a file of codes has, decompress ends with an error or with pictures.
    @Test func damagedCodesAreRefused() throws {
        let model = try train("dense", "--hidden", "16")
        _ = try latent("compress", model, "-o", "codes.safetensors")
        let intact = try readFile(folder("codes.safetensors"))
        var generator = SeededGenerator(seed: 21)
        for round in 0..<12 {
            var bytes = intact
            if round % 3 == 0 {
                bytes.removeLast(1 + generator.index(below: bytes.count - 1))
            } else {
                bytes[generator.index(below: bytes.count)] ^= UInt8(1 << generator.index(below: 8))
            }
            try folder.write(bytes, "damaged.safetensors")
            let outcome = try run(["latent", "decompress", model, "damaged.safetensors", "-o", "damaged"])
            #expect(outcome.code == 65 && outcome.errors.contains("damaged.safetensors"), "\(round): \(outcome.errors)")
            #expect(pathKind(folder("damaged")) == .missing, "nothing is written")
        }
    }

    @Test func encodersAreShown() throws {
        let model = try train("contractive")
        let plain = try train("sparse")
        _ = try latent("filters", model, "-o", "filters.png", "--count", "9")
        // Two units, side by side; each has its greatest weight in black or white.
        let filters = try workplace.image("filters.png")
        #expect((filters.width, filters.height) == (126, 64))
        let values = Set(filters.colors)
        #expect(values.contains(0) || values.contains(1))
        _ = try latent("tangents", model, "--indices", "0,4", "--count", "5", "-o", "tangents.png")
        // A code of two units has two.
        let tangents = try workplace.image("tangents.png")
        #expect((tangents.width, tangents.height) == (188, 126))
        _ = try latent("jacobian", model, "--compare", plain, "--count", "3", "-o", "spectrum.csv")
        let table = String(decoding: try readFile(folder("spectrum.csv")), as: UTF8.self).split(separator: "\n")
        #expect(table.count == 3 && table[0] == #"index,"contractive/last.safetensors","sparse/last.safetensors""#)
        let first = table[1].split(separator: ",").compactMap { Double($0) }
        let second = table[2].split(separator: ",").compactMap { Double($0) }
        try #require(first.count == 3 && second.count == 3)
        #expect(first[1] > 0 && first[1] >= second[1] && first[2] >= second[2])
        _ = try latent("jacobian", model, "--compare", plain, "--count", "3", "-o", "spectrum.svg")
        let chart = String(decoding: try readFile(folder("spectrum.svg")), as: UTF8.self)
        #expect(chart.contains(">contractive</text>") && chart.contains(">sparse</text>"))
        let wrong = try run(["latent", "tangents", model, "--indices", "30", "-o", "a.png"])
        #expect(wrong.code == 64 && wrong.errors.contains("0 to 29"))
    }

    @Test func theFieldOfADenoiserIsDrawn() throws {
        let circle = try latent("field", "--density", "circle", "--steps", "300", "-o", "circle.svg").outputLines
        #expect(circle.count == 1 && circle[0].hasPrefix("mean distance of 2000 noisy points from the circle: 0."))
        let chart = String(decoding: try readFile(folder("circle.svg")), as: UTF8.self)
        #expect(chart.contains(">g(f(x)) − x</text>") && !chart.contains("∇log p</text>"))
        let lines = try latent("field", "--density", "mixture", "--steps", "300", "--json", "-o", "m.svg").outputLines
        struct Record: Decodable {
            let density: String
            let relative_error: Double
            let cosine: Double
        }
        let record = try JSONDecoder().decode(Record.self, from: Data(try #require(lines.first).utf8))
        #expect(record.density == "mixture" && record.cosine > 0.8 && record.relative_error < 1)
        #expect(String(decoding: try readFile(folder("m.svg")), as: UTF8.self).contains("σ²∇log p</text>"))
    }

    @Test func aSegmentationIsMeasuredAndHasNoCodeSpace() throws {
        let photograph = Fixtures.path("images/astronaut.png")
        let training = ["train", "autoencoder", "--kind", "segmentation", "-o", "segmentation"]
        let incomplete = try run(training)
        #expect(incomplete.code == 64 && incomplete.errors.contains("--photos"), "\(incomplete.errors)")
        let trained = try run(
            training + ["--photos", photograph, "--picture-size", "12", "--hidden", "8,12", "--code", "12"]
                + ["--epochs", "none", "--steps", "150", "--batch-size", "16", "--validation-interval", "50"])
        #expect(trained.code == 0 && trained.errors.contains("validation mean IoU 0."), "\(trained.errors)")
        let model = "segmentation/best.safetensors"
        let evaluation = ["evaluate", "autoencoder", "-m", model, "--data", folder("data/mnist")]
        let outcome = try run(evaluation + ["--photos", photograph, "--sheet", "sheet.png", "--sheet-rows", "3"])
        #expect(outcome.code == 0, "\(outcome.errors)")
        let lines = outcome.outputLines
        #expect(lines[0].hasPrefix("mean of 15 pictures  pixel accuracy 0.") && lines[1].hasPrefix("mean IoU 0."))
        #expect(lines.count == 13 && lines[2].hasPrefix("background  IoU 0.") && lines[4].hasPrefix("digit 1  IoU "))
        #expect(lines[3] == "digit 0  nowhere")
        #expect(try workplace.image("sheet.png").width > 500)
        struct Summary: Decodable {
            let mean_iou: Double
            let class_iou: [Double?]
            let pictures: Int
        }
        let records = try run(evaluation + ["--photos", photograph, "--json"]).outputLines
        let summary = try JSONDecoder().decode(Summary.self, from: Data(try #require(records.last).utf8))
        #expect(records.count == 16 && summary.pictures == 15 && summary.class_iou.count == 11)
        let overlaps = summary.class_iou.compactMap { $0 }
        // The background and two digits, and whatever else it finds by mistake: the gray squares of class 7 are less than
        // half opaque.
        #expect(overlaps.count >= 3)
        #expect(abs(summary.mean_iou - overlaps.reduce(0, +) / Double(overlaps.count)) < 1e-9)
        // Two plain shapes on a photograph are soon told from it.
        #expect(summary.mean_iou > 0.3, "\(summary.mean_iou)")
        #expect(try run(evaluation).errors.contains("needs --photos"))
        #expect(try run(evaluation + ["--photos", photograph, "--components"]).code == 64)
        for tool in [["scatter"], ["grid"], ["compress"], ["filters"], ["sample"]] {
            let refused = try run(["latent"] + tool + [model, "-o", "a.png"])
            #expect(refused.code == 64 && refused.errors.contains("no code"), "\(refused.errors)")
        }
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
