/// Why a computation could not be made.
public enum LinearAlgebraError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The system's loader cannot load OpenBLAS; `reason` is its own message.
    case libraryMissing(reason: String)
    /// The library was loaded but lacks a function.
    case functionMissing(library: String, function: String)
    /// A covariance needs two rows.
    case tooFewRows(Int)
    /// There are not as many components as were asked for.
    case tooManyComponents(Int, features: Int)
    /// Values that are not finite, or whose squares are not, in feature `feature`.
    case notFinite(feature: Int)
    /// LAPACK gave up; `status` is its `info`.
    case noConvergence(routine: String, status: Int)

    public var description: String {
        switch self {
        case .libraryMissing(let reason):
            "OpenBLAS cannot be loaded (\(reason)); it is in the Debian package libopenblas0"
        case .functionMissing(let library, let function):
            "\(library) has no function \(function); the one in the Debian package libopenblas0 does"
        case .tooFewRows(let count):
            "principal components need at least 2 rows, found \(count)"
        case .tooManyComponents(let count, let features):
            "\(features) features have 1 to \(features) principal components, not \(count)"
        case .notFinite(let feature):
            "feature \(feature) has a value that is not finite or too large to square"
        case .noConvergence(let routine, let status):
            "LAPACK's \(routine) did not converge (info \(status))"
        }
    }
}
