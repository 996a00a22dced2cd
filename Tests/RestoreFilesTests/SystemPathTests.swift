import Glibc
import RestoreFiles
import TestSupport
import Testing

/// File names are bytes; every one of them must have a text, and only one.
@Suite struct SystemPathTests {
    private func bytes(_ path: String) -> [UInt8] { systemPath(path).dropLast().map { UInt8(bitPattern: $0) } }

    @Test(arguments: ["", "a/b.png", "é", "e\u{301}", "写真/😀.png", "\u{10FDFF}", "\u{10FF00}", "a\nb\u{1B}"])
    func whatIsUTF8StaysAsItIs(text: String) {
        let path = pathFromSystem(Array(text.utf8))
        #expect(Array(path.utf8) == Array(text.utf8))
        #expect(bytes(path) == Array(text.utf8))
    }

    @Test func otherBytesBecomeCharactersOfTheirOwn() {
        #expect(pathFromSystem(Array("caf".utf8) + [0xE9] + Array(".png".utf8)) == "caf\u{10FEE9}.png")
        #expect(pathFromSystem([0xC3]) == "\u{10FEC3}")
        #expect(pathFromSystem([0x80, 0xFF]) == "\u{10FE80}\u{10FEFF}")
        // A surrogate, an overlong slash, a sequence that is cut short before a whole one.
        #expect(pathFromSystem([0xED, 0xA0, 0x80]) == "\u{10FEED}\u{10FEA0}\u{10FE80}")
        #expect(pathFromSystem([0xC0, 0xAF]) == "\u{10FEC0}\u{10FEAF}")
        #expect(pathFromSystem([0xF0, 0x9F, 0xC3, 0xA9]) == "\u{10FEF0}\u{10FE9F}é")
        #expect(systemByte(for: "\u{10FEE9}") == 0xE9)
        #expect(
            systemByte(for: "é") == nil && systemByte(for: "\u{10FE7F}") == nil && systemByte(for: "\u{10FF00}") == nil)
    }

    /// Without this, a name that holds such a character would be taken for the one with the byte.
    @Test func aGenuineCharacterOfTheRangeIsNotMistaken() {
        let genuine = Array("\u{10FEE9}".utf8)
        let path = pathFromSystem(genuine)
        #expect(path != pathFromSystem([0xE9]) && path.unicodeScalars.count == 4)
        #expect(bytes(path) == genuine)
    }

    @Test func everyNameComesBack() {
        for first in UInt8.min...UInt8.max {
            for second in UInt8.min...UInt8.max {
                #expect(bytes(pathFromSystem([first, second])) == [first, second])
            }
        }
        var generator = RandomBytes(seed: 5)
        var texts: Set<[UInt8]> = []
        var names: Set<[UInt8]> = []
        for _ in 0..<20_000 {
            let name = generator.name()
            let path = pathFromSystem(name)
            #expect(bytes(path) == name, "\(name)")
            texts.insert(Array(path.utf8))
            names.insert(name)
        }
        #expect(texts.count == names.count && names.count > 10_000)
    }

    /// Cutting and joining paths must not depend on what their bytes are.
    @Test func partsOfAPathAreMappedAsTheWhole() {
        let whole: [UInt8] = Array("fo".utf8) + [0xE9] + Array("/b".utf8) + [0xC3] + Array(".PNG".utf8)
        let path = pathFromSystem(whole)
        #expect(pathExtension(of: path) == "png")
        #expect(joinPath(parentFolder(of: path), lastPathComponent(of: path)) == path)
        #expect(bytes(removingPathExtension(path) + "_é.png") == whole.dropLast(4) + Array("_é.png".utf8))
    }

    @Test func filesWithSuchNames() throws {
        let folder = try TemporaryFolder()
        let name = folder("caf\u{10FEE9}/\u{10FEFF}.png")
        try makeDirectory(parentFolder(of: name))
        try writeFileAtomically([1, 2], to: name, overwrite: false)
        #expect(throws: FileError.alreadyExists(path: name)) {
            try writeFileAtomically([3], to: name, overwrite: false)
        }
        #expect(symlink("\u{FF}", folder("unrelated")) == 0)
        try writeFileAtomically([3], to: name, overwrite: true)
        #expect(try readFile(name) == [3])
        #expect(pathKind(name) == .regularFile && pathKind(folder("caf\u{10FEE8}")) == .missing)
        #expect(try listNames(in: folder("caf\u{10FEE9}")) == ["\u{10FEFF}.png"])
        #expect(try listFilesRecursively(folder.path, extensions: ["png"]) == [name])
        // The name on the disk is the bytes, not the characters that stand for them.
        var status = stat()
        #expect(stat(systemPath(folder.path).dropLast() + [0x2F, 0x63, 0x61, 0x66, -23, 0], &status) == 0)
        #expect(throws: FileError.alreadyExists(path: name)) { try AppendedFile(creating: name) }
        _ = try FolderLock(folder: parentFolder(of: name))
        moveDamagedFileAside(name)
        #expect(pathKind(name + ".damaged") == .regularFile)
        removeFile(name + ".damaged")
        #expect(try listNames(in: folder("caf\u{10FEE9}")) == [])
    }

    @Test func linksToSuchNamesAreFollowed() throws {
        let folder = try TemporaryFolder()
        let target = folder("\u{10FEE9}.png")
        try writeFileAtomically([1], to: target, overwrite: false)
        #expect(symlink(systemPath(target), folder("link.png")) == 0)
        try writeFileAtomically([2], to: folder("link.png"), overwrite: true)
        #expect(isSymbolicLink(folder("link.png")))
        #expect(try readFile(target) == [2])
    }

    @Test func namesOfTheUtmostLength() throws {
        let folder = try TemporaryFolder()
        let longest = folder(String(repeating: "n", count: 251) + ".png")
        try writeFileAtomically([1], to: longest, overwrite: false)
        #expect(try readFile(longest) == [1])
        let tooLong = folder(String(repeating: "n", count: 252) + ".png")
        let reason = "File name too long"
        #expect(throws: FileError.unreadable(path: tooLong, reason: reason)) { try readFile(tooLong) }
        #expect(throws: FileError.cannotWrite(path: tooLong, reason: reason)) {
            try writeFileAtomically([1], to: tooLong, overwrite: false)
        }
        let deep = folder(String(repeating: "d/", count: 4096))
        #expect(throws: FileError.unreadable(path: deep, reason: reason)) { try listNames(in: deep) }
        #expect(missingError(deep) == .unreadable(path: deep, reason: reason))
        #expect(try listNames(in: folder.path, hiddenOnes: true) == [lastPathComponent(of: longest)])
    }

    @Test func whyNothingIsThere() throws {
        let folder = try TemporaryFolder()
        symlink("loop", folder("loop"))
        symlink("nowhere", folder("dangling"))
        try folder.write([1], "file")
        let loop = "Too many levels of symbolic links"
        #expect(missingError(folder("loop")) == .unreadable(path: folder("loop"), reason: loop))
        for name in ["dangling", "nowhere", "file/below"] {
            #expect(missingError(folder(name)) == .notFound(path: folder(name)))
        }
        #expect(missingError("") == .notFound(path: ""))
    }
}

/// Names of UTF-8, Latin-1 and anything in turns.
private struct RandomBytes {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    private mutating func next(below bound: Int) -> Int {
        // Knuth's linear congruential generator: the upper bits are random enough to choose bytes.
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % bound
    }

    mutating func name() -> [UInt8] {
        (0..<next(below: 12)).flatMap { _ -> [UInt8] in
            switch next(below: 4) {
            case 0: [UInt8(next(below: 256))]
            case 1: [UInt8(0xC0 + next(below: 64)), UInt8(0x80 + next(below: 64))]
            case 2: Array(String(Unicode.Scalar(UInt32(0x10FE70 + next(below: 160))) ?? "a").utf8)
            default: Array("né😀".utf8.prefix(1 + next(below: 6)))
            }
        }
    }
}
