import FoundationEssentials
import RestoreNN
import TestSupport
import Testing

/// Weight files that are whole: what is written comes back.
@Suite struct SafetensorsTests {
    typealias NamedTensor = SafetensorsFile.NamedTensor

    private let tensors = [
        NamedTensor(name: "layer.weight", shape: [2, 3], values: [1, -2.5, 0, 1e-3, 65504, -0.1]),
        NamedTensor(
            name: "layer.bias", shape: [2], values: [.leastNonzeroMagnitude, -.greatestFiniteMagnitude]),
        NamedTensor(name: "scale", shape: [], values: [7]),
        NamedTensor(name: "nothing", shape: [0, 4], values: []),
    ]

    @Test func singlePrecisionComesBackBitByBit() throws {
        let bytes = SafetensorsFile.serialize(tensors, metadata: ["a": "b"])
        let file = try SafetensorsFile(bytes: bytes, path: "memory")
        #expect(Set(file.tensorNames) == Set(tensors.map(\.name)))
        for tensor in tensors {
            #expect(file.shape(of: tensor.name) == tensor.shape)
            expectSameBits(try file.values(of: tensor.name), tensor.values, tensor.name)
        }
        #expect(file.metadata["a"] == "b")
        #expect(file.metadata["restore.checksum"]?.hasPrefix("sha256:") == true)
        #expect(file.valueCount == 9)
        #expect(file.path == "memory")
    }

    @Test func theSameContentGivesTheSameBytes() {
        let metadata = Dictionary(uniqueKeysWithValues: (0..<20).map { ("key\($0)", "value\($0)") })
        let first = SafetensorsFile.serialize(tensors, metadata: metadata)
        #expect(first == SafetensorsFile.serialize(tensors, metadata: metadata))
        #expect(
            first.count % 4 == 0 && (8 + Int(first[0]) + Int(first[1]) << 8) % 8 == 0,
            "values are not aligned")
    }

    @Test func halfPrecision() throws {
        let values: [Float] = [1, -2.5, 0, 0.1, 65504, 6e-8, -1 / 3]
        let bytes = SafetensorsFile.serialize(
            [NamedTensor(name: "x", shape: [7], values: values)], as: .float16)
        let found = try SafetensorsFile(bytes: bytes, path: "memory").values(of: "x")
        expectSameBits(found, values.map { Float(Float16($0)) }, "half precision")
        #expect(found[3] == 0.0999755859375)
        #expect(bytes.suffix(14).prefix(4) == [0x00, 0x3C, 0x00, 0xC1])
    }

    @Test func brainFloats() throws {
        // Halfway cases go to the even neighbor.
        let values: [Float] = [1, -2.5, 0, 3.14159, 1.00390625, 1.01171875, 1e38, -1e-37]
        let expected: [Float] = [1, -2.5, 0, 3.140625, 1, 1.015625, 9.96921e37, -9.9917e-38]
        let bytes = SafetensorsFile.serialize(
            [NamedTensor(name: "x", shape: [8], values: values)], as: .bfloat16)
        let found = try SafetensorsFile(bytes: bytes, path: "memory").values(of: "x")
        expectClose(found, expected, "bfloat16", tolerance: Tolerance(absolute: 0, relative: 1e-5))
        #expect(found.prefix(6) == expected.prefix(6))
        #expect(found.allSatisfy { $0.bitPattern & 0xFFFF == 0 })
    }

    /// What is no number when written must not become one.
    @Test(arguments: SafetensorsFile.ElementType.allCases)
    func whatIsNotFiniteStaysSo(_ type: SafetensorsFile.ElementType) throws {
        for value in [
            Float.nan, -.nan, .infinity, -.infinity, Float(bitPattern: 0x7FFF_FFFF),
            Float(bitPattern: 0xFF80_0001),
        ] {
            let bytes = SafetensorsFile.serialize(
                [
                    NamedTensor(name: "a", shape: [1], values: [1]),
                    NamedTensor(name: "x", shape: [2], values: [1, value]),
                ],
                as: type)
            let file = try SafetensorsFile(bytes: bytes, path: "memory")
            #expect(try file.values(of: "a") == [1])
            #expect(throws: WeightsError.notFinite(path: "memory", tensor: "x"), "\(value) as \(type)") {
                try file.values(of: "x")
            }
        }
    }

    @Test func namesAndMetadataWithAnyCharacter() throws {
        let strange = "quote \" backslash \\ line\n tab\t bell\u{7} zero\u{0} é 😀 \u{2028}/"
        let bytes = SafetensorsFile.serialize(
            [NamedTensor(name: strange, shape: [1], values: [3])], metadata: [strange: strange, "": ""])
        let file = try SafetensorsFile(bytes: bytes, path: "memory")
        #expect(file.tensorNames == [strange])
        #expect(file.metadata[strange] == strange)
        #expect(file.metadata[""] == "")
        #expect(try file.values(of: strange) == [3])
    }

    @Test func aFileWithoutTensors() throws {
        let file = try SafetensorsFile(bytes: SafetensorsFile.serialize([]), path: "memory")
        #expect(file.tensorNames.isEmpty && file.valueCount == 0)
    }

    @Test func parametersOfANetworkComeBack() throws {
        let network = residualUNet(widths: [8, 12], blocks: 1, factor: 2)
        let parameters = Parameters(initializing: network, seed: 3)
        let bytes = SafetensorsFile.serialize(SafetensorsFile.tensors(parameters))
        let file = try SafetensorsFile(bytes: bytes, path: "memory")
        #expect(try file.parameters(for: network) == parameters)
        #expect(file.valueCount == parameters.values.count)
    }

    @Test func parametersOfAnotherNetwork() throws {
        let network = network(of: Convolution(inputChannels: 2, outputChannels: 3, kernel: 1))
        let weight = NamedTensor(name: "operator.weight", shape: [3, 2, 1, 1], values: [1, 2, 3, 4, 5, 6])
        let bias = NamedTensor(name: "operator.bias", shape: [3], values: [1, 2, 3])
        func load(_ tensors: [NamedTensor]) throws {
            _ = try SafetensorsFile(bytes: SafetensorsFile.serialize(tensors), path: "f").parameters(
                for: network)
        }
        try load([bias, weight])
        #expect(throws: WeightsError.missingTensor(path: "f", tensor: "operator.bias")) { try load([weight]) }
        #expect(throws: WeightsError.missingTensor(path: "f", tensor: "operator.weight")) { try load([]) }
        let stranger = NamedTensor(name: "operator.scale", shape: [1], values: [1])
        #expect(throws: WeightsError.unexpectedTensor(path: "f", tensor: "operator.scale")) {
            try load([weight, bias, stranger])
        }
        // As many values in another order of sides.
        let turned = NamedTensor(name: "operator.weight", shape: [2, 3, 1, 1], values: weight.values)
        #expect(
            throws: WeightsError.wrongShape(
                path: "f", tensor: "operator.weight", expected: [3, 2, 1, 1], found: [2, 3, 1, 1])
        ) { try load([turned, bias]) }
        let broken = NamedTensor(name: "operator.bias", shape: [3], values: [1, .infinity, 3])
        #expect(throws: WeightsError.notFinite(path: "f", tensor: "operator.bias")) {
            try load([weight, broken])
        }
        #expect(throws: WeightsError.missingTensor(path: "f", tensor: "none")) {
            try SafetensorsFile(bytes: SafetensorsFile.serialize([weight]), path: "f").values(of: "none")
        }
    }

    /// Written by Python without a checksum; its values are checked operator by operator elsewhere.
    @Test func aFileOfAnotherProgram() throws {
        let path = Fixtures.path("golden/denoiser.safetensors")
        let file = try SafetensorsFile(path: path)
        #expect(file.path == path)
        #expect(file.metadata["restore.checksum"] == nil)
        #expect(file.metadata["loss"] == "l1")
        #expect(file.shape(of: "head.weight") == [8, 16, 3, 3])
        #expect(file.shape(of: "golden/loss") == [1])
        let names = file.tensorNames
        #expect(
            names.first == "head.weight" && names.last == "golden/curve", "names in the order of the file")
        #expect(file.shape(of: "none") == nil)
    }

    @Test func aFileOnDisk() throws {
        let path =
            FileManager.default.temporaryDirectory.path
            + "/weights-\(UInt64.random(in: 0 ... .max)).safetensors"
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect(throws: WeightsError.self) { try SafetensorsFile(path: path) }
        try Data(SafetensorsFile.serialize(tensors)).write(to: URL(filePath: path))
        #expect(try SafetensorsFile(path: path).values(of: "scale") == [7])
        try Data([1, 2, 3]).write(to: URL(filePath: path))
        let found = #expect(throws: WeightsError.self) { try SafetensorsFile(path: path) }
        #expect(found == .damaged(path: path, reason: "3 bytes are too few for a header"))
        #expect(found?.description == "\(path): damaged weight file: 3 bytes are too few for a header")
    }

    @Test func aFileThatIsNotThere() {
        let found = #expect(throws: WeightsError.self) { try SafetensorsFile(path: "/nowhere/at/all") }
        #expect(found?.description == "/nowhere/at/all: no such file or folder")
    }
}
