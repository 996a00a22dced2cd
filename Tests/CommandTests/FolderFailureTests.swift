import Glibc
import ModelTestSupport
import RestoreFiles
import RestoreImage
import TestSupport
import Testing

/// What in a tree cannot be reached is named; it does not vanish.
@Suite struct FolderFailureTests {
    private let workplace: Workplace
    private let folder: TemporaryFolder

    init() throws {
        workplace = try Workplace()
        folder = workplace.folder
        try folder.write(.scene(width: 20, height: 20), "in/a.png")
        try folder.write(.scene(width: 20, height: 20), "in/sub/b.png")
    }

    private func expect(_ outcome: Outcome, naming name: String, summary: String) {
        #expect(outcome.code == 1, "\(outcome.errors)")
        #expect(outcome.errorLines.contains { $0.hasPrefix("restore: \(name)") }, "\(outcome.errors)")
        #expect(outcome.errorLines.last == summary, "\(outcome.errors)")
    }

    @Test func aTreeThatIsTooDeepForTheSystem() throws {
        let name = String(repeating: "n", count: 200)
        folder.makeDeepFolders(named: name, count: 25)
        defer { folder.removeDeepFolders(named: name, count: 25) }
        let outcome = try workplace.denoise("-r", ".", "-o", "out")
        expect(outcome, naming: "./\(name)/\(name)", summary: "2 of 2 pictures denoised, 1 folder failed")
        #expect(outcome.errors.contains("File name too long"))
        #expect(pathKind(folder("out/in/sub/b.png")) == .regularFile)
        #expect(try workplace.denoise("in", "-o", "flat").code == 0, "only -r looks there")
    }

    @Test func aLinkThatCannotBeFollowed() throws {
        symlink(String(repeating: "n", count: 300), folder("in/link"))
        // Nothing is behind these.
        symlink("nowhere", folder("in/broken"))
        symlink("circle", folder("in/circle"))
        let outcome = try workplace.denoise("-r", "in", "-o", "out", "--json")
        expect(outcome, naming: "in/link: ", summary: "2 of 2 pictures denoised, 1 folder failed")
        #expect(outcome.outputLines.count == 3 && outcome.outputLines[0].contains(#""file":"in/link""#))
    }

    /// Root may enter any folder: there the program runs as another user.
    @Test(.enabled(if: getuid() != 0 || pathKind("/usr/bin/setpriv") == .regularFile))
    func foldersWithoutPermission() throws {
        try folder.write(.scene(width: 20, height: 20), "far/open/c.png")
        symlink("../far/open", folder("in/link"))
        let user = getuid() == 0 ? "setpriv --reuid=65534 --clear-groups" : ""
        // What lies above them must be open to the other user.
        try #require(chmod(folder.path, 0o755) == 0 && chmod(workplace.models.path, 0o755) == 0)
        for name in ["in", "in/sub", "far", "far/open"] { chmod(folder(name), 0o755) }
        mkdir(folder("out"), 0o777)
        chmod(folder("out"), 0o777)
        chmod(folder("far"), 0)
        chmod(folder("in/sub"), 0o444)
        defer { for name in ["far", "in/sub"] { chmod(folder(name), 0o755) } }
        let reachable = try workplace.shell("\(user) test -x \"$RESTORE\" -a -r in/a.png")
        // Where the build lies in a closed folder the other user cannot start the program.
        guard reachable.code == 0 else { try Test.cancel("the program cannot be started as another user") }
        let outcome = try workplace.shell(
            "\(user) \"$RESTORE\" denoise -m tiny --sigma 25 -j 2 -r in -o out")
        expect(outcome, naming: "in/link: ", summary: "1 of 2 pictures denoised, 1 failed, 1 folder failed")
        #expect(outcome.errors.contains("in/sub/b.png: cannot be read: Permission denied"), "\(outcome.errors)")
    }

    @Test func anInputInsideAnother() throws {
        for inputs in [["in", "in/sub"], ["in/sub", "in"], ["in", "in/sub/../sub/"]] {
            try workplace.expectFailure(
                ["denoise", "-m", "tiny", "--sigma", "25", "-r"] + inputs + ["-o", "out"], code: 64,
                naming: "b.png: appears twice among the inputs")
        }
        #expect(try workplace.denoise("in", "in/sub", "-o", "out").code == 0, "without -r they are two folders")
    }
}
