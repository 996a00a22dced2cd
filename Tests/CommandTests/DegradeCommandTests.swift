import ModelTestSupport
import RestoreFiles
import RestoreImage
import RestoreNN
import RestoreTraining
import TestSupport
import Testing

@Suite struct DegradeCommandTests {
    private let workplace: Workplace
    private let folder: TemporaryFolder

    init() throws {
        workplace = try Workplace()
        folder = workplace.folder
        try folder.write(.scene(width: 120, height: 90), "in.png")
    }

    private func degrade(_ arguments: String...) throws -> Outcome {
        try workplace.run(["degrade", "noise"] + arguments)
    }

    @Test func theSeedDecidesTheNoise() throws {
        for (name, seed) in [("1.png", "7"), ("2.png", "7"), ("3.png", "8")] {
            let outcome = try degrade("in.png", name, "--sigma", "15", "--seed", seed)
            #expect(outcome.code == 0 && outcome.output == "", "\(outcome.errors)")
        }
        #expect(try readFile(folder("1.png")) == readFile(folder("2.png")))
        #expect(try readFile(folder("1.png")) != readFile(folder("3.png")))
        var generator = SeededGenerator(seed: 7)
        let expected = try GaussianNoise(sigma: 15).degrade(workplace.image("in.png"), generator: &generator)
        #expect(try workplace.image("1.png") == expected)
    }

    /// Damage goes part of the way to white, where the mask says so and nowhere else.
    @Test(arguments: ["scratches", "text", "dust", "holes", "rectangle", "half"]) func damageIsWhereTheMaskIs(
        kind: String
    ) throws {
        let arguments = ["degrade", "mask", "in.png", "out.png", "--kind", kind, "--depth", "40", "--seed", "3"]
        let outcome = try workplace.run(arguments)
        #expect(outcome.code == 0 && outcome.errors.contains("out_mask.png"), "\(outcome.errors)")
        let (before, after) = (try workplace.image("in.png").values, try workplace.image("out.png").values)
        let mask = try workplace.image("out_mask.png")
        #expect(mask.channelLayout == .gray && mask.values.contains(255) && mask.values.contains(0))
        for pixel in 0..<mask.pixelCount {
            for index in (3 * pixel)..<(3 * pixel + 3) {
                let expected = mask.values[pixel] == 0 ? Double(before[index]) : 0.6 * Double(before[index]) + 0.4 * 255
                #expect(abs(Double(after[index]) - expected) <= 0.51)
            }
        }
        #expect(try workplace.run(arguments).code == 73, "nothing is overwritten")
        try folder.write(mask, "kept.png")
        let other = try workplace.run(["degrade", "mask", "in.png", "other.png", "--mask", "kept.png"])
        #expect(other.code == 73 && pathKind(folder("other.png")) == .missing)
    }

    @Test func theDefaultsAreThoseOfTheHelp() throws {
        #expect(try degrade("in.png", "1.png").code == 0)
        #expect(try degrade("in.png", "2.png", "--sigma", "25", "--seed", "1").code == 0)
        #expect(try readFile(folder("1.png")) == readFile(folder("2.png")))
    }

    @Test func depthAndAlphaStay() throws {
        let image = Image.scene(width: 60, height: 50, .rgbAlpha, bitDepth: 16)
        try folder.write(image, "deep.png")
        #expect(try degrade("deep.png", "out.png").code == 0)
        let noisy = try workplace.image("out.png")
        #expect((noisy.bitDepth, noisy.channelLayout) == (16, .rgbAlpha))
        #expect(noisy.alpha == image.alpha && noisy != image)
        try folder.write(Image.scene(width: 60, height: 50, .rgb, bitDepth: 16), "opaque.png")
        let lossy = try degrade("opaque.png", "out.jpg")
        #expect(lossy.code == 0 && lossy.errors.contains("16 bits per channel become 8"), "\(lossy.errors)")
        #expect(try !degrade("in.png", "plain.jpg").errors.contains("warning"))
    }

    @Test func failuresLeaveNothingBehind() throws {
        func expectFailure(_ arguments: String..., code: Int32, naming name: String) throws {
            try workplace.expectFailure(["degrade", "noise"] + arguments, code: code, naming: name)
        }
        try folder.write([1], "old.png")
        try folder.write(.scene(width: 20, height: 20, .rgbAlpha), "alpha.png")
        try expectFailure("in.png", "old.png", code: 73, naming: "old.png")
        try expectFailure("nothing.png", "out.png", code: 66, naming: "nothing.png")
        try expectFailure("old.png", "out.png", code: 65, naming: "old.png")
        try expectFailure("in.png", "missing/out.png", code: 73, naming: "missing/out.png")
        try expectFailure("in.png", "out.gif", code: 64, naming: "out.gif")
        try expectFailure("alpha.png", "out.jpg", code: 73, naming: "out.jpg")
        try folder.makeFolder("folder")
        try expectFailure("in.png", "folder", "--overwrite", code: 73, naming: "folder")
        #expect(try degrade("in.png", "old.png", "--overwrite").code == 0)
        #expect(try workplace.image("old.png").width == 120)
    }

    // MARK: Noise of photographs

    @Test func theSeedDecidesThePhotographAndTheLevelItsNoise() throws {
        func photograph(_ name: String, _ arguments: String...) throws -> Double {
            let outcome = try workplace.run(["degrade", "photo", "in.png", name] + arguments)
            #expect(outcome.code == 0 && outcome.output == "", "\(outcome.errors)")
            return try meanSquaredError(workplace.image(name), workplace.image("in.png")).squareRoot()
        }
        let errors = try (1...8).map { seed in
            try ["low", "medium", "high"].map { level in
                try photograph("\(level)-\(seed).png", "--level", level, "--seed", "\(seed)")
            }
        }
        let means = (0..<3).map { level in errors.reduce(0) { $0 + $1[level] } / 8 }
        #expect(means[0] < means[1] && means[1] < means[2], "\(means)")
        #expect(try photograph("default.png", "--overwrite") == errors[0][1], "seed 1, medium")
        #expect(try readFile(folder("default.png")) == readFile(folder("medium-1.png")))
        #expect(try readFile(folder("medium-1.png")) != readFile(folder("medium-2.png")))
    }

    @Test func photographsAreThoseOfTheLibrary() throws {
        let image = Image.scene(width: 60, height: 50, .grayAlpha, bitDepth: 16)
        try folder.write(image, "deep.png")
        #expect(
            try workplace.run(["degrade", "photo", "deep.png", "out.png", "--level", "high", "--seed", "5"]).code == 0)
        var generator = SeededGenerator(seed: 5)
        let expected = try PhotographNoise(level: .high).degrade(image, path: "deep.png", generator: &generator)
        #expect(try workplace.image("out.png") == expected)
    }

    // MARK: JPEG

    @Test func compressionIsTheSameInEitherFormat() throws {
        var last = Double.infinity
        for quality in ["10", "50", "89", "95"] {
            for name in ["\(quality).png", "\(quality).jpg"] {
                let outcome = try workplace.run(["degrade", "jpeg", "in.png", name, "--quality", quality])
                #expect(outcome.code == 0 && outcome.output == "", "\(outcome.errors)")
            }
            let image = try workplace.image("\(quality).png")
            #expect(try image == workplace.image("\(quality).jpg"))
            let error = try meanSquaredError(image, workplace.image("in.png"))
            #expect(error < last && error > 0)
            last = error
        }
        #expect(try readFile(folder("10.jpg")).count < readFile(folder("95.jpg")).count)
    }

    @Test func compressionFailsAsTheOthersDo() throws {
        try folder.write(.scene(width: 20, height: 20, .rgbAlpha), "alpha.png")
        func expectFailure(_ arguments: String..., code: Int32, naming name: String) throws {
            try workplace.expectFailure(["degrade", "jpeg"] + arguments, code: code, naming: name)
        }
        try expectFailure("alpha.png", "out.png", code: 73, naming: "alpha.png")
        try expectFailure("alpha.png", "out.jpg", code: 73, naming: "out.jpg")
        try expectFailure("nothing.png", "out.png", code: 66, naming: "nothing.png")
        try expectFailure("in.png", "alpha.png", code: 73, naming: "alpha.png")
        #expect(try workplace.run(["degrade", "jpeg", "in.png", "alpha.png", "--overwrite"]).code == 0)
    }
}
