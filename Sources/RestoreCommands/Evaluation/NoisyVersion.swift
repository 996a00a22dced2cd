import RestoreConcurrency
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN
import RestoreTraining

/// The noisy version of a clean picture.
enum NoisyVersion {
    /// Interleaved sRGB floats, not clipped, which no file could hold.
    case colors([Float])
    /// A picture as `denoise` reads it, with its JPEG parameters and metadata.
    case picture(DecodedImage)

    /// Interleaved sRGB floats.
    var colors: [Float] {
        switch self {
        case .colors(let colors): colors
        case .picture(let picture): picture.image.colors
        }
    }

    /// How strongly JPEG has quantized it, as far as is known.
    var compression: CompressionStrength {
        guard case .picture(let picture) = self else { return .none }
        return CompressionStrength(of: picture)
    }

    /// What restoring does with it unless it is told.
    ///
    /// - Parameter clean: the clean picture, which has the same size and as many channels.
    func analysis(clean: Image, by models: DenoiserSelection) throws -> PictureAnalysis {
        switch self {
        case .colors(let colors):
            PictureAnalysis(
                colors: colors, width: clean.width, height: clean.height,
                isGray: clean.channelLayout.colorChannelCount == 1, pool: models.pool)
        case .picture(let picture): try models.analysis(of: picture)
        }
    }

    /// The version without its noise, as interleaved sRGB floats: those of the restored picture if it is one; and the
    /// level that was assumed, of 255, if the network is told one.
    func restored(
        by denoiser: Denoiser, clean: Image, options: Denoiser.Options
    ) throws -> (colors: [Float], sigma: Double?) {
        let progress = { (_: Double) in try Interruption.check() }
        switch self {
        case .colors(let colors):
            return try denoiser.denoise(
                colors: colors, width: clean.width, height: clean.height, options: options, progress: progress)
        case .picture(let picture):
            let result = try denoiser.denoise(picture.image, options: options, progress: progress)
            return (result.image.colors, result.sigma)
        }
    }
}

/// The noise that is added to clean pictures, or where their noisy versions are.
enum NoiseSource {
    /// White noise of this standard deviation, of 255.
    case gaussian(sigma: Double)
    case photo(PhotographNoise.Level)
    case jpeg(quality: Int)
    /// A folder with files of the same names, or a file.
    case files(String)

    /// The noisy version of the picture in `file`.
    ///
    /// - Parameter seed: of the noise, which also depends on the file's name.
    /// - Throws: `ImageError`; `EvaluationError` for a version of another size.
    func version(of clean: Image, file: String, seed: UInt64) throws -> NoisyVersion {
        var generator = SeededGenerator(seed: seed, path: stableHash(lastPathComponent(of: file)))
        switch self {
        case .gaussian(let sigma):
            return .colors(GaussianNoise(sigma: sigma).noisyColors(of: clean, generator: &generator))
        case .photo(let level):
            return .picture(try PhotographNoise(level: level).photograph(clean, path: file, generator: &generator))
        case .jpeg(let quality):
            return .picture(try JPEGCompression(quality: quality, subsamplesColor: true).decoded(clean, path: file))
        case .files(var path):
            if pathKind(path) == .directory { path = joinPath(path, lastPathComponent(of: file)) }
            let version = try readImage(path)
            guard (version.image.width, version.image.height) == (clean.width, clean.height) else {
                throw EvaluationError.differentSizes(path, version.image, file, clean)
            }
            return .picture(version)
        }
    }
}

enum EvaluationError: Error, CustomStringConvertible {
    case differentSizes(String, Image, String, Image)
    case notComparable(String, ImageComparisonError)

    var description: String {
        switch self {
        case .differentSizes(let path, let image, let other, let expected):
            "\(path): is \(image.width)×\(image.height), expected \(expected.width)×\(expected.height) as \(other)"
        case .notComparable(let path, let error):
            "\(path): \(error)"
        }
    }
}
