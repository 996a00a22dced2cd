import RestoreFiles
import Testing

@Suite struct NumPyFileTests {
    @Test func itIsVersionOneWithAlignedValues() {
        let bytes = NumPyFile.bytes([1, -2, 0.5, 3, 4, 5] as [Float], shape: [2, 3])
        #expect(bytes[0..<8] == [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0])
        let length = Int(bytes[8]) + 256 * Int(bytes[9])
        #expect((10 + length) % 64 == 0 && bytes.count == 10 + length + 24)
        let header = String(decoding: bytes[10..<(10 + length)], as: UTF8.self)
        #expect(
            header.hasPrefix("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }") && header.hasSuffix(" \n"))
        #expect(bytes[(10 + length)..<(18 + length)] == [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0])
    }

    @Test func oneAxisHasAComma() {
        let bytes = NumPyFile.bytes([-1, 7] as [Int32], shape: [2])
        #expect(
            String(decoding: bytes[10..<128], as: UTF8.self).contains("'<i4', 'fortran_order': False, 'shape': (2,), }")
        )
        #expect(bytes.suffix(8) == [255, 255, 255, 255, 7, 0, 0, 0])
    }
}
