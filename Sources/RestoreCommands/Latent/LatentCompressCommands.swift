import ArgumentParser
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN
import RestoreText
import RestoreTraining

/// The file of `restore latent compress`: a safetensors file with the codes, and which model they are of.
private enum CodeFile {
    static let tensor = "codes"
    static let labels = "labels"
    static let model = "restore.model_checksum"

    /// What tells whether two models are the same.
    static func checksum(_ path: String) throws -> String {
        let file = try SafetensorsFile(path: path)
        guard let checksum = file.metadata["restore.checksum"] else {
            throw WeightsError.damaged(path: path, reason: "it has no checksum, by which its codes could be recognized")
        }
        return checksum
    }
}

struct LatentCompressCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compress",
        abstract: "Writes the codes of pictures to a small file.",
        discussion: """
            Codes are stored as 16-bit numbers, with a checksum and that of the model, which decompress needs. Prints the \
            size beside that of the pixels, and the error that remains.
            """)

    @OptionGroup var model: LatentModelOptions
    @OptionGroup var data: LatentDataOptions
    @OptionGroup var output: LatentOutputOptions

    @Flag(help: "Print a JSON record to stdout.")
    var json = false

    func run() throws {
        try reportingFailure {
            try output.check()
            let autoencoder = try model.load()
            let pictures = try data.pictures(model, for: autoencoder)
            let coded = try CodedPictures(pictures, by: autoencoder)
            let architecture = autoencoder.architecture
            var tensors = [
                SafetensorsFile.NamedTensor(
                    name: CodeFile.tensor, shape: [coded.codes.count, architecture.codeSize],
                    values: coded.codes.flatMap { $0 })
            ]
            if architecture.classCount != nil {
                tensors.append(
                    .init(
                        name: CodeFile.labels, shape: [coded.codes.count],
                        values: pictures.map { Float($0.label ?? -1) }))
            }
            let path = try model.models.catalog().find(model.model).path
            let digest = try CodeFile.checksum(path)
            let bytes = SafetensorsFile.serialize(tensors, metadata: [CodeFile.model: digest], as: .float16)
            try output.write(bytes)
            let values = architecture.height * architecture.width * architecture.channels
            let error = try remainingError(autoencoder, coded)
            guard !json else {
                let record = Record(
                    model: model.model, modelChecksum: digest, output: output.output, pictures: pictures.count,
                    pixelBytes: pictures.count * values, codeBytes: bytes.count, mse: error)
                return try printLines([jsonLine(record)])
            }
            try printLines([
                """
                \(pictures.count) pictures: \(pictures.count * values) bytes of pixels, \(bytes.count) bytes of codes \
                (1 : \(decimals(Double(pictures.count * values) / Double(max(1, bytes.count)), 1))), MSE \
                \(Metric.meanSquaredError.text(error))
                """
            ])
        }
    }

    private struct Record: Encodable {
        let model: String
        let modelChecksum: String
        let output: String
        let pictures: Int
        let pixelBytes: Int
        let codeBytes: Int
        let mse: Double
    }

    /// Of the codes as they are stored.
    private func remainingError(_ autoencoder: Autoencoder, _ coded: CodedPictures) throws -> Double {
        var sum = 0.0
        for start in stride(from: 0, to: coded.codes.count, by: 500) {
            try Interruption.check()
            let range = start..<min(start + 500, coded.codes.count)
            let stored = coded.codes[range].map { $0.map { Float(Float16($0)) } }
            let labels = coded.pictures[range].map(\.label)
            for (index, picture) in zip(range, try autoencoder.pictures(of: stored, labels: labels)) {
                sum += meanSquaredError(picture, autoencoder.input(of: coded.pictures[index].image))
            }
        }
        return sum / Double(max(1, coded.codes.count))
    }
}

struct LatentDecompressCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decompress",
        abstract: "Makes pictures of a file of codes.",
        discussion: "Writes them as PNG files with numbers to a folder, which it makes.")

    @OptionGroup var model: LatentModelOptions

    @Argument(help: "File of restore latent compress.", completion: .file())
    var codes: String

    @Option(name: .shortAndLong, help: ArgumentHelp("Folder to write to.", valueName: "folder"), completion: .directory)
    var output: String

    @Flag(help: "Write to a folder that is there already, and replace files of the same names.")
    var overwrite = false

    @Flag(help: "Print a JSON record to stdout.")
    var json = false

    func run() throws {
        try reportingFailure {
            let autoencoder = try model.load()
            let file = try SafetensorsFile(path: codes)
            let path = try model.models.catalog().find(model.model).path
            let size = autoencoder.architecture.codeSize
            guard let shape = file.shape(of: CodeFile.tensor), shape.count == 2 else {
                throw WeightsError.damaged(path: codes, reason: "it has no codes")
            }
            guard shape[1] == size, file.metadata[CodeFile.model] == (try CodeFile.checksum(path)) else {
                throw WeightsError.damaged(path: codes, reason: "its codes are those of another model")
            }
            let values = try file.values(of: CodeFile.tensor)
            let labels = try file.shape(of: CodeFile.labels).map { _ in try file.values(of: CodeFile.labels) }
            guard labels.map({ $0.count == shape[0] }) ?? true else {
                throw WeightsError.damaged(path: codes, reason: "it has not one label for each code")
            }
            guard overwrite || pathKind(output) == .missing else {
                throw FileError.alreadyExists(path: output)
            }
            try makeDirectory(output)
            let digits = "\(max(0, shape[0] - 1))".count
            for start in stride(from: 0, to: shape[0], by: 500) {
                try Interruption.check()
                let range = start..<min(start + 500, shape[0])
                let part = range.map { Array(values[($0 * size)..<(($0 + 1) * size)]) }
                let classes = range.map { index in labels.flatMap { Int(exactly: $0[index]) } }
                for (index, picture) in zip(range, try autoencoder.pictures(of: part, labels: classes)) {
                    let number = String(repeating: "0", count: digits - "\(index)".count) + "\(index)"
                    try writeImage(
                        autoencoder.image(of: picture), to: joinPath(output, "\(number).png"),
                        encoding: ImageEncoding(format: .png), overwrite: overwrite)
                }
            }
            let record = Record(model: model.model, codes: codes, output: output, pictures: shape[0])
            try printLines([json ? jsonLine(record) : "\(shape[0]) pictures written to \(output)"])
        }
    }

    private struct Record: Encodable {
        let model: String
        let codes: String
        let output: String
        let pictures: Int
    }
}
