import RestoreImage

/// An image in a file of many, or the only one of its file.
package struct DatasetRecord: Sendable {
    package let image: Image
    /// Its class, if the file has labels.
    package let label: Int?
    /// Its index in the file; nil in a file with a single image.
    package var index: Int?
}

/// The contents of an image file, record by record.
package struct DatasetRecords: Sendable {
    /// Usable records, in the file's order.
    package var intact: [DatasetRecord] = []
    /// Unusable records, with the reason.
    package var broken: [(index: Int, reason: String)] = []
}
