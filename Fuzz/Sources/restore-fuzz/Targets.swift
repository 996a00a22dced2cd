import RestoreConcurrency
import Logging
import RestoreModels
import RestoreNN
import RestoreTraining

/// The fuzz targets: each takes arbitrary bytes and must return. Add a line here, and one with its seeds in run.sh.
let targets: [String: @Sendable ([UInt8]) -> Void] = [
    "safetensors": readWeights,
    "yaml": readConfiguration,
    "dataset": readDataset,
    "picture": readPicture,
    "header": readHeader,
    "metadata-png": readMetadataOfPNG,
    "metadata-jpeg": readMetadata,
    "exif": editEXIF,
    "xmp": editXMP,
    "photoshop": editPhotoshopResources,
    "profile": readProfile,
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
    // Settings that were parsed must be parsed again after being written.
    var again = DenoiserConfiguration()
    do {
        try again.read(yaml: Array(configuration.yaml.utf8), path: "written")
    } catch {
        preconditionFailure("\(error): \(configuration.yaml)")
    }
    precondition(again == configuration, "\(configuration.yaml) is read as \(again.yaml)")
    _ = try? configuration.resolved()
}

/// CIFAR-10 batches, IDX files and their gzipped forms, as read by training.
@Sendable private func readDataset(_ bytes: [UInt8]) {
    guard let path = file(of: bytes) else { return }
    let pictures = try? PictureSet(
        sources: [DataSource(path: path)], minimumSide: 1, maximumBytes: 1 << 26, pool: pool, logger: silence)
    precondition((pictures?.pictures.count ?? 0) <= 1 << 22, "more pictures than may be")
}

private let pool = WorkerPool(workerCount: 1)
private let silence = Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() }
