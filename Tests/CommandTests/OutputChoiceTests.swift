import CExtendedAttributes
import Foundation
import Glibc
import ModelTestSupport
import RestoreFiles
import RestoreImage
import TestSupport
import Testing

/// Which path is the output, and whether it is a file or a folder.
@Suite struct OutputChoiceTests {
    private let workplace: Workplace
    private let folder: TemporaryFolder

    init() throws {
        workplace = try Workplace()
        folder = workplace.folder
        try folder.write(.scene(width: 20, height: 20), "x.png")
        try folder.write(.scene(width: 20, height: 20, seed: 2), "y.png")
    }

    private func expectRefusal(_ arguments: String..., code: Int32 = 64, naming name: String) throws {
        try workplace.expectFailure(["denoise", "-m", "tiny", "--sigma", "25"] + arguments, code: code, naming: name)
    }

    /// As when a pattern of the shell matched a single picture.
    @Test func anOutputWithoutExtensionIsAFolder() throws {
        #expect(try workplace.denoise("x.png", "--output", "clean").code == 0)
        #expect(try folder.names.contains("clean/x.png"))
        #expect(try workplace.denoise("x.png", "--output", "file", "--format", "jpg").code == 0)
        #expect(try readImage(folder("file")).format == .jpeg)
        try expectRefusal("x.png", "new", naming: "new: a file or a folder?")
        try expectRefusal("x.png", "new", naming: "--output new")
        try expectRefusal("x.png", "-o", "new.gif", naming: "new.gif")
        try expectRefusal("x.png", "-o", "", "--overwrite", code: 73, naming: "the path is empty")
        try expectRefusal("x.png", "y.png", "-o", "", "--overwrite", code: 73, naming: "the path is empty")
        #expect(try workplace.denoise("x.png", "file", "--overwrite").code == 0, "a file that is there is one")
    }

    @Test func whatIsMadeOfAPrivatePictureIsPrivate() throws {
        chmod(folder("x.png"), 0o600)
        #expect(try workplace.denoise("x.png", "clean.png", "--compare", "both.jpg").code == 0)
        for name in ["clean.png", "both.jpg"] {
            var status = stat()
            #expect(stat(folder(name), &status) == 0 && status.st_mode & 0o777 == 0o600, "\(name)")
        }
    }

    @Test func attributesOfAReplacedPictureAreKept() throws {
        let tags = Array("holiday".utf8)
        let hasAttributes = setxattr(folder("x.png"), "user.xdg.tags", tags, tags.count, 0) == 0
        let old = [timespec(tv_sec: 981_173_106, tv_nsec: 5), timespec(tv_sec: 981_173_106, tv_nsec: 5)]
        try #require(utimensat(AT_FDCWD, folder("x.png"), old, 0) == 0)
        #expect(try workplace.denoise("x.png", "new.png", "--preserve-times").code == 0)
        #expect(try workplace.denoise("x.png", "x.png", "--overwrite", "--preserve-times").code == 0)
        for name in ["new.png", "x.png"] {
            var status = stat()
            #expect(stat(folder(name), &status) == 0 && status.st_mtim.tv_sec == 981_173_106, "\(name)")
        }
        #expect(try workplace.denoise("y.png", "y.png", "--overwrite").code == 0)
        var status = stat()
        #expect(stat(folder("y.png"), &status) == 0 && status.st_mtim.tv_sec > 1_500_000_000)
        guard hasAttributes else { return }
        var value = [UInt8](repeating: 0, count: 100)
        let count = getxattr(folder("x.png"), "user.xdg.tags", &value, value.count)
        #expect(count == tags.count && Array(value.prefix(tags.count)) == tags)
    }

    /// Whatever is called so in the folder.
    @Test func aStreamIsNoFileThatIsCalledSo() throws {
        try folder.write([], "stdout")
        let command = ["denoise", "-m", "tiny", "--sigma", "25"]
        for isFolder in [false, true] {
            if isFolder { try folder.makeFolder("-") } else { try folder.write([1], "-") }
            for more in [[], ["--skip-existing"], ["--compare", "./c.png", "--overwrite"]] {
                for input in ["x.png", "-"] {
                    let outcome = try workplace.run(
                        command + [input, "-"] + more, inputFrom: folder("x.png"), outputTo: folder("stdout"))
                    #expect(outcome.code == 0, "\(more): \(outcome.errors)")
                    #expect(try readImage(folder("stdout")).image.width == 20)
                }
            }
            try FileManager.default.removeItem(atPath: folder("-"))
        }
    }

    @Test func aFileBesideTheOptionForInputs() throws {
        try expectRefusal("x.png", "-i", "y.png", naming: "x.png: an input or the output?")
        try expectRefusal("x.png", "-i", "y.png", "--overwrite", naming: "x.png: an input or the output?")
        #expect(try workplace.denoise("-i", "y.png", "new.png").code == 0)
        #expect(try workplace.denoise("x.png", "-i", "y.png", "-o", "clean").code == 0)
        #expect(try folder.names.filter { $0.hasPrefix("clean/") } == ["clean/x.png", "clean/y.png"])
    }

    @Test func aLinkThatLeadsNowhereIsNotReplaced() throws {
        symlink("nowhere.png", folder("broken.png"))
        symlink("circle.png", folder("circle.png"))
        for name in ["broken.png", "circle.png"] {
            for more in [["--overwrite"], ["--skip-existing"], []] {
                try workplace.expectFailure(
                    ["denoise", "-m", "tiny", "x.png", name] + more, code: 73, naming: "\(name): cannot be written")
            }
        }
        #expect(isSymbolicLink(folder("broken.png")))
    }

    /// After the check, while the picture is waited for.
    @Test func aFolderThatAppearsAtTheOutput() throws {
        let pipe = folder("pipe")
        try #require(mkfifo(pipe, 0o600) == 0)
        let descriptor = open(pipe, O_RDWR)
        let program = try workplace.start(
            ["denoise", "-m", "tiny", "--sigma", "25", "-", "out.png", "--overwrite"], inputFrom: pipe)
        usleep(500_000)
        try folder.makeFolder("out.png")
        let bytes = try readFile(folder("x.png"))
        #expect(bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) } == bytes.count)
        close(descriptor)
        let outcome = try program.outcome()
        #expect(outcome.code == 73 && outcome.errors.contains("out.png: cannot be written"), "\(outcome.errors)")
    }

    @Test func theComparisonIsAnOutput() throws {
        let text = try workplace.denoise("x.png", "new.png", "--compare", "c.png", "--dry-run")
        #expect(text.outputLines == ["x.png -> new.png", "x.png -> c.png (before and after)"])
        let records = try workplace.denoise("x.png", "new.png", "--compare", "c.png", "--dry-run", "--json")
        #expect(records.output.contains(#""comparison":"c.png""#))
        // It can be made, and nothing can be written into it.
        let failed = try workplace.denoise("x.png", "new.png", "--compare", "/proc/self/c.png")
        #expect(failed.code == 73 && failed.errors.hasSuffix("; new.png itself was written\n"), "\(failed.errors)")
        #expect(try workplace.image("new.png").width == 20)
    }

    @Test func optionsThatWouldDoNothing() throws {
        try expectRefusal("x.png", "new.png", "--suffix", "_a", naming: "--suffix")
        try expectRefusal("x.png", "-o", "clean", "--suffix", "_a", naming: "--suffix")
        try expectRefusal("x.png", "--suffix", "a/b", naming: "--suffix a/b")
        try expectRefusal("x.png", "--models-dir", "nope", code: 66, naming: "nope: no such file or folder")
        try expectRefusal(
            "x.png", "--models-dir", "y.png", code: 66, naming: "y.png: cannot be read: it is not a folder")
        #expect(try workplace.run(["denoise", "x.png", "-q", "-v"]).code == 64)
        let outcome = try workplace.denoise("x.png", "new.png", "--quality", "90")
        #expect(outcome.code == 0 && outcome.errors.contains("warning: --quality 90 is for JPEG"), "\(outcome.errors)")
        let comparison = try workplace.denoise("x.png", "n.png", "--compare", "c.jpg", "--quality", "90")
        #expect(comparison.code == 0 && !comparison.errors.contains("warning"), "\(comparison.errors)")
    }

    @Test func aPictureAsItsOwnOutput() throws {
        let outcome = try workplace.denoise("x.png", "./x.png")
        #expect(outcome.code == 73 && !outcome.errors.contains("second input"), "\(outcome.errors)")
    }
}
