import Glibc
import RestoreFiles

/// Returns pictures and other large blocks to the system as soon as they are freed, and lets all threads share one arena
/// for small blocks.
///
/// By default the C library keeps freed memory, in an arena per thread, in fragments between which pictures of other sizes
/// do not fit: 500 pictures of five sizes took 6 to 20% more than 5.
func keepFreedMemoryFromPilingUp() {
    // Of malloc.h, which Swift's Glibc module lacks; so may another C library.
    let (largestKeptBlock, storeCount): (Int32, Int32) = (-3, -8)  // M_MMAP_THRESHOLD, M_ARENA_MAX
    typealias MallOpt = @convention(c) (_ parameter: Int32, _ value: Int32) -> Int32
    guard let symbol = dlsym(nil, "mallopt") else { return }
    let mallopt = unsafeBitCast(symbol, to: MallOpt.self)
    _ = mallopt(largestKeptBlock, 256 << 10)
    _ = mallopt(storeCount, 1)
}

/// The program's peak memory so far, in bytes; nil if the system does not report it.
func peakMemory() -> Int? {
    guard let status = try? readFile("/proc/self/status"),
        let line = String(decoding: status, as: UTF8.self).split(separator: "\n").first(where: {
            $0.hasPrefix("VmHWM:")
        })
    else { return nil }
    return Int(line.split { $0 == " " || $0 == "\t" }[1]).map { $0 << 10 }
}
