import ModelTestSupport
import RestoreFiles
import RestoreImage
import TestSupport
import Testing

/// `--wrap`: the network sees beyond a border what is at the opposite one.
@Suite struct WrapTests {
    private let workplace: Workplace
    private let folder: TemporaryFolder

    init() throws {
        workplace = try Workplace()
        folder = workplace.folder
    }

    /// The picture moved to the right and down, what leaves it coming in again at the opposite border.
    private func moved(_ image: Image, x: Int, y: Int) -> Image {
        image.wrapped(x: x, y: y).cropped(to: ImageRegion(x: 0, y: 0, width: image.width, height: image.height))
    }

    private func denoised(_ image: Image, _ wrap: String?) throws -> Image {
        try writeImage(image, to: folder("in.png"), overwrite: true)
        let outcome = try workplace.run(
            ["denoise", "-m", "tiny", "--sigma", "25", "in.png", "out.png", "--overwrite"]
                + (wrap.map { ["--wrap", $0] } ?? []))
        #expect(outcome.code == 0, "\(outcome.errors)")
        return try workplace.image("out.png")
    }

    /// Wherever the borders are, the result is the same: they match. Moved by multiples of the network's alignment.
    @Test(arguments: [("horizontal", 24, 0), ("vertical", 0, 16), ("both", 40, 24)])
    func theResultDoesNotDependOnWhereTheBordersAre(wrap: String, x: Int, y: Int) throws {
        let image = Image.scene(width: 96, height: 64)
        let result = try denoised(image, wrap)
        #expect(result.width == 96 && result.height == 64 && result != image)
        #expect(try denoised(moved(image, x: x, y: y), wrap) == moved(result, x: x, y: y))
        let plain = try denoised(image, nil)
        #expect(
            try denoised(moved(image, x: x, y: y), nil) != moved(plain, x: x, y: y), "the test would notice borders")
        // In the middle the borders have no influence.
        let middle = ImageRegion(x: 40, y: 24, width: 16, height: 16)
        #expect(result.cropped(to: middle) == plain.cropped(to: middle))
    }

    /// Smaller than what the network sees beyond the borders.
    @Test func smallTextures() throws {
        let image = Image.scene(width: 8, height: 8)
        let result = try denoised(image, "both")
        let repeated = image.wrapped(x: 8, y: 8)
        let middle = ImageRegion(x: 8, y: 8, width: 8, height: 8)
        #expect(try denoised(repeated, "both").cropped(to: middle) == result)
    }

    @Test func aPictureWithoutNoiseStaysAsItIs() throws {
        try writeImage(.scene(width: 30, height: 20), to: folder("clean.png"), overwrite: false)
        let outcome = try workplace.run([
            "denoise", "-m", "tiny", "--sigma", "0", "--wrap", "both", "clean.png", "out.png",
        ])
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(try readFile(folder("out.png")) == readFile(folder("clean.png")))
    }
}
