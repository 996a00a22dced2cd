import RestoreText

extension RunReport.DataSet {
    /// The sources of a run, and the images held out from them.
    ///
    /// - Parameter skipped: files that could not be used.
    static func all(
        sources: [DataSource], training: PictureSet, validation: PictureSet, skipped: [PictureSet.Skipped]
    ) -> [RunReport.DataSet] {
        let sets = sources.map { source in
            RunReport.DataSet(
                name: source.path, role: "training, weight \(decimals(source.weight, 1))",
                pictureCount: training.pictures.count { source.contains($0.path) },
                skipped: skipped.filter { source.contains($0.path) }.map(\.reason))
        }
        return sets
            + [RunReport.DataSet(name: "held out", role: "validation", pictureCount: validation.pictures.count)]
    }
}

extension DataSource {
    /// Whether an image is the source itself, is inside it, or is a record of it.
    fileprivate func contains(_ picture: String) -> Bool {
        picture == path || picture.hasPrefix(path + "/") || picture.hasPrefix(path + "#")
            || (path.hasSuffix("/") && picture.hasPrefix(path))
    }
}
