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
}
