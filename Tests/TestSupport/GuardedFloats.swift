import Glibc

/// Floats behind which no memory is: who reads or writes beyond the last one ends the process.
package final class GuardedFloats {
    package let base: UnsafeMutablePointer<Float>
    package let count: Int
    private let pages: UnsafeMutableRawPointer
    private let length: Int

    package init(_ values: [Float]) {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let bytes = values.count * MemoryLayout<Float>.stride
        let used = (bytes + page - 1) / page * page
        length = used + page
        count = values.count
        let mapped = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let mapped, mapped != MAP_FAILED else { preconditionFailure("no memory for \(length) bytes") }
        pages = mapped
        precondition(mprotect(pages + used, page, PROT_NONE) == 0, "no guard behind \(bytes) bytes")
        base = (pages + used - bytes).bindMemory(to: Float.self, capacity: max(values.count, 1))
        base.initialize(from: values, count: values.count)
    }

    deinit {
        munmap(pages, length)
    }

    package var values: [Float] { Array(UnsafeBufferPointer(start: base, count: count)) }
}
