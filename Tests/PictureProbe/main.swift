import ArgumentParser
import RestoreCommands
import RestoreConcurrency
import RestoreImage

/// A task for tests of what all picture tasks share: several inputs, several versions, a gray picture that becomes a color
/// picture. Version n has the colors (n / 10, gray of the mask's first pixel, gray of the picture's first pixel).
struct PictureProbe: ParsableCommand {
    @OptionGroup var pictures: PictureOptions

    @Option(help: "A file, or a folder with one per picture.")
    var mask: String?

    @Option(help: "Versions of each picture.")
    var versions = 1

    @OptionGroup var tiling: TilingOptions
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var verbosity: VerbosityOptions

    func run() throws {
        try reportingFailure {
            let companions = mask.map { [OutputPlan.CompanionSource(role: .mask, path: $0)] } ?? []
            let plan = try pictures.plan(
                suffix: nil, defaultSuffix: "_probed", companions: companions, versionCount: versions)
            let run = PictureRun(
                plan: plan, options: pictures, memory: tiling.budget(threads: threads.count), pool: threads.pool,
                verbosity: verbosity, participle: "probed")
            try run.run(prepare: {}, restore: restore)
        }
    }

    private func restore(_ loaded: LoadedJob) throws -> RestoredPicture {
        var decoded = loaded.decoded
        decoded.makeColor()
        let encoding = try pictures.encoding(
            for: loaded.job.outputs[0], format: pictures.format, of: decoded, quality: nil)
        let comparison = try pictures.comparison(of: loaded.decoded, quality: nil)
        let mask = loaded.companions[.mask]?.image.colors[0] ?? 0
        let gray = loaded.decoded.image.colors[0]
        var requirement = JobMemory.Requirement()
        var results: [RestoredPicture.Version] = []
        for number in 1...loaded.job.outputs.count {
            let colors = (0..<decoded.image.pixelCount).flatMap { _ in [Float(number) / 10, mask, gray] }
            let image = try decoded.image.colorized(with: colors)
            requirement.add(resultLike: image, encoding: encoding)
            results.append(
                RestoredPicture.Version(image: image, metadata: pictures.metadata(of: decoded), encoding: encoding))
        }
        if let comparison {
            requirement.add(
                comparisonOf: results.count + 1, like: decoded.image, encoding: comparison.encoding)
        }
        try loaded.progress(1)
        guard case .memory(let left) = loaded.memory.share(for: requirement).tiling else {
            preconditionFailure("pieces of a given size")
        }
        return RestoredPicture(versions: results, comparison: comparison) { [job = loaded.job] circumstances in
            let record = Record(
                file: job.picture, outputs: job.outputs, memory: left, warnings: circumstances.warnings)
            return (record, [])
        }
    }
}

private struct Record: Encodable {
    let file: String
    let outputs: [String]
    /// Left for a network.
    let memory: Int
    let warnings: [String]
}

PictureProbe.main()
