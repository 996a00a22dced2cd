import Glibc
import RestoreFiles

/// The caches that blocks and bands are cut to fit. They affect speed and memory, but not results.
package struct CacheSizes: Equatable, Sendable {
    /// Bytes of one core's L2 cache.
    package let level2: Int
    /// Bytes of the L3 cache that the first core uses.
    package let level3: Int

    /// What is assumed of a level that is not known.
    static let assumed = CacheSizes(level2: 1 << 20, level3: 16 << 20)

    /// Those in the environment variable `RESTORE_CACHES`, such as "512K,32M", or else those that the kernel reports for
    /// the first processor.
    package static let current: CacheSizes =
        getenv("RESTORE_CACHES").flatMap { CacheSizes(String(cString: $0)) }
        ?? CacheSizes(folder: "/sys/devices/system/cpu/cpu0/cache")

    init(level2: Int, level3: Int) {
        self.level2 = level2
        self.level3 = level3
    }

    /// - Returns: `nil` unless `text` consists of two sizes, such as "512K,32M".
    package init?(_ text: String) {
        let sizes = text.split(separator: ",", omittingEmptySubsequences: false).map(Self.bytes)
        guard sizes.count == 2, let level2 = sizes[0], let level3 = sizes[1] else { return nil }
        self.init(level2: level2, level3: level3)
    }

    /// Reads Linux's description of a processor's caches: a folder for each, `index0`, `index1`, …, with its `level`,
    /// `type` and `size`.
    package init(folder: String) {
        var sizes: [String: Int] = [:]
        for index in 0..<8 {
            guard let level = Self.line("\(folder)/index\(index)/level"),
                let type = Self.line("\(folder)/index\(index)/type"),
                let size = Self.line("\(folder)/index\(index)/size").flatMap({ Self.bytes($0[...]) })
            else { continue }
            if type != "Instruction" { sizes[level] = size }
        }
        self.init(level2: sizes["2"] ?? Self.assumed.level2, level3: sizes["3"] ?? Self.assumed.level3)
    }

    private static func line(_ path: String) -> String? {
        guard let bytes = try? readFile(path) else { return nil }
        return String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }

    /// Bytes of a size such as "512K"; `nil` for anything else, and for what no cache has.
    private static func bytes(_ text: Substring) -> Int? {
        let shifts: [Character: Int] = ["K": 10, "M": 20]
        guard let unit = text.last, let shift = shifts[unit], let count = Int(text.dropLast()), 1...(1 << 20) ~= count
        else { return nil }
        return count << shift
    }
}
