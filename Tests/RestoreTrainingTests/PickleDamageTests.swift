import RestoreFiles
import RestoreNN
import RestoreTraining
import TestSupport
import Testing

/// Pickles that nobody wrote: each must be refused or give what it holds, and take no more memory than its size
/// warrants.
@Suite struct PickleDamageTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// Why these bytes are refused, nil where they are not.
    private func refusal(_ bytes: [UInt8]) throws -> String? {
        let path = try folder.write(bytes, "pickle")
        do throws(DatasetError) {
            _ = try DatasetFile(path: path)
            return nil
        } catch {
            return error.description
        }
    }

    private func fixture(_ name: String) throws -> [UInt8] { try readFile(Fixtures.path("datasets/cifar10-\(name)")) }

    @Test(arguments: ["python2", "protocol2", "protocol4", "protocol5"])
    func everyTruncationIsRefused(name: String) throws {
        let bytes = try fixture(name)
        // In the long run of pixels one place is like any other.
        let counts = (3..<bytes.count).filter { $0 < 420 || $0 > bytes.count - 420 || $0 % 97 == 0 }
        for count in counts {
            let message = try refusal(Array(bytes.prefix(count)))
            #expect(message?.contains("ends") == true, "\(count) bytes: \(message ?? "taken")")
        }
    }

    /// A changed byte may give other labels or pixels; what it must not do is crash.
    @Test(arguments: ["python2", "protocol3", "protocol5"])
    func changedBytesDoNotCrash(name: String) throws {
        let bytes = try fixture(name)
        var generator = SeededGenerator(seed: 11)
        var refused = 0
        for index in bytes.indices where index < 300 || index > bytes.count - 120 {
            var changed = bytes
            changed[index] = UInt8(generator.index(below: 256))
            refused += try refusal(changed) == nil ? 0 : 1
        }
        #expect(refused > 100)
    }

    @Test func randomInstructionsDoNotCrash() throws {
        let known: [UInt8] = Array(")(]}NKMUCXq0hjrRbtesua.".utf8) + [0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x94, 0x93]
        for seed in 0..<300 {
            var generator = SeededGenerator(seed: UInt64(seed))
            let body = (0..<60).map { _ in
                generator.uniform() < 0.7
                    ? known[generator.index(below: known.count)] : UInt8(generator.index(below: 4))
            }
            #expect(try refusal([0x80, 2] + body) != nil)
        }
    }

    private static let senseless: [(body: String, part: String)] = [
        // Lengths beyond the file, and beyond any.
        ("U\u{7F}short", "expected 127 bytes"), ("T\u{7F}\u{7F}\u{7F}\u{7F}x", "expected 2139062143 bytes"),
        ("}q", "ends"), ("}r\u{1}\u{1}", "ends"),
        // Instructions without what they need.
        (".", "too few values"), ("a.", "too few values"), ("]a.", "too few values"), ("e.", "no mark"),
        ("]e.", "no mark"), ("(t", "ends after"), ("u.", "no mark"), ("}(NNNu.", "without a value"),
        ("N(NNu.", "None gets keys"), ("}(]Ne.", "is appended to"), ("t.", "no mark"), ("(.", "too few values"),
        ("q\u{1}.", "too few values"), ("h\u{1}.", "refers to memo entry 1"), ("]h\u{7}.", "refers to memo entry 7"),
        ("R.", "too few values"), ("NNR.", "is called"), ("b.", "too few values"), ("N)b.", "gets a state"),
        ("]Nb.", "is the state"), ("cnumpy\ndtype\nNR.", "is called"), ("cnumpy\ndtype\n)R.", "it calls numpy.dtype"),
        ("cnumpy.core.multiarray\n_reconstruct\n)R.", "it calls"), ("cnumpy", "inside a name"),
        ("cnumpy\ndtype", "inside a name"),
        ("c" + String(repeating: "n", count: 300) + "\n.", "longer than 256 bytes"),
        ("cnumpy.core.multiarray\nscalar\n.", "numpy.core.multiarray.scalar"),
        ("c\n\n.", "refers to ."), ("cnumpy\ndtype\n.", "expected a dictionary"), ("0", "POP"), ("2", "DUP"),
        ("!", "not an instruction: 33"), ("N.", "contains None"), ("}.", "no 'data'"),
        ("}U\u{4}dataNs.", "'data' is None"),
        ("}q\u{1}U\u{4}datah\u{1}s.", "'data' is a dictionary"),
    ]

    @Test(arguments: senseless.indices)
    func instructionsThatMakeNoSense(index: Int) throws {
        let (body, part) = Self.senseless[index]
        let message = try refusal([0x80, 2] + Array(body.utf8))
        #expect(message?.contains(part) == true, "\(body): \(message ?? "taken")")
    }

    @Test func lengthsOf64BitsAreCounted() throws {
        for (code, length, part) in [
            (0x8E, [UInt8](repeating: 0xFF, count: 8), "length"), (0x96, [0, 0, 0, 0, 0, 0, 0, 0x7F], "expected"),
            (0x8D, [0, 0, 0, 0, 1, 0, 0, 0], "expected 4294967296 bytes"),
            (0x95, [0, 0, 0, 0, 1, 0, 0, 0], "a frame of 4294967296 bytes"),
            (0x8A, [UInt8](repeating: 9, count: 10), "a number of 9 bytes"),
        ] as [(UInt8, [UInt8], String)] {
            let message = try refusal([0x80, 4, code] + length + [0x2E])
            #expect(message?.contains(part) == true, "\(code): \(message ?? "taken")")
        }
        #expect(try refusal([0x80, 2, 0x80, 6, 0x4E, 0x2E])?.contains("protocol is 6") == true)
    }

    /// Every level doubles what the last one holds when it is written out; here it is one reference more.
    @Test func valuesThatGrowWithEachReferenceTakeNoMemory() throws {
        var bytes: [UInt8] = [0x80, 4] + Array("]".utf8) + [0x94]
        for level in 0..<200 {
            bytes += Array("](".utf8) + [0x68, UInt8(level), 0x68, UInt8(level)] + Array("e".utf8) + [0x94]
        }
        #expect(try refusal(bytes + Array(".".utf8))?.contains("contains a list") == true)
    }

    /// An array of no values with this many axes: `_frombuffer(b"", dtype("u1"), (0, …), "C")`.
    private func array(axes: Int) -> [UInt8] {
        let type = Array("cnumpy\ndtype\nU\u{2}u1".utf8) + [0x85] + Array("R".utf8)
        let shape = Array("(".utf8) + (0..<axes).flatMap { _ in Array("K\0".utf8) } + Array("t".utf8)
        return Array("cnumpy.core.numeric\n_frombuffer\n(C\0".utf8) + type + shape + Array("U\u{1}CtR".utf8)
    }

    @Test func arraysOfManyAxesAreRefused() throws {
        let start: [UInt8] = [0x80, 2] + Array("}U\u{4}data".utf8)
        #expect(try refusal(start + array(axes: 2) + Array("s.".utf8))?.contains("the shape 0×0") == true)
        #expect(try refusal(start + array(axes: 64) + Array("s.".utf8))?.contains("the shape 0×0") == true)
        #expect(try refusal(start + array(axes: 65) + Array("s.".utf8))?.contains("has 65 axes") == true)
    }

    @Test func deepNestingDoesNotOverflowTheStack() throws {
        let depth = 1 << 20
        let tuples = [UInt8](repeating: 0x85, count: depth)
        #expect(try refusal([0x80, 2, 0x29] + tuples + [0x2E])?.contains("contains a tuple") == true)
        let marks = [UInt8](repeating: 0x28, count: depth)
        #expect(try refusal([0x80, 2] + marks + [0x2E])?.contains("too few values") == true)
    }

    @Test func tooManyInstructionsAreRefused() throws {
        let nothings = [UInt8](repeating: 0x4E, count: (1 << 22) + 1)
        #expect(try refusal([0x80, 2] + nothings + [0x2E])?.contains("instructions") == true)
    }

    /// The last value that a key is given counts, as in Python.
    @Test func aKeyThatIsGivenTwice() throws {
        var bytes = try fixture("python2")
        #expect(bytes.removeLast() == 0x2E)
        #expect(try refusal(bytes + Array("U\u{6}labels](K\u{2}K\u{3}es.".utf8)) == nil)
        #expect(try refusal(bytes + Array("U\u{6}labels](K\u{2}es.".utf8))?.contains("found 1") == true)
    }
}
