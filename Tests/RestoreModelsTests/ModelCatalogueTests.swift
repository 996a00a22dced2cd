import ModelTestSupport
import RestoreFiles
import RestoreModels
import TestSupport
import Testing

@Suite struct ModelCatalogueTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func standard(
        modelsDirectory: String? = nil, executable: String = "/nowhere/bin/restore",
        _ environment: [String: String] = [:]
    ) -> [String] {
        ModelCatalogue.standard(
            modelsDirectory: modelsDirectory, executablePath: executable, environment: { environment[$0] }
        ).folders
    }

    // MARK: Where it looks

    @Test func foldersComeInTheDocumentedOrder() {
        let environment = ["RESTORE_MODELS": "/e", "XDG_DATA_HOME": "/x", "HOME": "/h"]
        #expect(
            standard(modelsDirectory: "/m", executable: "/usr/bin/restore", environment) == [
                "/m", "/e", "/x/restore/models", "/usr/share/restore/models",
            ])
    }

    @Test func theHomeFolderStandsInForXDG() {
        #expect(
            standard(["HOME": "/h"]) == ["/h/.local/share/restore/models", "/nowhere/share/restore/models"])
        #expect(
            standard(["HOME": "/h", "XDG_DATA_HOME": ""]) == [
                "/h/.local/share/restore/models", "/nowhere/share/restore/models",
            ])
    }

    @Test func emptyVariablesCountForNothing() {
        #expect(standard(["RESTORE_MODELS": "", "HOME": ""]) == ["/nowhere/share/restore/models"])
    }

    @Test func aCheckoutIsFoundFromItsBuildFolder() throws {
        try folder.write([1], "Package.swift")
        try folder.makeFolder("Models")
        for place in [".build/release/restore", ".build/x86_64-unknown-linux-gnu/release/restore"] {
            #expect(standard(executable: folder(place)).last == folder("Models"))
        }
    }

    @Test func aFolderWithoutAManifestIsNoCheckout() throws {
        try folder.makeFolder("Models")
        #expect(!standard(executable: folder(".build/release/restore")).contains(folder("Models")))
    }

    // MARK: What it finds

    private func install(_ names: [String], in folders: [String]) throws -> ModelCatalogue {
        for (name, folder) in zip(names, folders) {
            try self.folder.write([0], "\(folder)/\(name)/model.safetensors")
        }
        return ModelCatalogue(folders: ["first", "second", "missing"].map { folder($0) })
    }

    @Test func theFirstFolderWithAModelWins() throws {
        let catalogue = try install(["a", "a", "b"], in: ["first", "second", "second"])
        #expect(try catalogue.find("a").path == folder("first/a/model.safetensors"))
        #expect(try catalogue.find("b").path == folder("second/b/model.safetensors"))
        #expect(catalogue.list().map(\.name) == ["a", "b"])
        #expect(
            catalogue.list().map(\.path) == [folder("first/a/model.safetensors"), folder("second/b/model.safetensors")])
    }

    @Test func theListIsSortedAndHoldsNothingElse() throws {
        let catalogue = try install(["z", "m", "a"], in: ["first", "second", "first"])
        try folder.write([0], "first/loose.safetensors")
        try folder.write([0], "first/model.safetensors")
        try folder.write([0], "first/other/last.safetensors")
        try folder.write([0], "first/deep/down/model.safetensors")
        try folder.write([0], "first/README.md")
        #expect(catalogue.list().map(\.name) == ["a", "m", "z"])
    }

    @Test func noFolderIsNoError() {
        #expect(ModelCatalogue(folders: []).list().isEmpty)
        #expect(ModelCatalogue(folders: [folder("missing")]).list().isEmpty)
    }

    @Test func aNameThatIsNotThereSaysWhereItWasSought() throws {
        let catalogue = try install(["a"], in: ["first"])
        #expect(throws: ModelError.notFound(name: "b", searched: catalogue.folders)) { try catalogue.find("b") }
        let error = #expect(throws: ModelError.self) { try catalogue.find("b") }
        #expect("\(try #require(error))".contains(folder("second")))
        #expect(throws: ModelError.notFound(name: "b", searched: [])) { try ModelCatalogue(folders: []).find("b") }
    }

    @Test func pathsAreTakenAsTheyAre() throws {
        let catalogue = try install(["a"], in: ["first"])
        #expect(try catalogue.find("some/where").path == "some/where")
        #expect(try catalogue.find("best.safetensors").path == "best.safetensors")
        #expect(try catalogue.find(folder("second/x.safetensors")).path == folder("second/x.safetensors"))
    }

    @Test func aPathToAModelFolderLeadsToItsModel() throws {
        let catalogue = try install(["a"], in: ["first"])
        for path in [folder("first/a"), folder("first/a/")] {
            #expect(try pathKind(catalogue.find(path).path) == .regularFile)
        }
    }

    /// A folder of the name in the current folder must not stand in for an installed model.
    @Test func aNameIsSoughtInTheCatalogueOnly() throws {
        let catalogue = try install(["Tests"], in: ["second"])
        #expect(try catalogue.find("Tests").path == folder("second/Tests/model.safetensors"))
    }
}
