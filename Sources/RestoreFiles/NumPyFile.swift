/// NumPy's file format for one array, version 1.0 (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html):
/// what `numpy.load` reads.
public enum NumPyFile {
    /// The bytes of an array of `float32` in C order.
    ///
    /// - Precondition: as many values as the shape says.
    public static func bytes(_ values: [Float], shape: [Int]) -> [UInt8] {
        precondition(values.count == shape.reduce(1, *), "\(values.count) values for \(shape)")
        return header("<f4", shape) + values.flatMap { littleEndian($0.bitPattern) }
    }

    /// The bytes of an array of `int32` in C order.
    ///
    /// - Precondition: as many values as the shape says.
    public static func bytes(_ values: [Int32], shape: [Int]) -> [UInt8] {
        precondition(values.count == shape.reduce(1, *), "\(values.count) values for \(shape)")
        return header("<i4", shape) + values.flatMap { littleEndian(UInt32(bitPattern: $0)) }
    }

    private static func littleEndian(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(value >> (8 * $0) & 255) } }

    /// Padded with spaces so that the values start at a multiple of 64.
    private static func header(_ type: String, _ shape: [Int]) -> [UInt8] {
        // A tuple of one needs its comma.
        let tuple = "(" + shape.map { "\($0)" }.joined(separator: ", ") + (shape.count == 1 ? ",)" : ")")
        var text = "{'descr': '\(type)', 'fortran_order': False, 'shape': \(tuple), }"
        let prefix = 10
        let padding = (64 - (prefix + text.utf8.count + 1) % 64) % 64
        text += String(repeating: " ", count: padding) + "\n"
        let length = text.utf8.count
        return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(length & 255), UInt8(length >> 8)] + Array(text.utf8)
    }
}
