/// Files of small pictures, made as `Fixtures/datasets/make_datasets.py` makes them.
package enum DatasetBytes {
    /// The sample of channel `c` at pixel (x, y) of picture `index` of a CIFAR-10 batch.
    package static func sample(_ index: Int, x: Int, y: Int, c: Int) -> UInt8 {
        UInt8((37 * index + 91 * c + 5 * y + 3 * x) % 256)
    }

    /// All samples of a picture of a batch, interleaved.
    package static func samples(_ index: Int) -> [UInt8] {
        (0..<1024).flatMap { pixel in
            (0..<3).map { sample(index, x: pixel % 32, y: pixel / 32, c: $0) }
        }
    }

    /// A binary batch of CIFAR-10 with these labels, picture after picture.
    package static func cifarBatch(labels: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        for (index, label) in labels.enumerated() {
            bytes.append(label)
            for c in 0..<3 { bytes += (0..<1024).map { sample(index, x: $0 % 32, y: $0 / 32, c: c) } }
        }
        return bytes
    }

    /// An IDX file of bytes: its sides, and its values or zeros.
    package static func idx(_ sides: [UInt32], _ values: [UInt8]? = nil) -> [UInt8] {
        let header: [UInt8] = [0, 0, 8, UInt8(sides.count)] + sides.flatMap(bigEndian)
        return header + (values ?? [UInt8](repeating: 0, count: Int(sides.reduce(1, *))))
    }

    private static func bigEndian(_ value: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> UInt32($0)) }
    }
}
