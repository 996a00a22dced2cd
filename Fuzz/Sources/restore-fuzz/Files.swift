import Glibc

/// An unlinked file in memory, which disappears with the program however that ends.
private let descriptor: Int32 = {
    let path = "/dev/shm/restore-fuzz-\(getpid())"
    defer { unlink(path) }
    return open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
}()

/// A path to a file that contains `bytes`, valid until the next call.
func file(of bytes: [UInt8]) -> String? {
    guard ftruncate(descriptor, 0) == 0, pwrite(descriptor, bytes, bytes.count, 0) == bytes.count else { return nil }
    return "/proc/self/fd/\(descriptor)"
}

/// The contents of a small file.
func contents(of path: String) -> [UInt8]? {
    guard let file = fopen(path, "rb") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = fread(&bytes, 1, bytes.count, file)
    return count > 0 ? Array(bytes[..<count]) : nil
}

/// A PNG file with every checksum corrected.
func withChecksums(_ bytes: [UInt8]) -> [UInt8] {
    func number(_ place: Int) -> Int { bytes[place..<place + 4].reduce(0) { $0 << 8 | Int($1) } }
    var result = bytes
    var place = 8
    while place <= bytes.count - 12 {
        let length = number(place)
        guard length <= bytes.count - place - 12 else { break }
        let end = place + 8 + length
        let sum = checksum(bytes[place + 4..<end])
        for index in 0..<4 { result[end + index] = UInt8(truncatingIfNeeded: sum >> (24 - 8 * UInt32(index))) }
        place = end + 4
    }
    return result
}

/// CRC-32 (PNG 3rd edition, annex D).
private func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    ~bytes.reduce(~0) { sum, byte in sums[Int((sum ^ UInt32(byte)) & 0xFF)] ^ sum >> 8 }
}

private let sums: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { sum, _ in sum & 1 == 1 ? 0xEDB8_8320 ^ sum >> 1 : sum >> 1 }
}
