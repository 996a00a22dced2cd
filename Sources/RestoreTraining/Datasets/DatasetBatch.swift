import RestoreImage

/// A picture of a file that holds many, or the only one of its file.
package struct DatasetRecord: Sendable {
    package let image: Image
    /// Its class, where the file tells.
    package let label: Int?
    /// Its place in the file, from 0; nil in a file of one picture.
    package var index: Int?
}

/// What a file of many pictures holds.
package struct DatasetBatch: Sendable {
    package var records: [DatasetRecord] = []
    /// Records that give no picture, and why.
    package var broken: [(index: Int, reason: String)] = []
}
