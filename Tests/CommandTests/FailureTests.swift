import ModelTestSupport
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN
import TestSupport
import Testing

/// Everything that can be wrong with what `restore denoise` is given: one line, the right exit code, nothing left behind.
@Suite struct FailureTests {
    private let workplace: Workplace
    private let folder: TemporaryFolder

    init() throws {
        workplace = try Workplace()
        folder = workplace.folder
        try folder.write(.scene(width: 40, height: 30), "good.png")
    }

    private func expectFailure(
        _ arguments: String..., code: Int32, naming name: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let model = arguments.contains("-m") ? [] : ["-m", "tiny"]
        try workplace.expectFailure(
            ["denoise", "--sigma", "25"] + model + arguments, code: code, naming: name, sourceLocation: sourceLocation)
    }

    // MARK: Inputs

    @Test func missingInputs() throws {
        try expectFailure("nothing.png", "out.png", code: 66, naming: "nothing.png")
        try expectFailure("nowhere/nothing.png", code: 66, naming: "nowhere/nothing.png")
        try expectFailure("good.png/below.png", "out.png", code: 66, naming: "good.png/below.png")
        try expectFailure("", "out.png", code: 66, naming: ": no such file")
    }

    /// The missing input is what has to be put right, even where the output is in the way as well.
    @Test func aMissingInputIsSaidFirst() throws {
        try expectFailure("nothing.png", "good.png", code: 66, naming: "nothing.png")
    }

    @Test func aFolderIsNoPicture() throws {
        try folder.makeFolder("folder.png")
        try expectFailure("folder.png", "out.png", code: 64, naming: "out.png: is not a folder, which folder.png")
        try expectFailure("folder.png", code: 66, naming: "folder.png")
    }

    @Test func filesThatAreNoPicture() throws {
        try folder.write(Array("This is text.".utf8), "text.png")
        try folder.write(Array("This is text.".utf8), "text.jpg")
        try folder.write([], "empty.png")
        try folder.write([0x89], "start.png")
        for name in ["text.png", "text.jpg", "empty.png", "start.png"] {
            try expectFailure(name, "out.png", code: 65, naming: name)
        }
    }

    @Test(arguments: [ImageFormat.png, .jpeg])
    func truncatedPictures(format: ImageFormat) throws {
        let name = "cut.\(format.fileExtensions[0])"
        let bytes = try encodeImage(.scene(width: 90, height: 70), as: ImageEncoding(format: format), path: name)
        for share in [0.1, 0.5, 0.95] {
            try folder.write(Array(bytes.prefix(Int(share * Double(bytes.count)))), name)
            try expectFailure(name, "out.png", code: 65, naming: name)
            try expectFailure(name, code: 65, naming: name)
        }
    }

    /// Refused before any memory is taken: one of them alone would take more than ten times what the program may have
    /// here.
    @Test func pictureSizesThatAreOnlyClaimed() throws {
        for (name, reason) in [
            ("png-claims-100000x100000.png", "claims 100000×100000 pixels"), ("png-claims-most.png", "impossible size"),
            ("png-claims-widest.png", "claims 2147483647×1 pixels"),
            ("jpeg-claims-65500x65500.jpg", "claims 65500×65500 pixels"),
        ] {
            try folder.write(Fixtures.bytes("corrupt/\(name)"), name)
            let before = try workplace.contents
            let outcome = try workplace.shell(
                "ulimit -v 1000000; restore denoise -m tiny --sigma 25 -j 2 \(name) out.png")
            #expect(outcome.code == 65 && outcome.output == "" && outcome.errorLines.count == 1, "\(outcome.errors)")
            #expect(
                outcome.errors.hasPrefix("restore: \(name): ") && outcome.errors.contains(reason), "\(outcome.errors)")
            #expect(try workplace.contents == before)
        }
    }

    @Test func picturesAboveTheLimit() throws {
        try folder.write(Image(width: 1001, height: 1000, channelLayout: .gray), "large.png")
        try expectFailure("large.png", "out.png", "--max-pixels", "1", code: 65, naming: "large.png")
        try folder.write(Image(width: 100, height: 100, channelLayout: .gray), "small.png")
        #expect(try workplace.denoise("small.png", "out.png", "--max-pixels", "1").code == 0)
    }

    @Test func aNameWithALineBreakStaysOneLine() throws {
        try expectFailure("new\nline\u{1B}[2J.png", "out.png", code: 66, naming: "new\\nline\\u{1B}[2J.png")
    }

    // MARK: Outputs

    @Test func outputFoldersThatAreNotThere() throws {
        try expectFailure("good.png", "missing/out.png", code: 73, naming: "missing/out.png")
        // A path below a file, which not even a superuser can write.
        try expectFailure("good.png", "good.png/out.png", code: 73, naming: "good.png/out.png")
        try expectFailure("good.png", "-o", "/proc/out.png", code: 73, naming: "/proc/out.png")
    }

    @Test func outputFormatsThatAreNotKnown() throws {
        for name in ["out.gif", "out.txt", "out.png.bak"] {
            try expectFailure("good.png", name, code: 64, naming: name)
        }
    }

    @Test(arguments: [Image.ChannelLayout.grayAlpha, .rgbAlpha])
    func transparencyDoesNotFitAJPEG(layout: Image.ChannelLayout) throws {
        try folder.write(.scene(width: 40, height: 30, layout), "alpha.png")
        try expectFailure("alpha.png", "out.jpg", code: 73, naming: "out.jpg")
        #expect(try workplace.denoise("alpha.png", "out.png").code == 0)
    }

    /// Not after the output has been written.
    @Test func comparisonsThatCannotBeWritten() throws {
        try folder.write([1], "old.png")
        try folder.write(.scene(width: 40, height: 30, .rgbAlpha), "alpha.png")
        func expectFailure(_ input: String, _ comparison: String, code: Int32) throws {
            try self.expectFailure(input, "out.png", "--compare", comparison, code: code, naming: comparison)
        }
        try expectFailure("good.png", "old.png", code: 73)
        try expectFailure("good.png", "missing/c.png", code: 73)
        try expectFailure("alpha.png", "c.jpg", code: 73)
        try expectFailure("good.png", "c.gif", code: 64)
        try expectFailure("good.png", "out.png", code: 64)
    }

    // MARK: Models

    @Test func modelsThatAreNotThere() throws {
        try expectFailure("good.png", "out.png", "-m", "unheard-of", code: 66, naming: "unheard-of")
        try expectFailure("good.png", "out.png", "-m", "no.safetensors", code: 66, naming: "no.safetensors")
        try folder.makeFolder("empty")
        try expectFailure("good.png", "out.png", "-m", "./empty", code: 66, naming: "./empty")
    }

    @Test func damagedModels() throws {
        let bytes = Workplace.model.file()
        for place in [0, 20, bytes.count / 2, bytes.count - 1] {
            var flipped = bytes
            flipped[place] ^= 4
            try folder.write(flipped, "model.safetensors")
            try expectFailure("good.png", "out.png", "-m", "model.safetensors", code: 65, naming: "model.safetensors")
        }
        for count in [0, 5, 500, bytes.count - 1] {
            try folder.write(Array(bytes[..<count]), "model.safetensors")
            try expectFailure("good.png", "out.png", "-m", "model.safetensors", code: 65, naming: "model.safetensors")
        }
        try expectFailure("good.png", "out.png", "-m", "./good.png", code: 65, naming: "./good.png")
    }

    @Test func modelsForSomethingElse() throws {
        var metadata = Workplace.model.metadata
        metadata.task = "colorize"
        try folder.write(Workplace.model.file(metadata: metadata.dictionary), "model.safetensors")
        try expectFailure("good.png", "out.png", "-m", "model.safetensors", code: 65, naming: "colorize")
        metadata.task = "denoise"
        metadata.architecture = #"{"name":"residual-unet","widths":[4096],"blocksPerLevel":1}"#
        try folder.write(Workplace.model.file(metadata: metadata.dictionary), "model.safetensors")
        try expectFailure("good.png", "out.png", "-m", "model.safetensors", code: 65, naming: "model.safetensors")
    }

    /// An architecture of 3 billion parameters, and a file without any: no memory is taken for what is not there.
    @Test func modelsThatClaimToBeHuge() throws {
        var metadata = Workplace.model.metadata
        metadata.architecture =
            #"{"name":"residual-unet","widths":[1024,1024,1024,1024,1024,1024],"blocksPerLevel":16}"#
        try folder.write(SafetensorsFile.serialize([], metadata: metadata.dictionary), "model.safetensors")
        try expectFailure("good.png", "out.png", "-m", "model.safetensors", code: 65, naming: "model.safetensors")
        metadata.architecture = String(repeating: "[", count: 10_000)
        try folder.write(SafetensorsFile.serialize([], metadata: metadata.dictionary), "model.safetensors")
        let outcome = try workplace.run(["denoise", "good.png", "-m", "./model.safetensors"])
        #expect(outcome.code == 65 && outcome.errors.count < 500)
    }

    /// Files whose header or whose weights cannot be used, by every command that reads one.
    @Test func weightFilesThatNobodyWrote() throws {
        func file(_ header: String, _ values: [UInt8] = [], length: Int? = nil) -> [UInt8] {
            let bytes = Array(header.utf8)
            return (0..<8).map { UInt8(truncatingIfNeeded: (length ?? bytes.count) >> (8 * $0)) } + bytes + values
        }
        func tensor(_ fields: String) -> String { "{\"head.weight\":{\(fields)}}" }
        let name = String(repeating: "n", count: 300_000)
        let four: [UInt8] = [0, 0, 0xC0, 0x7F]
        let cases: [(String, [UInt8])] = [
            ("not a JSON object", file("", [1, 2])), ("not a JSON object", file("hello")),
            ("a header of 1099511627776 bytes", file("{}", length: 1 << 40)),
            ("unknown or repeated field", file(String(repeating: "{\"a\":", count: 500_000))),
            ("expected a whole number", file("{\"a\":{\"shape\":" + String(repeating: "[", count: 500_000))),
            ("expected a whole number", file(tensor(#""dtype":"F32","shape":[-1],"data_offsets":[0,4]"#), four)),
            ("overflows", file(tensor(#""dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]"#), four)),
            ("beyond the end", file(tensor(#""dtype":"F32","shape":[4],"data_offsets":[0,16]"#), four)),
            ("has 4 bytes", file("{\"\(name)\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", four)),
        ]
        for (reason, bytes) in cases {
            try folder.write(bytes, "m.safetensors")
            for command in [
                ["denoise", "good.png", "out.png", "-m", "m.safetensors"], ["models", "info", "m.safetensors"],
                ["models", "convert", "m.safetensors", "o.safetensors", "--dtype", "float16"],
                [
                    "train", "denoise", "--data", "good.png", "--init", "m.safetensors", "-o", "run", "--patch-size",
                    "16",
                ],
            ] {
                try workplace.expectFailure(command, code: 65, naming: reason)
                try workplace.expectFailure(command, code: 65, naming: "m.safetensors: damaged weight file: ")
            }
        }
        let nan = file(tensor(#""dtype":"F32","shape":[1],"data_offsets":[0,4]"#), four)
        try folder.write(nan, "m.safetensors")
        try workplace.expectFailure(
            ["models", "convert", "m.safetensors", "o.safetensors", "--dtype", "float16"], code: 65,
            naming: "m.safetensors: tensor head.weight contains a value that is not finite")
    }

    /// A model of this program with a weight that is no number, its checksum right.
    @Test func aWeightThatIsNoNumber() throws {
        var model = Workplace.model
        model.parameters.values[7] = .nan
        try folder.write(model.file(), "model.safetensors")
        try expectFailure("good.png", "out.png", "-m", "model.safetensors", code: 65, naming: "is not finite")
    }

    /// A model whose numbers run over: an error, never a black picture.
    @Test func aResultThatIsNotFinite() throws {
        var model = Workplace.model
        for index in model.parameters.values.indices { model.parameters.values[index] *= 1e30 }
        try folder.write(model.file(), "model.safetensors")
        try expectFailure("good.png", "out.png", "-m", "model.safetensors", code: 65, naming: "good.png")
    }

    // MARK: Batches

    @Test func oneBadFileDoesNotStopTheOthers() throws {
        try folder.write(.scene(width: 20, height: 20), "a.png")
        try folder.write(Array("no picture".utf8), "b.png")
        try folder.write(.scene(width: 20, height: 20), "c.png")
        try folder.makeFolder("clean")
        let outcome = try workplace.denoise("a.png", "b.png", "missing.png", "c.png", "-o", "clean")
        #expect(outcome.code == 1)
        let failures = outcome.errorLines.filter { $0.hasPrefix("restore: ") }
        #expect(failures.count == 2 && failures[0].contains("b.png") && failures[1].contains("missing.png"))
        #expect(outcome.errorLines.last == "2 of 4 pictures denoised, 2 failed")
        #expect(try folder.names.filter { $0.hasPrefix("clean/") } == ["clean/a.png", "clean/c.png"])
    }

    @Test func failuresAreSaidEvenQuietly() throws {
        try folder.write([], "a.png")
        try folder.write(.scene(width: 20, height: 20), "b.png")
        try folder.makeFolder("clean")
        let outcome = try workplace.denoise("a.png", "b.png", "-o", "clean", "-q", "--json")
        #expect(outcome.code == 1 && outcome.errorLines.count == 1 && outcome.errors.contains("a.png"))
        #expect(outcome.outputLines.count == 2 && outcome.outputLines[1].contains("clean/b.png"))
    }

    // MARK: Usage

    @Test(arguments: [
        ["denoise"], ["denoise", "good.png", "--sigma", "76"], ["denoise", "good.png", "--sigma", "-1"],
        ["denoise", "good.png", "--sigma", "nan"], ["denoise", "good.png", "--sigma", "much"],
        ["denoise", "good.png", "--strength", "1.1"], ["denoise", "good.png", "--quality", "0"],
        ["denoise", "good.png", "--quality", "101"], ["denoise", "good.png", "--max-pixels", "0"],
        ["denoise", "good.png", "-j", "0"], ["denoise", "good.png", "--tile", "15"],
        ["denoise", "good.png", "--max-memory", "lots"], ["denoise", "good.png", "--max-memory", "99999999999G"],
        ["denoise", "good.png", "--format", "gif"], ["denoise", "good.png", "--progress", "loud"],
        ["denoise", "good.png", "--unknown"], ["repair", "good.png"], ["degrade", "noise", "good.png"],
        ["degrade", "noise", "good.png", "out.png", "--sigma", "256"], ["evaluate", "denoise"],
        ["degrade", "photo", "good.png", "out.png", "--level", "extreme"], ["degrade", "photo", "good.png"],
        ["degrade", "jpeg", "good.png", "out.jpg", "--quality", "0"],
        ["degrade", "jpeg", "good.png", "out.jpg", "--quality", "101"],
        ["evaluate", "denoise", "--data", ".", "--noise", "salt"],
        ["evaluate", "denoise", "--data", ".", "--level", "low"],
        ["evaluate", "denoise", "--data", ".", "--noise", "photo", "--noisy", "."],
        ["evaluate", "denoise", "--data", ".", "--limit", "0"], ["train", "denoise", "--data", "."],
        ["train", "denoise", "--data", ".", "-o", "run", "--widths", "4,x"],
        ["train", "denoise", "--data", ".", "-o", "run", "--patch-size", "20"],
        ["train", "denoise", "--data", ".", "-o", "run", "--learning-rate", "nan"], ["models", "info"],
    ])
    func mistakesOfUsage(arguments: [String]) throws {
        let before = try workplace.contents
        let outcome = try workplace.run(arguments)
        #expect(outcome.code == 64, "\(outcome.errors)")
        #expect(outcome.output == "" && outcome.errors.hasPrefix("Error: "))
        #expect(try workplace.contents == before)
    }

    @Test func severalInputsNeedAFolder() throws {
        try folder.write(.scene(width: 20, height: 20), "b.png")
        try expectFailure("good.png", "b.png", "-o", "out.png", code: 64, naming: "out.png")
    }
}
