import RestoreConcurrency
import RestoreModels
import RestoreNN
import TestSupport
import Testing

/// What all members of the autoencoder family have in common, and what is particular to some.
@Suite struct AutoencoderFamilyTests {
    typealias Kind = AutoencoderArchitecture.Kind
    private let pool = WorkerPool(workerCount: 2)

    private static func architecture(_ kind: Kind, channels: Int = 1) -> AutoencoderArchitecture {
        let hidden: [Int] =
            switch kind {
            case .linear, .kSparse, .contractive, .sparse: []
            default: [6, 7]
            }
        return AutoencoderArchitecture(
            kind: kind, height: 8, width: 12, channels: channels, hidden: hidden, codeSize: 5, activeUnits: 2)
    }

    private func autoencoder(_ architecture: AutoencoderArchitecture) -> Autoencoder {
        let parameters = Parameters(initializing: architecture.network, seed: 9)
        return Autoencoder(Model(architecture: architecture, parameters: parameters), pool: pool)
    }

    private func pictures(_ architecture: AutoencoderArchitecture, _ count: Int) -> [[Float]] {
        var generator = SeededGenerator(seed: 17)
        return (0..<count).map { _ in
            (0..<architecture.pictureShape.count).map { _ in Float(generator.uniform()) }
        }
    }

    static let reconstructing = Kind.allCases.filter(\.reconstructs)

    @Test(arguments: reconstructing, [1, 3]) func itsHalvesMakeTheWhole(kind: Kind, channels: Int) throws {
        let architecture = Self.architecture(kind, channels: channels)
        #expect(architecture.defect == nil)
        #expect(try AutoencoderArchitecture(json: architecture.json, path: "") == architecture)
        let (autoencoder, pictures) = (autoencoder(architecture), pictures(architecture, 3))
        let labels: [Int?] = [0, 9, nil]
        let whole = try autoencoder.apply(pictures, labels: labels)
        let codes = try autoencoder.codes(of: pictures, labels: labels)
        let decoded = try autoencoder.pictures(of: codes, labels: labels)
        for index in 0..<3 {
            #expect(whole[index].code == codes[index] && codes[index].count == 5)
            expectClose(decoded[index], whole[index].reconstruction, kind.rawValue)
        }
        // A number of pictures other than the last.
        #expect(try autoencoder.codes(of: [pictures[1]], labels: [9]) == [codes[1]])
        #expect(try autoencoder.codes(of: []).isEmpty)
    }

    @Test func onlyTheGreatestUnitsOfAKSparseCodeRemain() throws {
        let architecture = Self.architecture(.kSparse)
        for code in try autoencoder(architecture).codes(of: pictures(architecture, 20)) {
            #expect(code.count { $0 != 0 } == 2)
        }
    }

    @Test func aConditionalOneDependsOnTheClass() throws {
        let architecture = Self.architecture(.conditional)
        let (autoencoder, code) = (autoencoder(architecture), [Float](repeating: 0.3, count: 5))
        let decoded = try autoencoder.pictures(of: [code, code, code, code], labels: [1, 2, nil, 77])
        #expect(decoded[0] != decoded[1] && decoded[1] != decoded[2])
        #expect(decoded[2] == decoded[3], "a class that it does not have is none")
        #expect(decoded.joined().allSatisfy { $0 > 0 && $0 < 1 }, "probabilities")
    }

    @Test func onlyVariationalOnesHaveDistributions() throws {
        for kind in Self.reconstructing {
            let architecture = Self.architecture(kind)
            let posteriors = try autoencoder(architecture).posteriors(of: pictures(architecture, 2))
            #expect((posteriors != nil) == kind.isVariational && architecture.hasNormalPrior == kind.isVariational)
            if let posteriors { #expect(posteriors.count == 2 && posteriors[0].logVariance.count == 5) }
        }
    }

    @Test(
        arguments: [
            (#"{"name":"linear","height":8,"width":8,"channels":1,"hidden":[3],"code":2}"#, "no hidden layers"),
            (#"{"name":"convolutional","height":10,"width":8,"channels":1,"hidden":[3,4],"code":2}"#, "halve"),
            (#"{"name":"convolutional","height":8,"width":8,"channels":1,"hidden":[],"code":2}"#, "halve"),
            (#"{"name":"k-sparse","height":8,"width":8,"channels":1,"hidden":[],"code":2}"#, "active units"),
            (#"{"name":"k-sparse","height":8,"width":8,"channels":1,"hidden":[],"code":2,"active":3}"#, "active"),
            (#"{"name":"sparse","height":8,"width":8,"channels":1,"hidden":[],"code":2}"#, "sparse"),
            (#"{"name":"variational","height":8,"width":8,"channels":1,"hidden":[],"code":2}"#, "decoder's output"),
            (
                #"{"name":"conditional","height":8,"width":8,"channels":1,"hidden":[],"code":2,"#
                    + #""likelihood":"bernoulli","classes":0}"#, "classes"
            ),
        ]) func whatAFileLacksIsNamed(json: String, reason: String)
    {
        let error = #expect(throws: ModelError.self) { try AutoencoderArchitecture(json: json, path: "a.safetensors") }
        let text = error.map { "\($0)" } ?? ""
        #expect(text.contains(reason) && text.contains("a.safetensors"), "\(text)")
    }
}
