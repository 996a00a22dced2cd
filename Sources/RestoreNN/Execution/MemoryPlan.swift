/// Places buffers in one arena so that buffers with disjoint lifetimes can share memory.
///
/// Greedy by size (Pisarchyk & Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020, algorithm 3):
/// the largest buffer first, each at the lowest offset that is free for its whole lifetime.
package struct MemoryPlan: Equatable, Sendable {
    /// A buffer of `count` floats, first written at step `first` and last read at step `last`.
    package struct Request: Equatable, Sendable {
        package let count: Int
        package let first: Int
        package var last: Int

        package init(count: Int, first: Int, last: Int) {
            self.count = count
            self.first = first
            self.last = last
        }
    }

    /// Offset of each request, in floats.
    package let offsets: [Int]
    /// Size of the arena, in floats.
    package let total: Int

    package init(_ requests: [Request]) {
        // Rounded to cache lines, with one line between buffers, so that vector loads never cross into another buffer.
        func rounded(_ count: Int) -> Int { (count + 15) / 16 * 16 }
        var offsets = [Int](repeating: 0, count: requests.count)
        var placed: [Int] = []
        var total = 0
        let order = requests.indices.sorted { (requests[$0].count, $1) > (requests[$1].count, $0) }
        for index in order {
            let request = requests[index]
            let size = rounded(request.count)
            let neighbors =
                placed
                .filter { requests[$0].first <= request.last && request.first <= requests[$0].last }
                .sorted { offsets[$0] < offsets[$1] }
            var offset = 0
            for neighbor in neighbors {
                if offset + size <= offsets[neighbor] { break }
                offset = max(offset, offsets[neighbor] + rounded(requests[neighbor].count))
            }
            offsets[index] = offset
            placed.append(index)
            total = max(total, offset + size)
        }
        self.offsets = offsets
        self.total = total
    }
}
