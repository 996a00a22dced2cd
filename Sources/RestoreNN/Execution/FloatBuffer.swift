import Glibc

/// Floats in memory aligned to a cache line, freed with the object. Not zeroed: the operating system gives pages only
/// when they are touched, so a plan's reserve costs nothing until it is used. Large buffers ask for large pages, which the
/// system hands out and takes back in a fraction of the time.
final class FloatBuffer: @unchecked Sendable {
    let base: UnsafeMutablePointer<Float>
    let count: Int

    private static let largePage = 2 << 20

    init(count: Int) {
        self.count = count
        let bytes = max(count, 1) * MemoryLayout<Float>.stride
        let isLarge = bytes >= 2 * Self.largePage
        let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: isLarge ? Self.largePage : 64)
        // Where the system has no large pages, small ones do.
        if isLarge { _ = madvise(memory, bytes, MADV_HUGEPAGE) }
        base = memory.bindMemory(to: Float.self, capacity: max(count, 1))
    }

    deinit {
        base.deallocate()
    }
}

/// Refuses buffers that the machine's memory cannot hold, before any is taken: an allocation that fails ends the program.
///
/// - Throws: `NetworkError.tooLarge`.
func requireMemory(floats: Int) throws(NetworkError) {
    let pages = sysconf(Int32(_SC_PHYS_PAGES))
    let (memory, overflowed) = pages.multipliedReportingOverflow(by: sysconf(Int32(_SC_PAGESIZE)))
    let bytes = floats.multipliedReportingOverflow(by: MemoryLayout<Float>.stride)
    guard pages > 0, !overflowed, bytes.overflow || bytes.partialValue > memory else { return }
    throw .tooLarge(bytes: bytes.overflow ? .max : bytes.partialValue, memory: memory)
}

/// Working memory of a pass: a piece for each worker, and one that all share.
public struct Scratch {
    let base: UnsafeMutablePointer<Float>
    let size: ScratchSize

    /// Floats a plan must allocate to serve `size` with so many workers.
    static func count(_ size: ScratchSize, workers: Int) -> Int {
        aligned(size.shared) + min(workers, size.tasks) * aligned(size.perWorker)
    }

    /// Pieces start on cache lines, so that two workers never write to the same one.
    private static func aligned(_ count: Int) -> Int { (count + 15) / 16 * 16 }

    public var shared: UnsafeMutablePointer<Float> { base }

    public func worker(_ index: Int) -> UnsafeMutablePointer<Float> {
        base + Self.aligned(size.shared) + index * Self.aligned(size.perWorker)
    }
}
