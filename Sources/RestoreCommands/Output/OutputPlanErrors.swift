/// Outputs of a batch that already exist, so the batch does not start.
struct ExistingOutputs: Error, CustomStringConvertible {
    let paths: [String]
    /// Those of all jobs.
    let pictures: [String]
    /// Number of outputs of all jobs.
    let outputCount: Int

    var description: String {
        let named = paths.prefix(3).joined(separator: ", ")
        let more = paths.count > 3 ? " and \(paths.count - 3) more" : ""
        return """
            \(named)\(more): \(paths.count) of \(outputCount) outputs already exist\(paths.count == 1 ? "s" : ""); \
            nothing was done; use --skip-existing or --overwrite
            """
    }
}

/// Two existing files, where the second could be an input or an output.
struct AmbiguousPair: Error, CustomStringConvertible {
    let path: String

    var description: String {
        """
        \(path): already exists; use --overwrite if it is the output, or --output FOLDER if it is a second input
        """
    }
}
