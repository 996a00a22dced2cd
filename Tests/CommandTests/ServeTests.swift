import Foundation
import Glibc
import ModelTestSupport
import RestoreFiles
import RestoreImage
import TestSupport
import Testing

/// `restore serve`: its API gives what the commands give.
@Suite(.serialized) struct ServeTests {
    private let workplace: Workplace
    private let folder: TemporaryFolder
    /// Pictures with transparency, 16 bits, CMYK and palettes.
    private static let formats = ["rgb-alpha16.png", "gray16.png", "cmyk-adobe.jpg", "palette8-alpha.png"]

    init() throws {
        workplace = try Workplace()
        folder = workplace.folder
        try workplace.models.write(TinyColorizer().file(), "colorize-photo/model.safetensors")
        try workplace.models.write(TinyInpainter().file(), "inpaint-photo/model.safetensors")
        try folder.write(Image.scene(width: 64, height: 48), "photo.png")
        try folder.write(Image.scene(width: 64, height: 48, .gray), "gray.png")
        let marked = (0..<64 * 48).map { UInt8((20..<40).contains($0 % 64) && (10..<30).contains($0 / 64) ? 255 : 0) }
        try folder.write(
            Image(width: 64, height: 48, channelLayout: .gray, samples: .uint8(marked)), "m.png")
        for name in Self.formats { try folder.write(Fixtures.bytes("images/formats/\(name)"), name) }
    }

    private func bytes(_ name: String) throws -> [UInt8] { try readFile(folder(name)) }

    /// What a command writes, and what the API gives for the same options.
    private func compare(
        _ served: ServedProgram, _ task: String, _ name: String, _ options: [(String, String)],
        mask: String? = nil, format: String? = nil
    ) throws {
        let output = "out." + (format ?? pathExtension(of: name))
        var arguments = [task, "-j", "2", name, output, "--overwrite"] + options.map { "--\($0.0)=\($0.1)" }
        var target = "/api/\(task)?picture=\(try served.upload(bytes(name), name: name))"
        for (option, value) in options + (format.map { [("format", $0)] } ?? []) {
            let escaped = value.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? value
            target += "&\(option)=\(escaped)"
        }
        if let mask {
            arguments.append("--mask=\(mask)")
            target += "&mask=\(try served.upload(bytes(mask), name: mask))"
        }
        let outcome = try workplace.run(arguments)
        try #require(outcome.code == 0, "\(outcome.errors)")
        let answer = try served.request("POST", target)
        #expect(answer.events.last?["state"] as? String == "done", "\(answer.text)")
        let result = try #require(answer.results.first)
        let file = try served.request("GET", "/api/pictures/\(result)")
        #expect(try file.body == bytes(output), "\(task) \(name) \(options)")
    }

    @Test func everyTaskGivesTheBytesOfItsCommand() throws {
        let served = try ServedProgram(workplace)
        try compare(served, "denoise", "photo.png", [("model", "tiny"), ("sigma", "25"), ("strength", "0.5")])
        try compare(served, "denoise", "photo.png", [("model", "tiny"), ("sigma", "25")], format: "jpg")
        for name in Self.formats {
            try compare(served, "denoise", name, [("model", "tiny"), ("sigma", "20")])
        }
        try compare(
            served, "colorize", "gray.png",
            [("saturation", "1.5"), ("vividness", "0.4"), ("hint", "10,10,#c03020"), ("hint", "40,30,#2040c0")])
        try compare(served, "inpaint", "photo.png", [("dilate", "2"), ("feather", "3")], mask: "m.png")
        try compare(served, "inpaint", "photo.png", [("method", "harmonic")], mask: "m.png")
    }

    @Test func severalAnswersAreTheCommands() throws {
        let served = try ServedProgram(workplace)
        let outcome = try workplace.run(["colorize", "gray.png", "out.png", "--samples", "3", "--seed", "7"])
        try #require(outcome.code == 0)
        let id = try served.upload(bytes("gray.png"), name: "gray.png")
        let answer = try served.request("POST", "/api/colorize?picture=\(id)&samples=3&seed=7")
        try #require(answer.results.count == 3, "\(answer.text)")
        for (index, result) in answer.results.enumerated() {
            let file = try served.request("GET", "/api/pictures/\(result)")
            #expect(try file.body == bytes("out-\(index + 1).png"))
            #expect(file.headers["content-disposition"]?.hasSuffix("gray_colorized-\(index + 1).png") == true)
        }
    }

    @Test func relativeFoldersAreThoseOfTheServer() throws {
        try workplace.folder.write(readFile(workplace.models("tiny/model.safetensors")), "own/mine/model.safetensors")
        for served in [
            try ServedProgram(workplace, ["--models-dir", "own"]),
            try ServedProgram(workplace, environment: ["RESTORE_MODELS": "own"]),
        ] {
            let answer = try served.request(
                "POST", "/api/denoise?name=photo.png&model=mine&sigma=25&answer=picture", body: bytes("photo.png"))
            #expect(answer.status == 200, "\(answer.text)")
        }
    }

    @Test func oneRequestIsEnough() throws {
        let served = try ServedProgram(workplace)
        #expect(try workplace.denoise("photo.png", "out.png").code == 0)
        let answer = try served.request(
            "POST", "/api/denoise?name=photo.png&model=tiny&sigma=25&answer=picture", body: bytes("photo.png"))
        #expect(try answer.status == 200 && answer.body == bytes("out.png"))
        #expect(answer.headers["content-type"] == "image/png")
    }

    @Test func optionsAreThoseOfTheCommandAndNameNoFiles() throws {
        let served = try ServedProgram(workplace)
        let id = try served.upload(bytes("photo.png"), name: "photo.png")
        for (query, status) in [
            ("output=/tmp/x.png", 400), ("saturation=1", 400), ("model=../tiny", 400), ("model=/etc/passwd", 400),
            ("model=x.safetensors", 400), ("overwrite=true", 400), ("models-dir=/", 400), ("compare=x.png", 400),
            ("picture=no", 404),
        ] {
            let picture = query.hasPrefix("picture") ? "x" : id
            let answer = try served.request("POST", "/api/denoise?picture=\(picture)&\(query)")
            #expect(answer.status == status, "\(query): \(answer.text)")
        }
        // The command itself refuses these, and its message gets there.
        let answer = try served.request("POST", "/api/denoise?picture=\(id)&strength=3")
        #expect(answer.events.last?["state"] as? String == "failed")
        let reason = answer.events.last?["error"] as? String ?? ""
        #expect(reason.contains("--strength takes 0 to 1"), "\(answer.text)")
    }

    @Test func previewsAreShownEverywhere() throws {
        let served = try ServedProgram(workplace)
        let samples = (0..<64 * 32).flatMap { [UInt16($0 * 31), 40_000, 65_535] as [UInt16] }
        let deep = Image(width: 64, height: 32, channelLayout: .rgb, samples: .uint16(samples))
        try folder.write(deep, "deep.png")
        let id = try served.upload(bytes("deep.png"), name: "deep.png")
        let full = try served.request("GET", "/api/pictures/\(id)/preview?side=0")
        #expect(try decodeImage(full.body, path: "preview").image == deep.roundedTo8Bits())
        let small = try served.request("GET", "/api/pictures/\(id)/preview?side=16")
        let image = try decodeImage(small.body, path: "preview").image
        #expect((image.width, image.height, image.bitDepth) == (16, 8, 8))
    }

    @Test func aPortInUseNamesTheNextFreeOne() throws {
        let served = try ServedProgram(workplace)
        let outcome = try workplace.run(["serve", "--port", "\(served.port)"])
        #expect(outcome.code == 73 && outcome.output == "")
        #expect(outcome.errors.contains("port \(served.port) is in use; "), "\(outcome.errors)")
        #expect(outcome.errors.contains("is free: restore serve --port "))
    }

    @Test func theStopButtonEndsTheServerAndLeavesNothing() throws {
        let served = try ServedProgram(workplace)
        _ = try served.upload(bytes("photo.png"), name: "photo.png")
        #expect(try !served.temporary.names.isEmpty)
        #expect(try served.request("POST", "/api/stop").status == 200)
        #expect(try served.program.outcome(limit: 10).code == 0)
        #expect(try served.temporary.names == [])
    }

    @Test(arguments: [SIGINT, SIGTERM])
    func signalsEndTheServer(signal: Int32) throws {
        let served = try ServedProgram(workplace)
        served.program.send(signal)
        #expect(try served.program.outcome(limit: 10).code == 0)
        #expect(try served.temporary.names == [])
    }

    /// A large picture is cancelled by a request, or because nobody listens; the one behind it is computed next.
    @Test(arguments: [true, false])
    func cancellingFreesTheCores(byRequest: Bool) throws {
        let served = try ServedProgram(workplace)
        try folder.write(Image.scene(width: 3000, height: 2000), "large.png")
        let large = try served.upload(bytes("large.png"), name: "large.png")
        let small = try served.upload(bytes("photo.png"), name: "photo.png")
        var client: HTTPClient? = try HTTPClient(port: served.port)
        client?.send(
            head: "POST /api/denoise?picture=\(large)&model=tiny&sigma=25&ensemble=true HTTP/1.1",
            ["Host": "127.0.0.1:\(served.port)", "Authorization": "Bearer \(served.token)", "Content-Length": "0"])
        var text = ""
        while !text.contains("running") { text += String(decoding: client?.receive() ?? [], as: UTF8.self) }
        let job = try #require(text.firstMatch(of: /"job":"(\d+)"/)?.output.1)
        if byRequest {
            #expect(try served.request("DELETE", "/api/jobs/\(job)").status == 200)
        } else {
            client = nil
        }
        let start = ContinuousClock.now
        while try isComputing(served), ContinuousClock.now - start < .seconds(20) { usleep(10_000) }
        #expect(ContinuousClock.now - start < .seconds(1))
        let answer = try served.request("POST", "/api/denoise?picture=\(small)&model=tiny&sigma=25")
        #expect(answer.events.last?["state"] as? String == "done", "\(answer.text)")
    }

    /// Whether a folder of a job exists: it does as long as its process runs.
    private func isComputing(_ served: ServedProgram) throws -> Bool {
        try served.temporary.names.contains { $0.hasSuffix("/out") }
    }
}
