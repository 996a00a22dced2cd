import RestoreNN
import TestSupport
import Testing

/// Files whose elements are stored as another type.
@Suite struct SafetensorsConversionTests {
    private typealias NamedTensor = SafetensorsFile.NamedTensor

    private static let metadata = ["restore.task": "denoise", "restore.license": "a \"quoted\" one", "format": "pt"]

    /// Not in the order of the alphabet, which the file keeps.
    private let tensors = [
        NamedTensor(name: "b", shape: [2, 2], values: [1, -2.5, 0.1, 6e-8]),
        NamedTensor(name: "a", shape: [3], values: [65504, -1 / 3, 1e-12]),
        NamedTensor(name: "scalar", shape: [], values: [7]),
    ]

    private func file(_ tensors: [NamedTensor], _ type: SafetensorsFile.ElementType = .float32) throws
        -> SafetensorsFile
    {
        try SafetensorsFile(
            bytes: SafetensorsFile.serialize(tensors, metadata: Self.metadata, as: type), path: "model.safetensors")
    }

    @Test(arguments: SafetensorsFile.ElementType.allCases)
    func valuesAreRoundedAndTheRestIsKept(type: SafetensorsFile.ElementType) throws {
        let original = try file(tensors)
        let bytes = try original.converted(to: type)
        let converted = try SafetensorsFile(bytes: bytes, path: "converted")
        #expect(converted.elementTypes == [type.rawValue] && converted.byteCount == bytes.count)
        #expect(converted.tensorNames == original.tensorNames)
        for tensor in tensors {
            let expected = tensor.values.map { value -> Float in
                switch type {
                case .float32: return value
                case .float16: return Float(Float16(value))
                case .bfloat16:
                    // The nearer of the two whose lower bits are 0; there is no tie among these.
                    let below = Float(bitPattern: value.bitPattern & 0xFFFF_0000)
                    let above = Float(bitPattern: (value.bitPattern & 0xFFFF_0000) &+ 0x1_0000)
                    return abs(value - below) < abs(above - value) ? below : above
                }
            }
            #expect(converted.shape(of: tensor.name) == tensor.shape)
            expectSameBits(try converted.values(of: tensor.name), expected, "\(tensor.name) as \(type.name)")
        }
        for (key, value) in Self.metadata { #expect(converted.metadata[key] == value) }
        #expect(converted.metadata.count == original.metadata.count)
        let isSame = converted.metadata["restore.checksum"] == original.metadata["restore.checksum"]
        #expect(isSame == (type == .float32), "the checksum is that of the contents")
    }

    @Test func halfTheBytesAndBack() throws {
        let original = try file(tensors)
        let half = try SafetensorsFile(bytes: original.converted(to: .float16), path: "half")
        // Again changes nothing; and what a half holds a single holds too.
        #expect(try half.converted(to: .float16) == original.converted(to: .float16))
        let single = try SafetensorsFile(bytes: half.converted(to: .float32), path: "single")
        for name in single.tensorNames {
            expectSameBits(try single.values(of: name), try half.values(of: name), name)
        }
        #expect(single.elementTypes == ["F32"])
        #expect(try original.converted(to: .float32) == SafetensorsFile.serialize(tensors, metadata: Self.metadata))
    }

    /// 65519.996 is the largest that rounds to 65504.
    @Test(arguments: [Float(65520), -65520, 1e30, .greatestFiniteMagnitude])
    func whatIsTooLargeIsNamed(value: Float) throws {
        let tensors = tensors + [NamedTensor(name: "deep.conv.weight", shape: [2], values: [1, value])]
        let error = #expect(throws: WeightsError.self) { try file(tensors).converted(to: .float16) }
        #expect(
            error
                == .overflow(path: "model.safetensors", tensor: "deep.conv.weight", value: value, type: .float16))
        #expect(error?.description.contains("deep.conv.weight") == true)
        if value != .greatestFiniteMagnitude {
            #expect(throws: Never.self) { try file(tensors).converted(to: .bfloat16) }
        } else {
            #expect(throws: WeightsError.self) { try file(tensors).converted(to: .bfloat16) }
        }
    }

    @Test func theLargestThatFitsIsKept() throws {
        let converted = try file([NamedTensor(name: "x", shape: [2], values: [65519.996, -65519.996])])
            .converted(to: .float16)
        #expect(try SafetensorsFile(bytes: converted, path: "x").values(of: "x") == [65504, -65504])
    }

    @Test func aWeightThatIsNotFiniteIsNamed() throws {
        let file = try file(tensors + [NamedTensor(name: "bad", shape: [1], values: [.nan])])
        #expect(throws: WeightsError.notFinite(path: "model.safetensors", tensor: "bad")) {
            try file.converted(to: .float16)
        }
    }
}
