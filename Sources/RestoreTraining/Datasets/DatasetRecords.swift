import RestoreImage

/// A picture of a file that holds many, or the only one of its file.
package struct DatasetRecord: Sendable {
    package let image: Image
    /// Its class, where the file tells.
    package let label: Int?
    /// Its place in the file, from 0; nil in a file of one picture.
    package var index: Int?
}

/// What a file of pictures holds, record by record.
package struct DatasetRecords: Sendable {
    /// Records that give a picture, in the file's order.
    package var intact: [DatasetRecord] = []
    /// Records that give none, and why.
    package var broken: [(index: Int, reason: String)] = []
}
