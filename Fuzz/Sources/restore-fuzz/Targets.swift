import Glibc
import Logging
import RestoreImage
import RestoreModels
import RestoreNN
import RestoreTraining

/// What is fuzzed: each takes any bytes and must come back. Add a line here, and one with its seeds in run.sh.
let targets: [String: @Sendable ([UInt8]) -> Void] = [
    "safetensors": readWeights,
    "yaml": readConfiguration,
    "dataset": readDataset,
    "picture": readPicture,
]

/// Every tensor of a weight file, the model that it claims to be, and its conversion.
@Sendable private func readWeights(_ bytes: [UInt8]) {
    guard let file = try? SafetensorsFile(bytes: bytes, path: "fuzz") else { return }
    for name in file.tensorNames { _ = try? file.values(of: name) }
    precondition(file.valueCount <= 8 * bytes.count, "more values than bits")
    _ = try? file.converted(to: .float16)
    guard let metadata = try? ModelMetadata(file),
        let architecture = try? DenoiserArchitecture(json: metadata.architecture, path: "fuzz")
    else { return }
    _ = try? file.parameters(for: architecture.network)
}

@Sendable private func readConfiguration(_ bytes: [UInt8]) {
    var configuration = DenoiserConfiguration()
    guard (try? configuration.read(yaml: bytes, path: "fuzz")) != nil else { return }
    // What was understood must be understood again as it is written.
    var again = DenoiserConfiguration()
    do {
        try again.read(yaml: Array(configuration.yaml.utf8), path: "written")
    } catch {
        preconditionFailure("\(error): \(configuration.yaml)")
    }
    precondition(again == configuration, "\(configuration.yaml) is read as \(again.yaml)")
    _ = try? configuration.resolved()
}

/// Batches of CIFAR-10, IDX files and their gzipped forms, as training reads them.
@Sendable private func readDataset(_ bytes: [UInt8]) {
    // A file system in memory: nothing is worth keeping.
    let path = "/dev/shm/restore-fuzz-\(getpid())"
    guard let file = fopen(path, "wb") else { return }
    fwrite(bytes, 1, bytes.count, file)
    fclose(file)
    let pictures = try? PictureSet(
        sources: [DataSource(path: path)], minimumSide: 1, maximumBytes: 1 << 26, pool: pool, logger: silence)
    precondition((pictures?.pictures.count ?? 0) <= 1 << 22, "more pictures than may be")
}

/// A PNG or JPEG, and what is decoded from it through the encoder and back.
@Sendable private func readPicture(_ bytes: [UInt8]) {
    let limits = ImageLimits(maximumPixels: 1 << 20)
    guard let image = try? decodeImage(bytes, path: "fuzz", limits: limits).image else { return }
    guard let encoded = try? encodeImage(image, as: ImageEncoding(format: .png), path: "fuzz"),
        let again = try? decodeImage(encoded, path: "fuzz").image
    else { preconditionFailure("a picture of \(image.width)×\(image.height) is not written or not read again") }
    precondition(again == image, "a picture of \(image.width)×\(image.height) is read otherwise than it was written")
}

private let pool = WorkerPool(workerCount: 1)
private let silence = Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() }
