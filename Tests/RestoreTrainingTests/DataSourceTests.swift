import Foundation
import RestoreTraining
import TestSupport
import Testing

@Suite struct DataSourceTests {
    @Test(arguments: [
        ("photos", "photos", 1), ("photos=2", "photos", 2), ("a=b=0.25", "a=b", 0.25), ("photos=1e-3", "photos", 1e-3),
        // What is no positive finite number belongs to the path.
        ("photos=", "photos=", 1), ("photos=0", "photos=0", 1), ("photos=-1", "photos=-1", 1),
        ("photos=inf", "photos=inf", 1), ("photos=nan", "photos=nan", 1), ("photos=two", "photos=two", 1),
        ("a=3/b", "a=3/b", 1), ("=3", "=3", 1), ("photos= 2", "photos= 2", 1),
    ])
    func anArgumentIsAPathAndMayHaveAWeight(argument: String, path: String, weight: Double) {
        #expect(DataSource(argument: argument) == DataSource(path: path, weight: weight))
    }

    @Test func somethingThatExistsIsMeantItself() throws {
        let folder = try TemporaryFolder()
        try folder.makeFolder("photos")
        #expect(DataSource(argument: folder("photos=2")) == DataSource(path: folder("photos"), weight: 2))
        try folder.makeFolder("photos=2")
        #expect(DataSource(argument: folder("photos=2")) == DataSource(path: folder("photos=2")))
        #expect(DataSource(argument: folder("photos=2=3")) == DataSource(path: folder("photos=2"), weight: 3))
    }

    private func decoded(_ json: String) throws -> [DataSource] {
        try JSONDecoder().decode([DataSource].self, from: Data(json.utf8))
    }

    @Test func aTextIsAPathAndARecordMayHaveAWeight() throws {
        let sources = try decoded(#"["a", "b=2", {"path": "c"}, {"path": "d", "weight": 0.5}]"#)
        #expect(
            sources == [.init(path: "a"), .init(path: "b=2"), .init(path: "c"), .init(path: "d", weight: 0.5)])
    }

    @Test func whatIsWrittenIsReadBack() throws {
        let sources = [DataSource(path: "a"), DataSource(path: "b=2"), DataSource(path: "c", weight: 2.5)]
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let json = String(decoding: try encoder.encode(sources), as: UTF8.self)
        #expect(json == #"["a","b=2",{"path":"c","weight":2.5}]"#)
        #expect(try decoded(json) == sources)
    }

    @Test(arguments: [
        (#"[{"path": "a", "weight": 0}]"#, "weight"), (#"[{"path": "a", "weight": -2}]"#, "weight"),
        (#"[{"path": "a", "weigth": 2}]"#, "weigth"), (#"[{"weight": 2}]"#, "path"), (#"[7]"#, "Expected"),
    ])
    func anythingElseIsRefusedByName(json: String, name: String) throws {
        let error = #expect(throws: DecodingError.self) { try decoded(json) }
        #expect("\(String(describing: error))".contains(name))
    }
}
