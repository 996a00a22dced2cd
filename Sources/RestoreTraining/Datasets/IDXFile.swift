import RestoreImage

/// IDX files, the format of MNIST (LeCun, Cortes, Burges): a magic number with the element type and number of
/// dimensions, the length of each dimension, in big-endian order, then the values, with the last dimension varying
/// fastest.
enum IDXFile {
    private static let labelMark: [UInt8] = [0, 0, 8, 1]
    private static let imageMark: [UInt8] = [0, 0, 8, 3]

    /// Limit on the number of images in a file: even a one-pixel image takes over a hundred bytes of memory.
    private static let maximumCount = 1 << 22

    static func isImages(_ bytes: [UInt8]) -> Bool { bytes.starts(with: imageMark) }
    static func isLabels(_ bytes: [UInt8]) -> Bool { bytes.starts(with: labelMark) }

    /// For an IDX file whose values are not bytes, or with another number of dimensions: what it contains.
    static func otherKind(_ bytes: [UInt8]) -> String? {
        let types: [UInt8: String] = [
            8: "bytes", 9: "signed bytes", 11: "16-bit numbers", 12: "32-bit numbers", 13: "floats", 14: "doubles",
        ]
        guard bytes.count >= 4, bytes[0] == 0, bytes[1] == 0, let type = types[bytes[2]], (1...8).contains(bytes[3])
        else { return nil }
        return "an IDX file of \(type) with \(bytes[3]) \(bytes[3] == 1 ? "axis" : "axes")"
    }

    /// The labels of a file for which `isLabels` is true.
    static func readLabels(_ bytes: [UInt8]) throws(FormatProblem) -> ArraySlice<UInt8> {
        bytes[try valueRange(bytes, axes: 1).values]
    }

    /// The gray images of a file for which `isImages` is true.
    static func readImages(_ bytes: [UInt8], labels: ArraySlice<UInt8>?) throws(FormatProblem) -> DatasetRecords {
        let (sides, values) = try valueRange(bytes, axes: 3)
        let (count, height, width) = (sides[0], sides[1], sides[2])
        guard count > 0, height > 0, width > 0 else {
            throw .damage("its header specifies \(count) images of \(width)×\(height)")
        }
        guard count <= maximumCount else {
            throw .unsupported("its header specifies \(count) images, more than the limit of \(maximumCount)")
        }
        // The product does not exceed the file's own size.
        let pixels = width * height
        var records = DatasetRecords()
        records.intact.reserveCapacity(count)
        for index in 0..<count {
            let start = values.lowerBound + index * pixels
            let image = Image(
                width: width, height: height, channelLayout: .gray,
                samples: .uint8(Array(bytes[start..<start + pixels])))
            let label = labels.map { Int($0[$0.startIndex + index]) }
            records.intact.append(DatasetRecord(image: image, label: label, index: index))
        }
        return records
    }

    /// The number of images given in the file's header, and thus the number of labels expected.
    static func imageCount(_ bytes: [UInt8]) throws(FormatProblem) -> Int {
        try valueRange(bytes, axes: 3).sides[0]
    }

    private static func valueRange(
        _ bytes: [UInt8], axes: Int
    ) throws(FormatProblem) -> (sides: [Int], values: Range<Int>) {
        let start = 4 + 4 * axes
        guard bytes.count >= start else {
            throw .damage("expected a header of \(start) bytes, found \(bytes.count)")
        }
        let sides = (0..<axes).map { axis in
            bytes[4 + 4 * axis..<8 + 4 * axis].reduce(0) { $0 << 8 | Int($1) }
        }
        var expected = start
        var overflowed = false
        let count = sides.reduce(1) { product, side in
            let next = product.multipliedReportingOverflow(by: side)
            overflowed = overflowed || next.overflow
            return next.partialValue
        }
        (expected, overflowed) = overflowed ? (0, true) : start.addingReportingOverflow(count)
        guard !overflowed, expected == bytes.count else {
            let text = sides.map { "\($0)" }.joined(separator: "×")
            let total = overflowed ? "more bytes than can be counted" : "\(expected) bytes"
            throw .damage("its header specifies \(text) values, so expected \(total), found \(bytes.count)")
        }
        return (sides, start..<bytes.count)
    }
}
