import RestoreFiles
import TestSupport
import Testing

@Suite struct PathTests {
    @Test(arguments: [
        ("a/b.png", "b.png", "a"), ("b.png", "b.png", "."), ("/b.png", "b.png", "/"), ("a/b/", "b", "a"),
        ("/", "/", "/"), ("a//b", "b", "a"), ("//b", "b", "/"), ("a/\u{301}b", "\u{301}b", "a"),
        ("", "", "."),
    ])
    func splits(_ path: String, _ name: String, _ parent: String) {
        #expect(lastPathComponent(of: path) == name)
        #expect(parentFolder(of: path) == parent)
    }

    @Test(arguments: [
        ("a.b/C.PNG", "png", "a.b/C"), ("a.b/c", "", "a.b/c"), (".hidden", "", ".hidden"), ("a.", "", "a"),
        ("a.tar.gz", "gz", "a.tar"), (".x.jpg", "jpg", ".x"), ("a/b.png/", "png", "a/b.png/"), ("", "", ""),
    ])
    func findsExtensions(_ path: String, _ suffix: String, _ rest: String) {
        #expect(pathExtension(of: path) == suffix)
        #expect(removingPathExtension(path) == rest)
    }

    @Test(arguments: [
        ("a", "b", "a/b"), ("a/", "b", "a/b"), ("", "b", "b"), ("a", "/b", "/b"), ("/", "b", "/b"),
        ("a", "", "a/"),
    ])
    func joins(_ folder: String, _ name: String, _ joined: String) {
        #expect(joinPath(folder, name) == joined)
    }
}
