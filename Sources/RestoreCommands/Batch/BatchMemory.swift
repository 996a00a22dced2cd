import Glibc
import RestoreFiles

/// How `--max-memory` is shared among the pictures of a batch that are under way at once.
struct BatchMemory {
    /// The program with a pool of so many threads, without a network or pictures.
    static func program(threads: Int) -> Int { (20 << 20) + threads * (68 << 10) }

    /// The program with a network and what that takes for small pictures.
    private static let programWithNetwork = 96 << 20

    /// What pictures and the network may take.
    private let available: Int

    /// - Parameter limit: of the whole program, in bytes.
    init(limit: Int) {
        available = max(0, limit - Self.programWithNetwork)
    }

    /// Whether a picture is read and written while the network works on others. A large one would not leave the network
    /// its share: it passes alone.
    ///
    /// - Parameter decodedBytes: memory of the decoded picture; nil where it is not known before it is read.
    func overlaps(decodedBytes: Int?) -> Bool {
        decodedBytes.map { $0 <= available / 20 } ?? false
    }

    /// What the pictures before and after may take while the network works on one: the next one decoded, its file and, of
    /// some JPEG files, its coefficients, which take twice as much; the previous one's result, its coefficients and its file.
    var neighbors: Int { available / 20 * 7 }
}

/// Has pictures and other large blocks given back to the system as soon as they are let go of, and all threads share the
/// small ones.
///
/// Left to itself the C library keeps what was let go of, a store for each thread, in pieces between which pictures of other
/// sizes do not fit: 500 pictures of five sizes took 6 to 20 % more than 5.
func keepFreedMemoryFromPilingUp() {
    // Of malloc.h, which Swift's Glibc module lacks; so may another C library.
    let (largestKeptBlock, storeCount): (Int32, Int32) = (-3, -8)  // M_MMAP_THRESHOLD, M_ARENA_MAX
    typealias MallOpt = @convention(c) (_ parameter: Int32, _ value: Int32) -> Int32
    guard let symbol = dlsym(nil, "mallopt") else { return }
    let mallopt = unsafeBitCast(symbol, to: MallOpt.self)
    _ = mallopt(largestKeptBlock, 256 << 10)
    _ = mallopt(storeCount, 1)
}

/// The most memory that the program has held so far, in bytes; nil where the system does not say.
func peakMemory() -> Int? {
    guard let status = try? readFile("/proc/self/status"),
        let line = String(decoding: status, as: UTF8.self).split(separator: "\n").first(where: {
            $0.hasPrefix("VmHWM:")
        })
    else { return nil }
    return Int(line.split { $0 == " " || $0 == "\t" }[1]).map { $0 << 10 }
}
