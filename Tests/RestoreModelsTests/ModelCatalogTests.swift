import ModelTestSupport
import RestoreFiles
import RestoreModels
import TestSupport
import Testing

@Suite struct ModelCatalogTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func standard(
        modelsDirectory: String? = nil, executable: String = "/nowhere/bin/restore",
        _ environment: [String: String] = [:]
    ) -> [String] {
        ModelCatalog.standard(
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

    private func install(_ names: [String], in folders: [String]) throws -> ModelCatalog {
        for (name, folder) in zip(names, folders) {
            try self.folder.write([0], "\(folder)/\(name)/model.safetensors")
        }
        return ModelCatalog(folders: ["first", "second", "missing"].map { folder($0) })
    }

    @Test func theFirstFolderWithAModelWins() throws {
        let catalog = try install(["a", "a", "b"], in: ["first", "second", "second"])
        #expect(try catalog.find("a").path == folder("first/a/model.safetensors"))
        #expect(try catalog.find("b").path == folder("second/b/model.safetensors"))
        #expect(catalog.list().map(\.name) == ["a", "b"])
        #expect(
            catalog.list().map(\.path) == [folder("first/a/model.safetensors"), folder("second/b/model.safetensors")])
    }

    @Test func theListIsSortedAndHoldsNothingElse() throws {
        let catalog = try install(["z", "m", "a"], in: ["first", "second", "first"])
        try folder.write([0], "first/loose.safetensors")
        try folder.write([0], "first/model.safetensors")
        try folder.write([0], "first/other/last.safetensors")
        try folder.write([0], "first/deep/down/model.safetensors")
        try folder.write([0], "first/README.md")
        #expect(catalog.list().map(\.name) == ["a", "m", "z"])
    }

    @Test func noFolderIsNoError() {
        #expect(ModelCatalog(folders: []).list().isEmpty)
        #expect(ModelCatalog(folders: [folder("missing")]).list().isEmpty)
    }

    @Test func aNameThatIsNotThereSaysWhereItWasSought() throws {
        let catalog = try install(["a"], in: ["first"])
        #expect(throws: ModelError.notFound(name: "b", searched: catalog.folders)) { try catalog.find("b") }
        let error = #expect(throws: ModelError.self) { try catalog.find("b") }
        #expect("\(try #require(error))".contains(folder("second")))
        #expect(throws: ModelError.notFound(name: "b", searched: [])) { try ModelCatalog(folders: []).find("b") }
    }

    @Test func pathsAreTakenAsTheyAre() throws {
        let catalog = try install(["a"], in: ["first"])
        #expect(try catalog.find("some/where").path == "some/where")
        #expect(try catalog.find("best.safetensors").path == "best.safetensors")
        #expect(try catalog.find(folder("second/x.safetensors")).path == folder("second/x.safetensors"))
    }

    @Test func aPathToAModelFolderLeadsToItsModel() throws {
        let catalog = try install(["a"], in: ["first"])
        for path in [folder("first/a"), folder("first/a/")] {
            #expect(try pathKind(catalog.find(path).path) == .regularFile)
        }
    }

    /// A folder of the name in the current folder must not stand in for an installed model.
    @Test func aNameIsSoughtInTheCatalogOnly() throws {
        let catalog = try install(["Tests"], in: ["second"])
        #expect(try catalog.find("Tests").path == folder("second/Tests/model.safetensors"))
    }
}
