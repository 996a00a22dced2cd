import RestoreFiles
import TestSupport
import Testing

/// OpenBLAS is loaded by what needs it, and by nothing else. These tests need it, and `make deps` installs it.
@Suite struct LibraryTests {
    private let workplace: Workplace
    private let folder: TemporaryFolder

    init() throws {
        workplace = try Workplace()
        folder = workplace.folder
        try folder.write(.scene(width: 60, height: 40), "in.png")
    }

    /// The system's loader names every file that it loads.
    @Test func nothingElseLoadsIt() throws {
        // The noise level is estimated.
        for command in ["denoise -m tiny in.png out.png", "models list", "--help"] {
            let outcome = try workplace.shell("unset RESTORE_GEMM; export LD_DEBUG=files; restore \(command)")
            #expect(outcome.code == 0 && outcome.errors.contains("libc.so.6"), "\(command): \(outcome.code)")
            #expect(!outcome.errors.contains("libopenblas"), "\(command)")
        }
    }

    @Test func theReferenceLoadsItAndDiffersByRounding() throws {
        let own = try workplace.shell("unset RESTORE_GEMM; restore denoise -m tiny --sigma 25 in.png own.png")
        #expect(own.code == 0, "\(own.errors)")
        let plain = try workplace.shell(
            "export RESTORE_GEMM=openblas LD_DEBUG=files; restore denoise -m tiny --sigma 25 in.png plain.png")
        #expect(plain.code == 0 && plain.errors.contains("libopenblas"), "\(plain.code)")
        let (a, b) = (try workplace.image("own.png"), try workplace.image("plain.png"))
        guard case .uint8(let found) = b.samples, case .uint8(let expected) = a.samples else {
            Issue.record("8 bits")
            return
        }
        #expect(found.count == expected.count)
        #expect(zip(found, expected).allSatisfy { abs(Int($0) - Int($1)) <= 1 })
    }

    /// A file that is no library, where the loader looks first, is as good as none.
    @Test func whereItIsMissing() throws {
        try folder.write([], "libraries/libopenblas.so.0")
        let outcome = try workplace.shell(
            "export RESTORE_GEMM=openblas LD_LIBRARY_PATH=libraries; restore denoise -m tiny --sigma 25 in.png out.png")
        #expect(outcome.code == 66, "\(outcome.code)")
        #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
        #expect(outcome.errors.contains("OpenBLAS cannot be loaded"), "\(outcome.errors)")
        #expect(outcome.errors.contains("Debian package libopenblas0"), "\(outcome.errors)")
        #expect(pathKind(folder("out.png")) == .missing)
    }
}
