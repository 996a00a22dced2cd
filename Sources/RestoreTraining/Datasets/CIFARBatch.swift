import RestoreImage

/// Batches of CIFAR-10 (Krizhevsky 2009, "Learning multiple layers of features from tiny images"): 32×32 images in ten
/// classes, stored as separate color planes.
enum CIFARBatch {
    static let side = 32
    static let classCount = 10
    private static let planeBytes = side * side
    private static let pictureBytes = 3 * planeBytes
    /// A label, followed by the image.
    private static let recordBytes = 1 + pictureBytes

    // MARK: Binary

    /// Whether these bytes are a binary batch. The format has no magic number, so a batch is recognized by records of
    /// 3,073 bytes of which most, at least, begin with a label in 0…9. A truncated batch is recognized by its first 16
    /// records.
    static func isBinary(_ bytes: [UInt8]) -> Bool {
        let count = bytes.count / recordBytes
        guard count > 0, count >= 16 || bytes.count.isMultiple(of: recordBytes) else { return false }
        let good = (0..<count).reduce(0) { $0 + (bytes[$1 * recordBytes] < classCount ? 1 : 0) }
        return good * 10 >= count * 9
    }

    /// Whether these bytes are a binary batch of CIFAR-100, with two labels, 0…19 and 0…99, before each image.
    static func isBinaryOf100Classes(_ bytes: [UInt8]) -> Bool {
        let size = 2 + pictureBytes
        guard !bytes.isEmpty, bytes.count.isMultiple(of: size) else { return false }
        return stride(from: 0, to: bytes.count, by: size).allSatisfy { bytes[$0] < 20 && bytes[$0 + 1] < 100 }
    }

    static func readBinary(_ bytes: [UInt8]) -> DatasetRecords {
        var records = DatasetRecords()
        let count = bytes.count / recordBytes
        records.intact.reserveCapacity(count)
        for index in 0..<count {
            let start = index * recordBytes
            let label = Int(bytes[start])
            if label < classCount {
                records.intact.append(
                    DatasetRecord(image: image(bytes, planesAt: start + 1), label: label, index: index))
            } else {
                records.broken.append((index, "its label is \(label), expected 0 to \(classCount - 1)"))
            }
        }
        if bytes.count > count * recordBytes {
            records.broken.append(
                (
                    count,
                    "the file ends inside it: expected \((count + 1) * recordBytes) bytes, found \(bytes.count)"
                ))
        }
        return records
    }

    // MARK: Python

    /// Reads a Python batch: a pickle of a dictionary with `data`, an array of n × 3,072 bytes, and `labels`, n
    /// numbers.
    static func readPython(_ bytes: [UInt8]) throws(FormatProblem) -> DatasetRecords {
        let dictionary = try PickleDictionary(bytes)
        for name in ["fine_labels", "coarse_labels"] where dictionary[name] != nil {
            throw .unsupported("it is a batch of CIFAR-100 (it has '\(name)'); only CIFAR-10 is read")
        }
        guard let content = dictionary["data"] else {
            throw .unsupported("the dictionary has no 'data'; its keys are \(dictionary.keyList)")
        }
        let planes = try dictionary.byteArray(content, named: "data", columns: pictureBytes)
        let labels = try dictionary["labels"].map { (value) throws(FormatProblem) in
            try dictionary.numbers(value, named: "labels")
        }
        let count = planes.range.count / pictureBytes
        if let labels, labels.count != count {
            throw .damage("expected \(count) labels, one per image, found \(labels.count)")
        }
        var records = DatasetRecords()
        records.intact.reserveCapacity(count)
        for index in 0..<count {
            let label = labels?[index]
            if let label, !(0..<classCount).contains(label) {
                records.broken.append((index, "its label is \(label), expected 0 to \(classCount - 1)"))
                continue
            }
            let start = planes.range.lowerBound + index * pictureBytes
            records.intact.append(
                DatasetRecord(image: image(planes.bytes, planesAt: start), label: label, index: index))
        }
        return records
    }

    // MARK: Pixels

    /// The image whose red, green and blue planes begin at `start`; they are inside `bytes`.
    private static func image(_ bytes: [UInt8], planesAt start: Int) -> Image {
        let samples = [UInt8](unsafeUninitializedCapacity: pictureBytes) { buffer, initializedCount in
            bytes[start..<start + pictureBytes].withUnsafeBufferPointer { planes in
                for pixel in 0..<planeBytes {
                    for channel in 0..<3 { buffer[3 * pixel + channel] = planes[channel * planeBytes + pixel] }
                }
            }
            initializedCount = pictureBytes
        }
        return Image(width: side, height: side, channelLayout: .rgb, samples: .uint8(samples))
    }
}
