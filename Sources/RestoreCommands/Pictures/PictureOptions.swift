import ArgumentParser
import RestoreFiles
import RestoreImage

/// What every command takes that makes pictures of pictures: which, where to, and what is said meanwhile.
package struct PictureOptions: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "PNG or JPEG files, folders, or - for stdin; the second of two is the output.", valueName: "input"))
    var paths: [String] = []

    @Option(name: .shortAndLong, help: ArgumentHelp("Input; may be given several times.", valueName: "path"))
    var input: [String] = []

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            "Output file, with .png or .jpg, - for stdout, or a folder, made as needed.", valueName: "path"))
    var output: String?

    @Flag(name: .shortAndLong, help: "Also the pictures in the folders below; their tree is mirrored.")
    var recursive = false

    @Option(name: .shortAndLong, help: "Format of the output, whatever its extension says.")
    package var format: ImageFormat?

    @Flag(help: "Leave out EXIF, XMP, IPTC, texts and resolution. The color profile stays: without it colors change.")
    var strip = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Pictures with more megapixels are refused.", valueName: "megapixels"))
    var maxPixels = 512

    @Flag(help: "Of damaged pictures take what can be read, with a warning, rather than refuse them.")
    var tolerant = false

    @Option(help: ArgumentHelp("Also write before and after side by side; for one input.", valueName: "path"))
    var compare: String?

    @Flag(help: "Replace outputs that exist.")
    var overwrite = false

    @Flag(help: "Leave out pictures whose outputs exist: goes on with a batch that was interrupted.")
    var skipExisting = false

    @Flag(help: "Say which file would become which, and do nothing.")
    var dryRun = false

    @Flag(help: "One JSON record a file on stdout.")
    var json = false

    @Option(help: "How progress is shown.")
    var progress = ProgressStyle.auto

    package init() {}

    /// For the discussion of a command whose outputs that are not named get this suffix.
    static func discussion(suffix: String) -> String {
        """
        Without an output the result stands beside the input: photo.jpg becomes photo\(suffix).jpg. Of a folder its own \
        pictures are taken, with -r also those below; files there whose names end in the suffix are results of an earlier \
        run and are passed over, and so is an output folder that lies in an input folder. Nothing is overwritten unless \
        --overwrite is given, and a batch with an output that exists does not begin: --skip-existing leaves those out. \
        A picture that fails is named, and the rest is done.
        """
    }

    package func validate() throws {
        guard !(paths + input).isEmpty else { throw ValidationError("At least one input is needed.") }
        guard (1...1_000_000).contains(maxPixels) else { throw ValidationError("--max-pixels takes 1 or more.") }
        guard !(overwrite && skipExisting) else {
            throw ValidationError("--overwrite and --skip-existing exclude each other.")
        }
    }

    var limits: ImageLimits { ImageLimits(maximumPixels: maxPixels * 1_000_000) }

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
