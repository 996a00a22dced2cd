import Foundation
import Glibc
import ModelTestSupport
import RestoreFiles
import RestoreImage
import TestSupport
import Testing

/// What `restore serve` refuses; the list is in docs/threat-model.md.
@Suite(.serialized) struct ServeSecurityTests {
    private let workplace: Workplace
    private let folder: TemporaryFolder

    init() throws {
        workplace = try Workplace()
        folder = workplace.folder
        try folder.write(Image.scene(width: 64, height: 48), "shared/sub/photo.png")
        try folder.write(Image.scene(width: 64, height: 48), "secret.png")
        symlink(folder("secret.png"), folder("shared/link.png"))
        symlink(folder.path, folder("shared/out"))
    }

    private func photo() throws -> [UInt8] { try readFile(folder("secret.png")) }

    @Test(arguments: [
        ("Authorization", "", 401), ("Authorization", "Bearer 0123456789abcdef0123456789abcdef", 401),
        ("Authorization", "Basic eDp5", 401), ("Origin", "null", 403), ("Origin", "http://example.com", 403),
        ("Origin", "https://127.0.0.1:PORT", 403), ("Origin", "http://127.0.0.1:1", 403),
        ("Origin", "http://127.0.0.1:PORT.example.com", 403), ("Host", "example.com:PORT", 421),
        ("Host", "127.0.0.1", 421), ("Host", "127.0.0.1.example.com:PORT", 421), ("Sec-Fetch-Site", "cross-site", 403),
        ("Sec-Fetch-Site", "same-site", 403),
    ])
    func requestsOfOthersAreRefused(header: String, value: String, status: Int) throws {
        let served = try ServedProgram(workplace)
        let value = value.replacingOccurrences(of: "PORT", with: "\(served.port)")
        let answer = try served.request(
            "POST", "/api/pictures?name=x.png", body: photo(), headers: [header: value])
        #expect(answer.status == status, "\(answer.text)")
        #expect(!answer.headers.keys.contains { $0.hasPrefix("access-control") })
        #expect(try served.request("POST", "/api/stop", headers: [header: value]).status == status)
        #expect(served.program.isRunning)
        let own = ["Origin": "http://localhost:\(served.port)", "Host": "localhost:\(served.port)"]
        #expect(try served.request("GET", "/api/server", headers: own).status == 200)
    }

    @Test func preflightsGetNoPermission() throws {
        let served = try ServedProgram(workplace)
        let answer = try served.request(
            "OPTIONS", "/api/denoise",
            headers: ["Origin": "http://example.com", "Access-Control-Request-Method": "POST", "Authorization": ""])
        #expect(answer.status == 403 && !answer.headers.keys.contains { $0.hasPrefix("access-control") })
    }

    @Test func onlyTheFolderIsReachable() throws {
        let served = try ServedProgram(workplace, ["shared"])
        for path in [
            "../secret.png", "..%2Fsecret.png", "%2e%2e/secret.png", "sub/../../secret.png", "link.png",
            "out/secret.png", "%2Fetc/passwd", "sub/..%5C..%5Csecret.png", "sub%00/photo.png", "/etc/passwd", "sub",
            ".", "%252e%252e/secret.png",
        ] {
            let answer = try served.request("POST", "/api/folder/open?path=\(path)")
            #expect([400, 404].contains(answer.status), "\(path): \(answer.text)")
            let listed = try served.request("GET", "/api/folder?path=\(path)")
            #expect(path == "sub" ? listed.status == 200 : [400, 404].contains(listed.status), "\(path)")
        }
        let names = try served.request("GET", "/api/folder").text
        #expect(names == #"{"entries":[{"folder":true,"name":"sub"}]}"#, "no link is offered")
        for target in [
            "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/api/pictures/..%2f..%2fx", "//etc/passwd",
            "/api/../style.css",
        ] {
            #expect(try served.request("GET", target).status == 404, "\(target)")
        }
        let opened = try served.request("POST", "/api/folder/open?path=sub/photo.png")
        #expect(opened.status == 200, "\(opened.text)")
        try checkSaving(served, try #require(opened.object["id"] as? String))
    }

    private func checkSaving(_ served: ServedProgram, _ id: String) throws {
        let before = try photo()
        for (path, status) in [
            ("new.png", 200), ("new.png", 409), ("new.png&overwrite=true", 200), ("sub/photo.png", 409),
            ("../new.png", 404), ("link.png", 409), ("link.png&overwrite=true", 409), ("out/new.png", 404),
            ("new.jpg", 400), ("new.sh", 400), (".hidden.png", 404), ("missing/new.png", 404),
        ] {
            let answer = try served.request("POST", "/api/folder/save?picture=\(id)&path=\(path)")
            #expect(answer.status == status, "\(path): \(answer.text)")
        }
        #expect(try photo() == before && readFile(folder("shared/new.png")) == photo())
        #expect(try folder.names.filter { $0.hasPrefix("new") } == [])
    }

    @Test func withoutAFolderNothingIsReachable() throws {
        let served = try ServedProgram(workplace)
        #expect(try served.request("GET", "/api/folder").status == 404)
        #expect(try served.request("POST", "/api/folder/open?path=secret.png").status == 404)
    }

    @Test func largeFilesAndPicturesAreRefused() throws {
        let served = try ServedProgram(workplace, ["--max-upload", "1M", "--max-pixels", "1"])
        let answer = try served.request("POST", "/api/pictures", headers: ["Content-Length": "2000000"])
        #expect(answer.status == 413)
        // Without a size that is announced.
        let client = try HTTPClient(port: served.port)
        client.send(
            head: "POST /api/pictures HTTP/1.1",
            [
                "Host": "127.0.0.1:\(served.port)", "Authorization": "Bearer \(served.token)",
                "Transfer-Encoding": "chunked",
            ])
        for _ in 0..<20 { client.send(Array("10000\r\n".utf8) + [UInt8](repeating: 7, count: 1 << 16) + [13, 10]) }
        #expect(HTTPAnswer(client.rest())?.status == 413)
        try folder.write(Image(width: 1200, height: 1000, channelLayout: .gray), "wide.png")
        #expect(try served.request("POST", "/api/pictures", body: readFile(folder("wide.png"))).status == 413)
        #expect(try served.request("POST", "/api/pictures", body: [1, 2, 3]).status == 415)
        try expectNothingLeft(served)
    }

    private func left(_ served: ServedProgram) throws -> [String] {
        try served.temporary.names.filter { $0.contains("/") }
    }

    /// A client sees the end of its connection before the server has removed what it sent.
    private func expectNothingLeft(_ served: ServedProgram) throws {
        let start = ContinuousClock.now
        while try !left(served).isEmpty, ContinuousClock.now - start < .seconds(20) { usleep(10_000) }
        #expect(try left(served) == [])
    }

    @Test func halfOfAnUploadLeavesNothing() throws {
        let served = try ServedProgram(workplace)
        var client: HTTPClient? = try HTTPClient(port: served.port)
        client?.send(
            head: "POST /api/pictures HTTP/1.1",
            ["Host": "127.0.0.1:\(served.port)", "Authorization": "Bearer \(served.token)", "Content-Length": "100000"])
        client?.send([UInt8](repeating: 7, count: 50_000))
        let start = ContinuousClock.now
        while try left(served).count < 2, ContinuousClock.now - start < .seconds(10) { usleep(10_000) }
        #expect(try left(served).count == 2, "a folder with half a file")
        client = nil
        try expectNothingLeft(served)
        #expect(try served.request("GET", "/api/server").status == 200)
    }

    /// Clients that send nothing, half a head, or a body byte by byte are dropped, and hold nobody up meanwhile.
    @Test func slowClientsAreDropped() throws {
        let served = try ServedProgram(workplace)
        let silent = try HTTPClient(port: served.port)
        let half = try HTTPClient(port: served.port)
        half.send(Array("GET / HTTP/1.1\r\nHost: ".utf8))
        let slow = try HTTPClient(port: served.port)
        slow.send(
            head: "POST /api/pictures HTTP/1.1",
            ["Host": "127.0.0.1:\(served.port)", "Authorization": "Bearer \(served.token)", "Content-Length": "100000"])
        let drip = Thread { for _ in 0..<60 { slow.send([7]); usleep(500_000) } }
        drip.start()
        #expect(try served.request("GET", "/api/server").status == 200)
        for client in [silent, half, slow] { #expect(HTTPAnswer(client.rest())?.status != 200) }
        try expectNothingLeft(served)
    }

    @Test func hugeHeadsAndManyConnectionsAreSurvived() throws {
        let served = try ServedProgram(workplace)
        let client = try HTTPClient(port: served.port)
        client.send(Array("GET / HTTP/1.1\r\n".utf8))
        for _ in 0..<300 { client.send(Array("X: \(String(repeating: "x", count: 8000))\r\n".utf8)) }
        #expect(HTTPAnswer(client.rest())?.status ?? 400 >= 400)
        var clients: [HTTPClient] = []
        for _ in 0..<200 { clients.append(try HTTPClient(port: served.port)) }
        clients.removeFirst(100)
        let start = ContinuousClock.now
        var status: Int?
        while status != 200, ContinuousClock.now - start < .seconds(30) {
            status = try? served.request("GET", "/api/server").status
            usleep(50_000)
        }
        #expect(status == 200)
    }

    @Test func tooManyJobsAreRefused() throws {
        let served = try ServedProgram(workplace)
        try folder.write(Image.scene(width: 2000, height: 2000), "large.png")
        let id = try served.upload(readFile(folder("large.png")), name: "large.png")
        var clients: [HTTPClient] = []
        for _ in 0..<40 {
            let client = try HTTPClient(port: served.port)
            client.send(
                head: "POST /api/denoise?picture=\(id)&model=tiny&sigma=25&ensemble=true HTTP/1.1",
                ["Host": "127.0.0.1:\(served.port)", "Authorization": "Bearer \(served.token)", "Content-Length": "0"])
            clients.append(client)
        }
        let statuses = clients.map { HTTPAnswer($0.receive())?.status }
        #expect(statuses.filter { $0 == 429 }.count >= 5 && statuses.filter { $0 == 200 }.count >= 32, "\(statuses)")
    }

    /// The server may write files of at most 100 KiB, as on a disk that is nearly full.
    @Test func aFullDiskIsAnAnswer() throws {
        let served = try ServedProgram(workplace, limitingFilesTo: 100)
        var large = try photo()
        large += [UInt8](repeating: 0, count: 1 << 20)
        let answer = try served.request("POST", "/api/pictures", body: large)
        #expect(answer.status == 507 && answer.text.contains("full"), "\(answer.text)")
        try expectNothingLeft(served)
        #expect(try served.request("POST", "/api/pictures", body: photo()).status == 200)
    }

    @Test func thePageLoadsNothingFromElsewhere() throws {
        let served = try ServedProgram(workplace)
        for name in ["", "style.css", "app.js", "api.js", "viewer.js", "drawing.js"] {
            let answer = try served.request("GET", "/\(name)", headers: ["Authorization": ""])
            #expect(answer.status == 200 && !answer.text.isEmpty)
            #expect(!answer.text.contains("http://") && !answer.text.contains("https://"))
            #expect(!answer.text.contains(served.token))
            let policy = answer.headers["content-security-policy"] ?? ""
            #expect(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"))
            // As it is in the sources.
            let file = joinPath(Fixtures.path("../Sources/RestoreServe/Page"), name.isEmpty ? "index.html" : name)
            #expect(try answer.body == readFile(file))
        }
    }
}
