import RestoreNN
import TestSupport
import Testing

/// What is read of the machine's caches.
@Suite struct CacheSizesTests {
    @Test func sizesAreGivenAsText() throws {
        let sizes = try #require(CacheSizes("512K,32M"))
        #expect(sizes.level2 == 512 << 10)
        #expect(sizes.level3 == 32 << 20)
        for text in ["", "512K", "512,32", "512K,32M,1M", "512K,", ",32M", "-1K,32M", "0K,32M", "512k,32M", "1G,1G"] {
            #expect(CacheSizes(text) == nil, "\(text)")
        }
    }

    /// Data and instructions have caches of their own at level 1; larger ones are unified.
    @Test func sizesAreThoseOfTheKernel() throws {
        let folder = try TemporaryFolder()
        func cache(_ index: Int, _ level: String, _ type: String, _ size: String) throws {
            for (name, text) in [("level", level), ("type", type), ("size", size)] {
                try folder.write(Array("\(text)\n".utf8), "index\(index)/\(name)")
            }
        }
        try cache(0, "1", "Data", "32K")
        try cache(1, "1", "Instruction", "48K")
        try cache(2, "2", "Unified", "2048K")
        let partly = CacheSizes(folder: folder.path)
        #expect(partly.level2 == 2 << 20)
        try cache(3, "3", "Unified", "12M")
        let sizes = CacheSizes(folder: folder.path)
        #expect(sizes.level2 == 2 << 20)
        #expect(sizes.level3 == 12 << 20)
        #expect(partly.level3 != sizes.level3, "an unknown size is assumed")
        #expect(CacheSizes(folder: folder.path + "/none").level3 == partly.level3)
    }
}
