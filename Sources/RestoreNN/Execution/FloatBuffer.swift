import Glibc

/// Floats in memory aligned to a cache line and freed with the object. The memory is not zeroed: the operating system
/// maps pages only when they are touched, so unused parts of a buffer cost nothing. Large buffers request huge pages,
/// which the system maps and unmaps in a fraction of the time.
package final class FloatBuffer: @unchecked Sendable {
    package let base: UnsafeMutablePointer<Float>
    package let count: Int

    private static let largePage = 2 << 20

    package init(count: Int) {
        self.count = count
        let bytes = max(count, 1) * MemoryLayout<Float>.stride
        let isLarge = bytes >= 2 * Self.largePage
        let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: isLarge ? Self.largePage : 64)
        // If huge pages are unavailable, ordinary ones are used.
        if isLarge { _ = madvise(memory, bytes, MADV_HUGEPAGE) }
        base = memory.bindMemory(to: Float.self, capacity: max(count, 1))
    }

    deinit {
        base.deallocate()
    }
}

/// Rejects buffers that exceed the machine's memory before anything is allocated, since a failed allocation would end
/// the program.
///
/// - Throws: `NetworkError.tooLarge`.
func requireMemory(floats: Int) throws(NetworkError) {
    let pages = sysconf(Int32(_SC_PHYS_PAGES))
    let (memory, overflowed) = pages.multipliedReportingOverflow(by: sysconf(Int32(_SC_PAGESIZE)))
    let bytes = floats.multipliedReportingOverflow(by: MemoryLayout<Float>.stride)
    guard pages > 0, !overflowed, bytes.overflow || bytes.partialValue > memory else { return }
    throw .tooLarge(bytes: bytes.overflow ? .max : bytes.partialValue, memory: memory)
}

/// Working memory of a pass: one part for each worker, and one shared by all.
public struct Scratch {
    let base: UnsafeMutablePointer<Float>
    let size: ScratchSize

    /// Floats that a plan must allocate to provide `size` to this many workers.
    static func count(_ size: ScratchSize, workers: Int) -> Int {
        aligned(size.shared) + min(workers, size.tasks) * aligned(size.perWorker)
    }

    /// Each part starts on a cache line, so that two workers never write to the same one.
    private static func aligned(_ count: Int) -> Int { (count + 15) / 16 * 16 }

    public var shared: UnsafeMutablePointer<Float> { base }

    public func worker(_ index: Int) -> UnsafeMutablePointer<Float> {
        base + Self.aligned(size.shared) + index * Self.aligned(size.perWorker)
    }
}
