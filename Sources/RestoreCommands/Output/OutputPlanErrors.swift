/// Outputs that exist, so that no work is begun.
struct ExistingOutputs: Error, CustomStringConvertible {
    let paths: [String]
    /// Of all jobs.
    let outputCount: Int

    var description: String {
        let named = paths.prefix(3).joined(separator: ", ")
        let more = paths.count > 3 ? " and \(paths.count - 3) more" : ""
        return """
            \(named)\(more): \(paths.count) of \(outputCount) outputs exist\(paths.count == 1 ? "s" : "") already, and nothing \
            was done; --skip-existing leaves them out, --overwrite replaces them
            """
    }
}

/// Two files that exist, of which nobody can tell whether the second is an input or an output.
struct AmbiguousPair: Error, CustomStringConvertible {
    let path: String

    var description: String {
        """
        \(path): exists already; if it is the output, --overwrite replaces it; if it is a second input, say --output FOLDER
        """
    }
}
