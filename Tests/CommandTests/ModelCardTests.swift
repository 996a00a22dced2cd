import Foundation
import RestoreFiles
import RestoreModels
import RestoreNN
import RestoreTraining
import TestSupport
import Testing

/// The cards of the shipped models: they say what a card must say, and nothing else than the model file says itself.
@Suite struct ModelCardTests {
    private static let models = joinPath(parentFolder(of: Fixtures.folder), "Models")
    private static let names: [String] =
        ((try? FileManager.default.contentsOfDirectory(atPath: models)) ?? []).sorted()
    private static let denoisers = names.filter { $0.hasPrefix("denoise-") }
    private static let colorizers = names.filter { $0.hasPrefix("colorize-") }
    private static let inpainters = names.filter { $0.hasPrefix("inpaint-") }

    @Test func everyModelIsTested() {
        #expect(Self.denoisers == ["denoise-color", "denoise-jpeg", "denoise-photo"])
        #expect(Self.colorizers == ["colorize-cifar10", "colorize-photo"])
        #expect(Self.inpainters == ["inpaint-photo"])
        #expect(Set(Self.names) == Set(Self.denoisers + Self.colorizers + Self.inpainters))
    }

    /// A card in parts, and the file that it is about.
    private struct Card {
        let text: String
        let file: SafetensorsFile
        let path: String
        /// The command of the model's task: "denoise".
        let task: String

        init(_ name: String) throws {
            let folder = joinPath(models, name)
            text = String(decoding: try readFile(joinPath(folder, "README.md")), as: UTF8.self)
            path = joinPath(folder, "model.safetensors")
            file = try SafetensorsFile(path: path)
            task = String(name.prefix { $0 != "-" })
        }

        func denoiser() throws -> DenoiserArchitecture {
            try Model<DenoiserArchitecture>(path: path).architecture
        }

        func colorizer() throws -> ColorizerArchitecture {
            try Model<ColorizerArchitecture>(path: path).architecture
        }

        func inpainter() throws -> InpainterArchitecture {
            try Model<InpainterArchitecture>(path: path).architecture
        }

        func metadata(_ key: String) throws -> String { try #require(file.metadata["restore.\(key)"], "\(key)") }

        /// What is between the heading and the next one of its rank.
        func section(_ heading: String) throws -> String {
            let parts = text.components(separatedBy: "\n## ")
            return try #require(parts.first { $0.hasPrefix(heading + "\n") }, "no section \(heading)")
        }

        /// The second column of the table at the top.
        func fact(_ name: String) throws -> String {
            let line = text.split(separator: "\n").first { $0.hasPrefix("| \(name) | ") }
            return String(try #require(line, "no row \(name)").dropFirst(name.count + 5).dropLast(2))
        }

        /// The commands in a section's code, with continued lines joined, variables put in, and without comments.
        func commands(_ heading: String) throws -> [[String]] {
            let blocks = try section(heading).components(separatedBy: "```")
            var variables: [String: String] = [:]
            var commands: [[String]] = []
            for line in blocks.enumerated().filter({ $0.offset % 2 == 1 }).map(\.element).joined()
                .replacing("\\\n", with: " ").split(separator: "\n")
            {
                var text = String(line.prefix { $0 != "#" })
                for (name, value) in variables { text = text.replacing("$\(name)", with: value) }
                if let match = text.wholeMatch(of: /(\w+)="(.*)"\s*/) {
                    variables[String(match.1)] = String(match.2)
                } else {
                    commands.append(text.split(separator: " ").map { String($0) })
                }
            }
            return commands
        }

        /// The tables of a section, as rows of cells without emphasis.
        func tables(_ heading: String) throws -> [[[String]]] {
            try section(heading).components(separatedBy: "\n\n").filter { $0.hasPrefix("|") }.map { table in
                table.split(separator: "\n").map { row in
                    row.dropFirst().split(separator: "|").map {
                        $0.replacing("**", with: "").trimmingCharacters(in: .whitespaces)
                    }
                }
            }
        }
    }

    /// 1984380 → "1,984,380"
    private func grouped(_ number: Int) -> String {
        let digits = Array(String(number))
        return digits.indices.map { index in
            (index > 0 && (digits.count - index) % 3 == 0 ? "," : "") + String(digits[index])
        }.joined()
    }

    // MARK: What a card must have

    @Test(arguments: names) func itNamesTheModelAndItsLicense(name: String) throws {
        let card = try Card(name)
        #expect(card.text.hasPrefix("# \(name)\n"))
        let license = try card.metadata("license")
        let terms = try card.fact("Weights")
        let named = try #require(terms.split(separator: "license ").last, "\(terms)")
        #expect(terms.contains("license ") && license.hasPrefix(named), "\(terms), and in the file: \(license)")
        #expect(try !card.fact("Not suitable for").isEmpty)
    }

    /// What `models info` says, the card says too: plainly that some pictures are for research only.
    @Test(arguments: names) func itsFactsAreThoseOfTheProgram(name: String) throws {
        let card = try Card(name)
        let facts = try #require(try ModelFacts(ofModelAt: card.path))
        #expect(try facts.license == card.metadata("license"))
        #expect(try card.fact("Known failures") == facts.knownFailures)
        #expect(try card.fact("Rights in the training pictures") == facts.trainingDataLicense)
        #expect(facts.trainingDataLicense.contains("research"))
        // Every score of the facts is one of the card.
        for score in facts.scores.matches(of: /\d\d\.\d\d/) {
            #expect(card.text.contains(score.0), "\(score.0)")
        }
        #expect(!facts.limits.isEmpty && facts.knownOutput.samples.count > 50)
    }

    /// The pictures of a model, or a link to the card that lists them.
    @Test(arguments: names) func itNamesTheTrainingData(name: String) throws {
        let card = try Card(name)
        var images = card.text
        if !images.contains("**Images.**") {
            let link = try #require(
                images.firstMatch(of: /\]\(\.\.\/([a-z-]+)\/README\.md\), and the images are the same/))
            images = try Card(String(link.1)).text
        }
        let paragraph = try #require(images.components(separatedBy: "**Images.**").dropFirst().first)
        let data = try card.metadata("training_data")
        let parts = try #require(data.wholeMatch(of: /(\d+) pictures of (.*)/))
        #expect(paragraph.hasPrefix(" \(grouped(try #require(Int(parts.1)))) for training"), "\(data)")
        for source in parts.2.split(separator: ", ") {
            #expect(paragraph.contains("\n- `\(source)`: "), "\(source)")
            #expect(try card.commands("Training").contains { $0.contains { $0.hasPrefix(source) } }, "\(source)")
        }
    }

    /// Code that trains, converts and measures, with options that the commands have.
    @Test(arguments: names) func itsCommandsAreThoseOfTheProgram(name: String) throws {
        let card = try Card(name)
        let training = try card.commands("Training").filter { $0.first == "restore" }
        #expect(training.count { $0.starts(with: ["restore", "train", card.task]) } >= 1)
        let type = try card.fact("Weights").prefix { $0 != ";" }
        let conversion = try #require(training.last)
        #expect(conversion.starts(with: ["restore", "models", "convert"]))
        #expect(conversion.suffix(3) == ["Models/\(name)/model.safetensors", "--dtype", String(type)])
        #expect(
            card.file.elementTypes.map { ["F32": "float32", "F16": "float16", "BF16": "bfloat16"][$0] } == [
                String(type)
            ])
        let scores = try card.commands("Scores")
        #expect(!scores.isEmpty && scores.allSatisfy { $0.starts(with: ["restore", "evaluate", card.task]) })
        for command in training + scores {
            let words = command.dropFirst().prefix { !$0.hasPrefix("-") && !$0.contains("/") }
            let help = String(
                decoding: try readFile(Fixtures.path("help/\(words.joined(separator: "-")).txt")), as: UTF8.self)
            let options = Set(help.split(whereSeparator: { " \n,".contains($0) }).filter { $0.hasPrefix("--") })
            for option in command where option.hasPrefix("--") {
                #expect(options.contains(option[...]), "\(words.joined(separator: " ")) has no \(option)")
            }
        }
    }

    /// The table below the command that prints it.
    @Test(arguments: denoisers) func itHasScores(name: String) throws {
        let tables = try Card(name).tables("Scores")
        #expect(tables.count == 1)
        // The heading and the line below it, then numbers: PSNR in dB, and SSIM or a setting in brackets.
        for row in try #require(tables.first).dropFirst(2) {
            #expect(row.count == 4, "\(row)")
            for cell in row.dropFirst() {
                let score = try #require(
                    cell.wholeMatch(of: /(\d\d\.\d\d)( \((\.\d\d\d|\d+)\))?/), "\(row[0]): \(cell)")
                #expect((15.0...45).contains(try #require(Double(score.1))), "\(row[0]): \(cell)")
            }
        }
    }

    /// Every row beside that of the gray pictures, and the model's own better than it.
    @Test(arguments: colorizers) func itsScoresStandBesideGray(name: String) throws {
        let tables = try Card(name).tables("Scores")
        #expect(!tables.isEmpty)
        for table in tables {
            let column = try #require(table[0].firstIndex(of: "pooled PSNR, dB"))
            func score(_ row: String) throws -> Double {
                let found = try #require(table.first { $0[0] == row }, "no row \(row)")
                return try #require(Double(found[column]))
            }
            #expect(try score("`\(name)`") > score("gray") + 1)
        }
    }

    // MARK: What the file says too

    private func thousands(_ cost: Double) -> String { "\(Int((cost / 1000).rounded()))" }

    private func list(_ numbers: [Int]) -> String { numbers.map { "\($0)" }.joined(separator: ", ") }

    @Test(arguments: denoisers) func theDenoiserIsThatOfTheFile(name: String) throws {
        let card = try Card(name)
        let (network, architecture) = (try card.fact("Network"), try card.denoiser())
        #expect(network.hasPrefix("`residual-unet`") && network.contains("blind") == architecture.isBlind)
        #expect(
            network.contains("widths \(list(architecture.widths)), residual blocks \(list(architecture.blocks)); "))
        #expect(network.contains("; \(grouped(card.file.valueCount)) parameters, "))
        #expect(ParameterLayout(architecture.network).count == card.file.valueCount)
        let shape = Shape(batch: 1, height: 64, width: 64, channels: architecture.inputChannels)
        let cost = try architecture.network.cost(inputs: [shape]).multiplyAccumulates
        #expect(network.contains(" \(thousands(Double(cost) / (64 * 64))) thousand multiplications per pixel"))
    }

    @Test(arguments: colorizers) func theColorizerIsThatOfTheFile(name: String) throws {
        let card = try Card(name)
        let (network, architecture) = (try card.fact("Network"), try card.colorizer())
        #expect(
            network.hasPrefix(
                "`chroma-unet`, widths \(list(architecture.widths)), residual blocks \(list(architecture.blocks)); "))
        #expect(network.contains("; \(grouped(card.file.valueCount)) parameters, "))
        let shape = Shape(batch: 1, height: 64, width: 64, channels: architecture.inputChannels)
        let cost = try architecture.network.cost(inputs: [shape]).multiplyAccumulates
        #expect(
            network.contains(" \(thousands(Double(cost) / (64 * 64))) thousand multiplications per pixel"),
            "\(thousands(Double(cost) / (64 * 64)))")
        #expect(try card.fact("Input").contains("hints") == architecture.takesHints)
        #expect(try card.fact("Output").contains(" \(ChromaBins.count) bins"))
        #expect(try card.metadata("value_range") == "0…1")
    }

    @Test(arguments: inpainters) func theInpainterIsThatOfTheFile(name: String) throws {
        let card = try Card(name)
        let (network, architecture) = (try card.fact("Network"), try card.inpainter())
        #expect(
            network.hasPrefix(
                "`\(architecture.kind.rawValue)`, widths \(list(architecture.widths)), residual blocks "
                    + "\(list(architecture.blocks)), code of \(architecture.latentChannels) values; "))
        #expect(network.contains("; \(grouped(card.file.valueCount)) parameters, "))
        let code = architecture.codeShape(height: 64, width: 64)
        func shape(_ channels: Int) -> Shape { Shape(batch: 1, height: 64, width: 64, channels: channels) }
        let cost = try architecture.filler.cost(inputs: [shape(3), shape(1), code]).multiplyAccumulates
        #expect(
            network.contains(" \(thousands(Double(cost) / (64 * 64))) thousand multiplications per pixel"),
            "\(thousands(Double(cost) / (64 * 64)))")
    }

    /// Better than the classical fills on all kinds of damage.
    @Test(arguments: inpainters) func itsScoresStandBesideTheClassicalFills(name: String) throws {
        let table = try #require(try Card(name).tables("Scores").first)
        func scores(_ row: String) throws -> [Double] {
            let found = try #require(table.first { $0[0] == row }, "no row \(row)")
            return try found.dropFirst().prefix(3).map { try #require(Double($0)) }
        }
        for fill in ["harmonic", "biharmonic"] {
            for (own, other) in zip(try scores("`\(name)`"), try scores(fill)) { #expect(own > other) }
        }
    }

    @Test(arguments: denoisers) func theNoiseIsThatOfTheFile(name: String) throws {
        let (card, noise) = (try Card(name), try Card(name).fact("Training noise"))
        #expect(try card.fact("Input").hasPrefix("RGB in 0–1 as stored in the file (sRGB)"))
        #expect(try card.metadata("value_range") == "0…1" && card.metadata("color_space") == "sRGB")
        let isBlind = try card.denoiser().isBlind
        switch try card.metadata("noise_kind") {
        case "gaussian":
            let range = try #require(try card.metadata("noise_range").firstMatch(of: /^0…(\d+)\.0 of 255, Gaussian$/))
            #expect(noise.contains("Gaussian") && noise.contains("σ uniform in 0–\(range.1) of 255"))
            #expect(!isBlind)
        case let kind:
            let degradation = ["photo": "PhotographNoise", "jpeg": "JPEGDamage"][kind]
            let name = try #require(degradation, "\(kind)")
            #expect(isBlind && noise.contains(name))
        }
    }

    /// The options of the last training command, and the defaults of what it leaves open.
    @Test(arguments: names) func theSettingsAreThoseOfTheFile(name: String) throws {
        let card = try Card(name)
        let command = try #require(
            try card.commands("Training").last { $0.starts(with: ["restore", "train", card.task]) })
        let options = zip(command, command.dropFirst()).filter {
            $0.0.hasPrefix("--") && !["--data", "--output"].contains($0.0)
        }.map { (String($0.0.dropFirst(2)), $0.1) }
        let text: String
        if card.task == "denoise" {
            var configuration = DenoiserConfiguration()
            for (option, value) in options { try configuration.read(option: option, value) }
            let side = configuration.patchSize
            text = settings(configuration.trainer, "patches \(side)x\(side)", configuration.loss.rawValue)
            #expect(try card.metadata("noise_kind") == configuration.noise.rawValue)
            #expect(try card.denoiser() == configuration.architecture())
        } else if card.task == "inpaint" {
            var configuration = InpainterConfiguration()
            for (option, value) in options { try configuration.read(option: option, value) }
            let trainer = configuration.trainer
            text = """
                recipe \(configuration.recipe.rawValue), patches \(configuration.patchSize), batch \
                \(trainer.batchSize), \(trainer.optimizerDescription), EMA \(trainer.averageDecay), free bits \
                \(configuration.freeBits), seed \(trainer.seed)
                """
            #expect(try card.inpainter() == configuration.completed().architecture())
        } else {
            var configuration = ColorizerConfiguration()
            for (option, value) in options { try configuration.read(option: option, value) }
            let side = configuration.pictureSize
            text =
                "recipe \(configuration.recipe.rawValue), "
                + settings(configuration.trainer, "pictures \(side)x\(side)", configuration.loss.rawValue)
            #expect(try card.colorizer() == configuration.architecture())
        }
        #expect(try card.metadata("training_settings") == text)
    }

    private func settings(_ trainer: TrainerSettings, _ examples: String, _ loss: String) -> String {
        """
        batch \(trainer.batchSize), \(examples), \(loss) loss, AdamW \(trainer.learningRate), \
        EMA \(trainer.averageDecay), seed \(trainer.seed)
        """
    }

    /// The step of the released model is a column of the last validation table, with its score.
    @Test(arguments: names) func theValidationScoreIsThatOfTheFile(name: String) throws {
        let card = try Card(name)
        let table = try #require(try card.tables("Training").last)
        let step = grouped(try #require(Int(try card.metadata("training_steps"))))
        let column = try #require(table[0].firstIndex(of: step), "no step \(step) in \(table[0])")
        let scores = try #require(table.first { $0[0] == "PSNR" })
        #expect(try card.metadata("validation_psnr").hasPrefix("\(scores[column]) dB"), "\(scores)")
        // It is the best of its part, which is the model that is kept: a colorizer's by its mean absolute error.
        let deciding = table.first { $0[0] == "MAE" } ?? scores
        let values = try deciding.dropFirst().map { try #require(Double($0)) }
        #expect((deciding[0] == "MAE" ? values.min() : values.max()) == values[column - 1])
    }
}
