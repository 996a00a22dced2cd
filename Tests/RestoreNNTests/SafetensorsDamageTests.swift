import RestoreNN
import TestSupport
import Testing

/// Weight files that are not whole, or not honest: each is refused with its reason, and none brings the program down.
@Suite struct SafetensorsDamageTests {
    private func bytes(_ header: String, _ data: [UInt8] = [], length: UInt64? = nil) -> [UInt8] {
        bytes(Array(header.utf8), data, length: length)
    }

    private func bytes(_ header: [UInt8], _ data: [UInt8], length: UInt64? = nil) -> [UInt8] {
        let length = length ?? UInt64(header.count)
        return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + header + data
    }

    private func tensor(
        _ name: String, shape: String = "[1]", _ offsets: String = "[0,4]", dtype: String = "F32"
    ) -> String {
        "\"\(name)\":{\"dtype\":\"\(dtype)\",\"shape\":\(shape),\"data_offsets\":\(offsets)}"
    }

    /// The reason why the bytes are refused, or nil where they are taken.
    private func reason(_ bytes: [UInt8]) -> String? {
        do {
            _ = try SafetensorsFile(bytes: bytes, path: "f")
            return nil
        } catch .damaged(let path, let reason) {
            #expect(path == "f")
            return reason
        } catch {
            return "\(error)"
        }
    }

    private let four: [UInt8] = [0, 0, 128, 63]

    @Test func lengthOfTheHeader() {
        #expect(reason([]) == "0 bytes are too few for a header")
        #expect(reason([1, 2, 3, 4, 5, 6, 7]) == "7 bytes are too few for a header")
        #expect(reason(bytes("", length: 0)) == "the header is not a JSON object")
        #expect(reason(bytes("{}", length: 3)) == "a header of 3 bytes in a file of 10")
        #expect(reason(bytes("{}", length: .max)) == "a header of \(UInt64.max) bytes in a file of 10")
        #expect(
            reason(bytes("{}", length: UInt64(Int.max))) == "a header of \(Int.max) bytes in a file of 10")
        #expect(reason(bytes("{}", length: 1 << 63))?.hasPrefix("a header of") == true)
        #expect(reason(bytes("{}", length: 1)) == "the header is not valid JSON: expected '\"' at byte 1")
    }

    @Test func aHeaderLargerThanTheFormatAllows() {
        let large = [UInt8](repeating: 0x20, count: 100_000_100)
        #expect(reason(bytes(Array("{}".utf8) + large, []))?.hasPrefix("a header of 100000102 bytes") == true)
    }

    @Test func wholeFilesAreTaken() {
        #expect(reason(bytes("{}")) == nil)
        #expect(reason(bytes("{}   \n\t\r ")) == nil)
        #expect(reason(bytes("{\(tensor("a"))}", four)) == nil)
        #expect(
            reason(
                bytes("{ \"__metadata__\" : { } , \(tensor("a", shape: "[ 1 , 1 ]", "[ 0 , 4 ]")) }", four))
                == nil)
        #expect(reason(bytes("{\(tensor("b", "[4,8]")),\(tensor("a"))}", four + four)) == nil)
        #expect(reason(bytes("{\(tensor("a", shape: "[4]", dtype: "U8"))}", four)) == nil)
        #expect(reason(bytes("{\(tensor("a", shape: "[8]", dtype: "F4"))}", four)) == nil)
        #expect(reason(bytes("{\(tensor("\\u0061\\ud83d\\ude00\\/\\b\\f\\n\\r\\t\\\"\\\\"))}", four)) == nil)
    }

    /// Headers that are no JSON, or not the JSON of a header.
    private static let brokenHeaders: [(String, String)] = [
        ("[]", "not a JSON object"), (" {}", "not a JSON object"), ("null", "not a JSON object"),
        ("{", "expected '\"'"),
        ("{}{}", "expected the end"), ("{},", "expected the end"), ("{}x", "expected the end"),
        ("{\"a\"}", "expected ':'"), ("{\"a\":}", "expected '{'"), ("{\"a\":1}", "expected '{'"),
        ("{\"a\":{},}", "lacks dtype, shape or data_offsets"), ("{a:{}}", "expected '\"'"),
        ("{\"a", "a string is not terminated"), ("{\"a\\", "a string is not terminated"),
        ("{\"a\\x\":{}}", "an unknown escape"),
        ("{\"a\\u12\":{}}", "expected four hexadecimal digits"),
        ("{\"a\\u12g4\":{}}", "expected four hexadecimal digits"),
        ("{\"a\\u+123\":{}}", "expected four hexadecimal digits"),
        ("{\"\\u12", "expected four hexadecimal digits"),
        ("{\"a\\ud800\":{}}", "half a surrogate pair"), ("{\"a\\udc00\":{}}", "half a surrogate pair"),
        ("{\"a\\ud800\\n\":{}}", "half a surrogate pair"),
        ("{\"a\\ud800\\u0041\":{}}", "half a surrogate pair"),
        ("{\"a\\ud800\\ud800\":{}}", "half a surrogate pair"),
        ("{\"a\nb\":{}}", "a control character in a string"),
        ("{\"__metadata__\":{\"a\":1}}", "expected '\"'"), ("{\"__metadata__\":[]}", "expected '{'"),
        ("{\"__metadata__\":{\"a\":{}}}", "expected '\"'"),
        ("{\"__metadata__\":{\"a\":null}}", "expected '\"'"),
        ("{\"__metadata__\":{\"a\":\"b\",\"a\":\"c\"}}", "\"a\" appears twice in the metadata"),
        ("{\"__metadata__\":{},\"__metadata__\":{}}", "\"__metadata__\" appears twice in the header"),
    ]

    @Test(arguments: brokenHeaders) func headersThatAreNoHeaders(_ header: String, _ expected: String) throws {
        let found = try #require(reason(bytes(header)))
        #expect(found.contains(expected), "\(found)")
    }

    @Test func tensorsStatedWrongly() {
        func check(_ entry: String, _ expected: String, data: [UInt8] = [0, 0, 0, 0]) {
            let found = reason(bytes("{\(entry)}", data))
            #expect(found?.contains(expected) == true, "\(entry): \(found ?? "taken")")
        }
        let twice = "\(tensor("a")),\(tensor("a"))"
        check(twice, "\"a\" appears twice in the header")
        // The same name written with an escape, and in another normal form.
        check("\(tensor("a")),\(tensor("\\u0061", "[4,8]"))", "appears twice in the header", data: four + four)
        check(
            "\(tensor("é")),\(tensor("e\\u0301", "[4,8]"))", "appears twice in the header", data: four + four)
        for field in ["\"dtype\":\"F32\"", "\"shape\":[1]", "\"data_offsets\":[0,4]"] {
            check("\"a\":{\(field),\(field)}", "unknown or repeated field")
            check("\"a\":{\(field)}", "lacks dtype, shape or data_offsets")
        }
        check(
            "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"more\":1}",
            "unknown or repeated field \"more\"")
        check(tensor("a", "[0]"), "lacks dtype, shape or data_offsets")
        check(tensor("a", "[0,4,8]"), "lacks dtype, shape or data_offsets")
        check(tensor("a", "[]"), "lacks dtype, shape or data_offsets")
        for number in [
            "-1", "1.0", "1.5", "1e0", "+1", "01", "00", "0x1", "\"1\"", "null", "", "1 2", "[1]", "NaN",
        ] {
            let isWhole =
                number == "1.0" || number == "1.5" || number == "1e0" || number == "1 2" || number == "0x1"
            check(tensor("a", shape: "[\(number),1]"), isWhole ? "expected ']'" : "expected a whole number")
            check(tensor("a", "[\(number),4]"), isWhole ? "expected ']'" : "expected a whole number")
        }
        check(tensor("a", shape: "[1,]"), "expected a whole number")
        check(tensor("a", shape: "[9223372036854775808]"), "a number is too large")
        check(tensor("a", "[0,99999999999999999999999]"), "a number is too large")
        check(tensor("a", shape: "[1", "[0,4]"), "expected")
    }

    @Test func rangesThatDoNotFit() {
        func check(_ entries: String..., data: Int, _ expected: String) {
            let found = reason(
                bytes("{\(entries.joined(separator: ","))}", [UInt8](repeating: 0, count: data)))
            #expect(found == expected, "\(entries)")
        }
        check(tensor("a", "[4,8]"), data: 8, "a hole before tensor a")
        check(tensor("a"), tensor("b", "[8,12]"), data: 12, "a hole before tensor b")
        check(tensor("a"), tensor("b", "[2,6]"), data: 8, "a overlap before tensor b")
        check(tensor("a"), tensor("b", "[0,4]"), data: 4, "a overlap before tensor b")
        check(tensor("a", "[4,0]"), data: 4, "the range of tensor a ends before it begins")
        check(tensor("a"), data: 3, "tensor a extends beyond the end of the file")
        check(tensor("a"), data: 0, "tensor a extends beyond the end of the file")
        check(tensor("a", "[0,\(Int.max)]"), data: 4, "tensor a extends beyond the end of the file")
        check(tensor("a"), data: 5, "1 bytes belong to no tensor")
        check(data: 1, "1 bytes belong to no tensor")
        check(tensor("a", shape: "[2]"), data: 4, "tensor a has 4 bytes, its shape needs 8")
        check(tensor("a", shape: "[0]"), data: 4, "tensor a has 4 bytes, its shape needs 0")
        check(tensor("a", dtype: "F16"), data: 4, "tensor a has 4 bytes, its shape needs 2")
        check(tensor("a", dtype: "BF16"), data: 4, "tensor a has 4 bytes, its shape needs 2")
        check(tensor("a", shape: "[4294967296,4294967296]"), data: 4, "the shape of tensor a overflows")
        check(tensor("a", shape: "[\(Int.max)]"), data: 4, "the shape of tensor a overflows")
        check(tensor("a", shape: "[4611686018427387905]"), data: 4, "the shape of tensor a overflows")
        let huge = "[4294967296,4294967296]"
        check(tensor("a", shape: huge, dtype: "F64"), data: 4, "the shape of tensor a overflows")
        check(tensor("a", shape: "[264]", dtype: "F64"), data: 4, "tensor a has 4 bytes, its shape needs 33")
    }

    @Test func invalidUTF8() {
        for broken in [[UInt8(0xFF)], [0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80]] {
            let header = Array("{\"".utf8) + broken + Array("\":{}}".utf8)
            #expect(
                reason(bytes(header, [])).map { $0.contains("a string is not valid UTF-8") } == true, "\(broken)"
            )
        }
    }

    @Test func elementsOfOtherTypes() throws {
        let file = try SafetensorsFile(
            bytes: bytes("{\(tensor("a", shape: "[4]", dtype: "U8")),\(tensor("b", "[4,8]"))}", four + four),
            path: "f")
        #expect(throws: WeightsError.unsupportedElementType(path: "f", tensor: "a", type: "U8")) {
            try file.values(of: "a")
        }
        #expect(try file.values(of: "b") == [1])
        #expect(file.valueCount == 5)
    }

    private var small: [UInt8] {
        SafetensorsFile.serialize(
            [
                SafetensorsFile.NamedTensor(name: "a.weight", shape: [2, 2], values: [1, 2, 3, 4]),
                SafetensorsFile.NamedTensor(name: "a.bias", shape: [2], values: [-1, 0.5]),
            ], metadata: ["restore.task": "a \"small\" task"])
    }

    @Test func everyFlippedBitIsFound() {
        let whole = small
        #expect(reason(whole) == nil)
        for place in whole.indices {
            for mask in (0..<8).map({ UInt8(1) << $0 }) + [0xFF] {
                var flipped = whole
                flipped[place] ^= mask
                #expect(reason(flipped) != nil, "byte \(place) with the bits \(mask) flipped is taken")
            }
        }
        var flipped = whole
        flipped[whole.count - 1] ^= 1
        #expect(throws: WeightsError.checksumMismatch(path: "f")) {
            try SafetensorsFile(bytes: flipped, path: "f")
        }
        #expect(
            WeightsError.checksumMismatch(path: "f").description
                == "f: damaged weight file: the contents do not match its checksum")
    }

    @Test func everyLengthIsRefused() {
        let whole = small
        for length in 0..<whole.count {
            #expect(reason(Array(whole.prefix(length))) != nil, "\(length) of \(whole.count) bytes are taken")
        }
        #expect(reason(whole + [0]) == "1 bytes belong to no tensor")
    }

    @Test func thisProjectsFilesMustStateTheirChecksum() {
        #expect(reason(bytes("{\"__metadata__\":{\"restore.task\":\"denoise\"}}")) == "it has no checksum")
        #expect(reason(bytes("{\"__metadata__\":{\"restored\":\"no\"}}")) == nil)
        #expect(
            reason(bytes("{\"__metadata__\":{\"restore.checksum\":\"\"}}"))
                == "\(WeightsError.checksumMismatch(path: "f"))")
    }

    /// Without a checksum a damaged file may be taken, with other values; it must not bring the program down.
    @Test func noByteBringsTheProgramDown() {
        let whole = bytes(
            "{\"__metadata__\":{\"k\":\"v\\n\"},\(tensor("a", shape: "[1,1]")),\(tensor("b", "[4,6]", dtype: "F16"))}",
            four + [0, 60])
        let network = network(of: Convolution(inputChannels: 1, outputChannels: 1, kernel: 1))
        func read(_ bytes: [UInt8]) {
            guard let file = try? SafetensorsFile(bytes: bytes, path: "f") else { return }
            for name in file.tensorNames { _ = try? file.values(of: name) }
            _ = try? file.parameters(for: network)
            #expect(file.valueCount <= 8 * bytes.count)
        }
        #expect(reason(whole) == nil)
        for place in whole.indices {
            for value in UInt8.min...UInt8.max {
                var changed = whole
                changed[place] = value
                read(changed)
            }
        }
        for length in whole.indices { read(Array(whole.prefix(length))) }
        // Two bytes at once, and pieces left out or put in.
        var generator = SeededGenerator(seed: 121)
        for _ in 0..<20_000 {
            var changed = whole
            for _ in 0...generator.index(below: 3) {
                let place = generator.index(below: changed.count)
                switch generator.index(below: 3) {
                case 0: changed[place] = UInt8(generator.index(below: 256))
                case 1: changed.remove(at: place)
                default: changed.insert(changed[generator.index(below: changed.count)], at: place)
                }
            }
            read(changed)
        }
    }
}
