import ArgumentParser
import RestoreFiles
import RestoreImage

/// What every command takes that makes pictures of pictures: which, where to, and what is said meanwhile.
package struct PictureOptions: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "PNG or JPEG files, folders, or - for stdin. Of two, the second is the output.", valueName: "input"),
        completion: .pictures)
    var paths: [String] = []

    @Option(
        name: .shortAndLong, help: ArgumentHelp("Input; can be repeated.", valueName: "path"), completion: .pictures)
    var input: [String] = []

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            "Output file ending in .png or .jpg, - for stdout, or a folder, created if needed.", valueName: "path"),
        completion: .pictures)
    var output: String?

    @Flag(name: .shortAndLong, help: "Include subfolders, and mirror their structure in the output.")
    var recursive = false

    @Option(name: .shortAndLong, help: "Output format, regardless of the extension.")
    package var format: ImageFormat?

    @Flag(help: "Drop EXIF, XMP, IPTC, texts and resolution. The color profile is kept, because colors depend on it.")
    var strip = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Reject images with more megapixels.", valueName: "megapixels"))
    var maxPixels = 512

    @Flag(help: "Read as much as possible of a damaged image, with a warning, instead of rejecting it.")
    var tolerant = false

    @Option(
        help: ArgumentHelp(
            "Also write the original and the result side by side; for a single input.", valueName: "path"),
        completion: .pictures)
    var compare: String?

    @Flag(help: "Replace existing outputs.")
    var overwrite = false

    @Flag(help: "Give results the modification times of their inputs.")
    var preserveTimes = false

    @Flag(help: "Skip images whose outputs exist, for example to resume an interrupted batch.")
    var skipExisting = false

    @Flag(help: "Print which file would become which, without doing anything.")
    var dryRun = false

    @Flag(help: "Print one JSON record per file to stdout.")
    var json = false

    @Option(help: "How to show progress.")
    var progress = ProgressStyle.auto

    package init() {}

    /// For the discussion of a command whose outputs that are not named get this suffix.
    static func discussion(suffix: String) -> String {
        """
        Without an output, the result is written next to the input: photo.jpg becomes photo\(suffix).jpg. For a folder, its \
        images are processed, and with -r those of its subfolders too. Files in folders whose names end in the suffix are \
        results of an earlier run and are skipped, as is an output folder inside an input folder. Nothing is overwritten \
        unless --overwrite is given. If any output exists, a batch does not start; --skip-existing skips those images. An \
        image that fails is reported, and the others are processed.
        """
    }

    package func validate() throws {
        guard !(paths + input).isEmpty else { throw ValidationError("At least one input is required.") }
        guard (1...1_000_000).contains(maxPixels) else { throw ValidationError("--max-pixels takes 1 or more.") }
        guard !(overwrite && skipExisting) else {
            throw ValidationError("--overwrite and --skip-existing exclude each other.")
        }
    }

    var limits: ImageLimits {
        ImageLimits(maximumPixels: maxPixels * 1_000_000, minimumCountedSide: Self.narrowestComputed)
    }

    /// Networks pad narrower pictures to at least this many pixels, and what they compute counts toward `--max-pixels`.
    private static let narrowestComputed = 16

    /// How a result is stored at `path`. A JPEG of a JPEG keeps tables, sampling and progression unless a quality is asked
    /// for. What cannot be stored is said here, before the work, which may take minutes.
    ///
    /// - Parameters:
    ///   - format: nil where the path's extension or the input decides.
    ///   - quality: of JPEG output, 1…100.
    /// - Throws: `ImageError.unknownExtension` or `.cannotEncode`.
    package func encoding(
        for path: String, format: ImageFormat?, of input: DecodedImage, quality: Int?
    ) throws(ImageError) -> ImageEncoding {
        var encoding = try OutputPlan.encoding(for: path, format: format, input: input.format, quality: quality)
        if quality == nil { encoding.jpegParameters = input.jpeg }
        try encoding.requireAbility(toStore: input.image, path: path)
        return encoding
    }

    /// The comparison that `--compare` asks for.
    ///
    /// - Throws: as `encoding`.
    package func comparison(of input: DecodedImage, quality: Int?) throws(ImageError) -> RestoredPicture.Comparison? {
        guard let compare else { return nil }
        let encoding = try encoding(for: compare, format: nil, of: input, quality: quality)
        return RestoredPicture.Comparison(original: input.image, path: compare, encoding: encoding)
    }

    /// The pixels of an unchanged picture as they are coded, for an output of the input's format; nil for another format and
    /// for a JPEG whose quality was given, which are coded anew.
    func coded(_ input: DecodedImage, for encoding: ImageEncoding, quality: Int?) -> CodedImage? {
        let isAnew = encoding.format == .jpeg && quality != nil
        return encoding.format == input.format && !isAnew ? input.coded : nil
    }

    /// What the output says beside its pixels.
    package func metadata(of input: DecodedImage) -> ImageMetadata { strip ? input.metadata.stripped : input.metadata }

    /// Which file each input becomes, checked before any work.
    ///
    /// - Parameters:
    ///   - suffix: between name and extension of outputs that are not named, if it was given.
    ///   - defaultSuffix: where it was not.
    ///   - companions: inputs besides the pictures.
    ///   - versionCount: results of each picture, which are numbered if there are several.
    /// - Throws: the errors of `OutputPlan`, and those of a comparison that cannot be written.
    package func plan(
        suffix: String?, defaultSuffix: String, companions: [OutputPlan.CompanionSource] = [], versionCount: Int = 1
    ) throws -> OutputPlan {
        try recordingFailure {
            try checkedPlan(
                suffix: suffix, defaultSuffix: defaultSuffix, companions: companions, versionCount: versionCount)
        }
    }

    /// What comes before the work: with `--json`, an error that it throws is also the record of every input.
    func recordingFailure<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch {
            // Standard output may be meant for a picture.
            guard json, output != OutputPlan.stream, paths.last != OutputPlan.stream else { throw error }
            let pictures = (error as? ExistingOutputs)?.pictures ?? OutputPlan.inputs(input, paths, output: output)
            for picture in pictures {
                try Console.data(jsonLine(FailureRecord(file: picture, error: explanation(of: error))))
            }
            throw error
        }
    }

    private func checkedPlan(
        suffix: String?, defaultSuffix: String, companions: [OutputPlan.CompanionSource], versionCount: Int
    ) throws -> OutputPlan {
        if let compare { try OutputPlan.requireName(compare) }
        let plan = try OutputPlan(
            OutputPlan.Request(
                inputs: input, paths: paths, output: output, format: format, suffix: suffix,
                defaultSuffix: defaultSuffix, companions: companions, versionCount: versionCount, overwrite: overwrite,
                skipsExisting: skipExisting, recursive: recursive))
        if json, plan.jobs.contains(where: \.isStreamed) {
            throw UsageError(description: "-: a picture and the records of --json do not both fit on stdout")
        }
        if !dryRun { try plan.requireRedirection() }
        try checkComparison(plan)
        return plan
    }

    private func checkComparison(_ plan: OutputPlan) throws {
        guard let compare else { return }
        guard plan.jobs.count + plan.existing.count == 1, !plan.hasSeveralInputs else {
            throw UsageError(description: "--compare takes one input")
        }
        for job in plan.jobs {
            for output in job.outputs {
                guard output == OutputPlan.stream || canonicalPath(output) != canonicalPath(compare) else {
                    throw UsageError(description: "\(compare): both the output and the comparison")
                }
            }
            for input in job.inputs where input.path != OutputPlan.stream {
                guard let identity = FileIdentity(input.path), identity == FileIdentity(compare) else { continue }
                throw UsageError(description: "\(compare): both the input and the comparison")
            }
            try OutputPlan.requireReplaceable(compare, overwrite: overwrite)
            try OutputPlan.requireFolder(parentFolder(of: compare), for: compare)
        }
    }
}
