import Foundation
import RestoreFiles
import RestoreImage
import TestSupport
import Testing

/// What of a file is not read is said; ordinary files give no word of it.
@Suite struct UnreadContentTests {
    private let plainPNG: [UInt8]
    private let plainJPEG: [UInt8]

    init() throws {
        plainPNG = try readFile(Fixtures.path("images/formats/rgb8.png"))
        plainJPEG = try readFile(Fixtures.path("images/formats/baseline-420.jpg"))
    }

    private func warnings(_ bytes: [UInt8]) throws -> [String] { try decodeImage(bytes, path: "p").warnings }

    /// The pictures of every kind; those of inks and those with several pictures have tests of their own.
    @Test(arguments: ["images", "jpeg", "metadata", "pngsuite"])
    func ordinaryFilesGiveNoWarning(_ folder: String) throws {
        let files = try listFilesRecursively(Fixtures.path(folder), extensions: ImageFormat.allFileExtensions)
        var count = 0
        for file in files where !["cmyk", "ycck", "two-pictures", "/x"].contains(where: { file.contains($0) }) {
            #expect(try readImage(file).warnings == [], "\(file)")
            count += 1
        }
        #expect(count > 1)
    }

    // MARK: Animations

    private func animation(frames: Int, defaultIsAFrame: Bool) -> [UInt8] {
        let control = bigEndian(0) + bigEndian(11) + bigEndian(9) + bigEndian(0) + bigEndian(0) + [0, 1, 0, 1, 0, 0]
        let frame = defaultIsAFrame ? chunk("fcTL", control) : []
        return png(plainPNG, with: chunk("acTL", bigEndian(frames) + bigEndian(0)) + frame)
    }

    @Test func framesOfAnAnimationAreCounted() throws {
        let start = "only the default image of the animation is kept: "
        #expect(try warnings(animation(frames: 12, defaultIsAFrame: true)) == [start + "11 frames are lost"])
        #expect(try warnings(animation(frames: 2, defaultIsAFrame: true)) == [start + "1 frame is lost"])
        #expect(try warnings(animation(frames: 1, defaultIsAFrame: false)) == [start + "1 frame is lost"])
        #expect(try warnings(animation(frames: 1, defaultIsAFrame: true)) == [])
        #expect(try warnings(animation(frames: 0, defaultIsAFrame: false)) == [])
        // Of wrong length.
        #expect(try warnings(png(plainPNG, with: chunk("acTL", bigEndian(9)))) == [])
        #expect(
            try decodeImage(animation(frames: 3, defaultIsAFrame: true), path: "p").image
                == readImage(
                    Fixtures.path("images/formats/rgb8.png")
                ).image)
    }

    // MARK: Several pictures

    /// An index of pictures (CIPA DC-007) with the kinds of all after the first one; its own bytes are in either order.
    private func index(kinds: [Int], count: Int? = nil, littleEndian: Bool) -> [UInt8] {
        func number(_ value: Int, _ size: Int = 4) -> [UInt8] {
            littleEndian ? bigEndian(value, bytes: size).reversed() : bigEndian(value, bytes: size)
        }
        func entry(_ tag: Int, type: Int, count: Int) -> [UInt8] { number(tag, 2) + number(type, 2) + number(count) }
        let all = [0x030000] + kinds
        var block: [UInt8] = littleEndian ? [0x49, 0x49, 0x2A, 0] : [0x4D, 0x4D, 0, 0x2A]
        block += number(8) + number(3, 2)
        block += entry(0xB000, type: 7, count: 4) + Array("0100".utf8)
        block += entry(0xB001, type: 4, count: 1) + number(count ?? all.count)
        block += entry(0xB002, type: 7, count: 16 * all.count) + number(50)
        block += number(0)
        for kind in all { block += number(kind) + [UInt8](repeating: 0, count: 12) }
        return segment(0xE2, Array("MPF\0".utf8) + block)
    }

    @Test(arguments: [true, false])
    func furtherPicturesAreCounted(_ littleEndian: Bool) throws {
        func file(_ kinds: [Int], count: Int? = nil) -> [UInt8] {
            jpeg(plainJPEG, with: index(kinds: kinds, count: count, littleEndian: littleEndian)) + plainJPEG
        }
        #expect(try warnings(file([0x020002])) == ["only the first of 2 images in the file is kept"])
        #expect(try warnings(file([0x020003, 0x010001])) == ["only the first of 3 images in the file is kept"])
        #expect(try warnings(file([0x010002])) == ["the preview after the image is not kept"])
        #expect(try warnings(file([0x010002, 0x010001])) == ["the previews after the image are not kept"])
        // Without an index, or with one that says nothing or cannot be right, the second picture speaks for itself.
        let several = ["only the first of several images in the file is kept"]
        #expect(try warnings(plainJPEG + plainJPEG) == several)
        #expect(try warnings(plainJPEG + [0, 0, 0] + plainJPEG) == several)
        #expect(try warnings(file([], count: 1)) == several)
        // Some program has kept the index and not the pictures: nothing is there to be lost.
        #expect(try warnings(jpeg(plainJPEG, with: index(kinds: [0], littleEndian: littleEndian))) == [])
    }

    @Test func aSecondPictureOfAnyFormatIsReported() throws {
        let several = ["only the first of several images in the file is kept"]
        for (first, second) in [(plainPNG, plainPNG), (plainPNG, plainJPEG), (plainJPEG, plainPNG)] {
            #expect(try warnings(first + second) == several)
            #expect(try warnings(first + [0, 0, 0, 10] + second) == several)
        }
    }

    @Test func anIndexThatIsDamagedDoesNoHarm() throws {
        let whole = index(kinds: [0x020002, 0x010001], littleEndian: false)
        for length in 8..<whole.count {
            let cut = segment(0xE2, Array(whole[4..<length]))
            #expect(try warnings(jpeg(plainJPEG, with: cut) + plainJPEG).count == 1)
        }
    }

    // MARK: What stands behind

    @Test func aVideoBehindThePictureIsNamed() throws {
        let video = bigEndian(24) + Array("ftypmp42".utf8) + [UInt8](repeating: 7, count: 500)
        let line = "the video after the image is not kept (512 bytes)"
        #expect(try warnings(plainJPEG + video) == [line])
        #expect(try warnings(plainJPEG + [0, 0, 0, 0] + video) == [line])
        #expect(try warnings(plainJPEG + Array("MotionPhoto_Data".utf8) + video) == [line])
        #expect(
            try warnings(plainJPEG + plainJPEG + video)
                == ["only the first of several images in the file is kept", line])
        // A word is no video.
        #expect(try warnings(plainJPEG + Array("no ftyp".utf8)) == [])
    }

    @Test func otherBytesAreCounted() throws {
        for file in [plainJPEG, plainPNG] {
            let line = "data after the image is not kept (65 bytes)"
            #expect(try warnings(file + [UInt8](repeating: 7, count: 65)) == [line])
            #expect(try warnings(file + [0, 0] + [UInt8](repeating: 7, count: 65) + [0xFF, 0]) == [line])
            #expect(try warnings(file + [UInt8](repeating: 7, count: 64)) == [])
            for filling: UInt8 in [0, 0xFF, 0x0A, 0x20] {
                #expect(try warnings(file + [UInt8](repeating: filling, count: 5000)) == [])
            }
            #expect(try warnings(file + Array("\r\n".utf8)) == [])
        }
    }

    /// Bytes within the picture are its own, whatever they look like; a picture that ends too early has nothing behind it.
    @Test func whatIsInThePictureIsNotBehindIt() throws {
        let comment = segment(0xFE, bigEndian(24) + Array("ftypmp42".utf8) + [UInt8](repeating: 7, count: 500))
        #expect(try warnings(jpeg(plainJPEG, with: comment)) == [])
        let cut = Array(plainJPEG.dropLast(40))
        let tolerant = try decodeImage(cut, path: "p", tolerant: true)
        #expect(!tolerant.warnings.isEmpty && tolerant.warnings.allSatisfy { $0.contains("remature end") })
    }

    // MARK: Inks

    @Test func inksAreNamed() throws {
        let file = try readFile(Fixtures.path("images/formats/cmyk-adobe.jpg"))
        func withProfile(_ profile: [UInt8]) throws -> [String] {
            try warnings(jpeg(file, with: segment(0xE2, Array("ICC_PROFILE\0".utf8) + [1, 1] + profile)))
        }
        let line = "its CMYK colors are converted to sRGB"
        #expect(try warnings(file) == [line + ", with a simple formula: it has no color profile"])
        #expect(try withProfile(profile("cmyk")) == [line])
        #expect(
            try withProfile(profile("display-p3")) == [
                line + ", with a simple formula: its color profile cannot be used"
            ])
    }
}
