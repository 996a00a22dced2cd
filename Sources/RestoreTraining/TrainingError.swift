import RestoreFiles
import RestoreNN

/// Why a training run cannot start or go on.
public enum TrainingError: Error, Equatable, Sendable, CustomStringConvertible {
    case file(FileError)
    case network(NetworkError)
    /// The GPU cannot be used, or failed.
    case device(reason: String)
    /// A checkpoint or a model to start from.
    case weights(WeightsError)
    /// The metrics of a run that is to go on cannot be read.
    case metrics(MetricsTableError)
    /// The score of a validation is NaN or infinite.
    case scoreNotFinite(step: Int)
    /// There are models or metrics of a run, and no checkpoint to go on from.
    case noCheckpoint(folder: String)
    /// Neither steps nor epochs nor a time limit.
    case noEnd
    /// A run cannot go on from the checkpoint of another.
    case otherRun(folder: String, reason: String)
    /// Nothing usable below these paths. `remedy` is a setting with which there would be.
    case noPictures(paths: [String], side: Int, remedy: String? = nil)
    /// No picture has one of these labels; `found` are the labels that there are.
    case noClasses([Int], found: [Int])
    /// Decoded, the pictures would take more than the limit.
    case tooMuchData(bytes: Int, limit: Int)
    /// The loss or the norm of the gradients is NaN or infinite.
    case notFinite(step: Int, pictures: [String])

    public var description: String {
        switch self {
        case .file(let error):
            return error.description
        case .network(let error):
            return error.description
        case .device(let reason):
            return reason
        case .weights(let error):
            return error.description
        case .metrics(let error):
            return error.description
        case .scoreNotFinite(let step):
            return "step \(step): the score of the validation is not finite"
        case .noCheckpoint(let folder):
            return "\(folder): it holds a run without any checkpoint to go on from"
        case .noEnd:
            return "a run needs an end: steps, epochs or a time limit"
        case .otherRun(let folder, let reason):
            return "\(folder): the checkpoint is of another run: \(reason)"
        case .noPictures(let paths, let side, let remedy):
            let advice = remedy.map { "; try \($0)" } ?? ""
            return "no picture of at least \(side)×\(side) pixels in \(paths.joined(separator: ", "))\(advice)"
        case .noClasses(let classes, let found):
            let wanted = classes.map(String.init).joined(separator: ", ")
            let labels = found.map(String.init).joined(separator: ", ")
            return "no picture of \(classes.count == 1 ? "class" : "the classes") \(wanted): "
                + (found.isEmpty ? "none of the pictures has a label" : "the labels are \(labels)")
        case .tooMuchData(let bytes, let limit):
            return "the pictures take more than \(bytes >> 20) MiB once decoded; the limit is \(limit >> 20) MiB"
        case .notFinite(let step, let pictures):
            return "step \(step): the loss is not finite; the batch was made of \(pictures.joined(separator: ", "))"
        }
    }
}
