import Foundation
import Glibc
import RestoreFiles
import TestSupport
import Testing

/// `restore serve` at work, and its clients.
final class ServedProgram {
    let port: Int
    let token: String
    let temporary: TemporaryFolder
    let program: RunningProgram

    /// - Parameters:
    ///   - environment: beside the folder for temporary files, which is one of its own.
    ///   - kibibytes: the largest file that the server may write, if it is limited.
    init(
        _ workplace: Workplace, _ arguments: [String] = [], environment: [String: String] = [:],
        limitingFilesTo kibibytes: Int? = nil
    ) throws {
        temporary = try TemporaryFolder()
        let port = try Self.freePort()
        self.port = port
        let command = ["serve", "--port", "\(port)", "-j", "2"] + arguments
        let environment = environment.merging(["TMPDIR": temporary.path]) { $1 }
        if let kibibytes {
            program = try workplace.start(
                ["-c", "ulimit -f \(kibibytes * 2) && exec \"$0\" \"$@\"", Program.path] + command,
                environment: environment, executable: "/bin/sh")
        } else {
            program = try workplace.start(command, environment: environment)
        }
        let start = ContinuousClock.now
        while try program.output.isEmpty, program.isRunning, ContinuousClock.now - start < .seconds(20) {
            usleep(10_000)
        }
        token = String(try #require(try program.output.split(separator: "#").last).prefix(32))
    }

    private static func freePort() throws -> Int {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, length) == 0 && getsockname(socket, $0, &length) == 0
            }
        }
        try #require(isBound)
        return Int(UInt16(bigEndian: address.sin_port))
    }

    /// A request with the token, as a program would send it.
    func request(
        _ method: String, _ target: String, body: [UInt8] = [], headers: [String: String] = [:]
    ) throws -> HTTPAnswer {
        let client = try HTTPClient(port: port)
        var lines = ["Host": "127.0.0.1:\(port)", "Authorization": "Bearer \(token)", "Connection": "close"]
        lines["Content-Length"] = "\(body.count)"
        lines.merge(headers) { $1 }
        client.send(head: "\(method) \(target) HTTP/1.1", lines.filter { !$0.value.isEmpty })
        client.send(body)
        return try #require(HTTPAnswer(client.rest()))
    }

    /// Uploads a picture.
    ///
    /// - Returns: its identifier.
    func upload(_ bytes: [UInt8], name: String) throws -> String {
        let answer = try request("POST", "/api/pictures?name=\(name)", body: bytes)
        try #require(answer.status == 200, "\(answer.text)")
        return try #require(answer.object["id"] as? String)
    }
}

/// A connection to a server on this computer.
final class HTTPClient: Sendable {
    private let socket: Int32

    init(port: Int) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        try #require(isConnected)
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(socket) }

    func send(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    func send(head: String, _ headers: [String: String]) {
        let lines = headers.map { "\($0.key): \($0.value)\r\n" }.joined()
        send(Array("\(head)\r\n\(lines)\r\n".utf8))
    }

    /// What arrives next; empty at the end.
    func receive() -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = recv(socket, &buffer, buffer.count, 0)
        return Array(buffer[..<max(count, 0)])
    }

    /// Everything until the server closes the connection.
    func rest() -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let bytes = receive()
            if bytes.isEmpty { return all }
            all += bytes
        }
    }
}

/// The answer to a request.
struct HTTPAnswer {
    let status: Int
    let headers: [String: String]
    let body: [UInt8]

    init?(_ bytes: [UInt8]) {
        guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
        let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
        let words = lines[0].split(separator: " ")
        guard words.count > 1, let status = Int(words[1]) else { return nil }
        self.status = status
        headers = Dictionary(
            lines.dropFirst().map { line in
                let sides = line.split(separator: ":", maxSplits: 1)
                return (sides[0].lowercased(), sides.count > 1 ? sides[1].trimmingCharacters(in: .whitespaces) : "")
            }, uniquingKeysWith: { first, _ in first })
        let rest = Array(bytes[end.upperBound...])
        body = headers["transfer-encoding"] == "chunked" ? Self.unchunked(rest) : rest
    }

    private static func unchunked(_ bytes: [UInt8]) -> [UInt8] {
        var (result, rest): ([UInt8], ArraySlice<UInt8>) = ([], bytes[...])
        while let end = rest.firstRange(of: [13, 10]),
            let size = Int(String(decoding: rest[..<end.lowerBound], as: UTF8.self), radix: 16), size > 0
        {
            result += rest[end.upperBound...].prefix(size)
            rest = rest[end.upperBound...].dropFirst(size + 2)
        }
        return result
    }

    var text: String { String(decoding: body, as: UTF8.self) }

    /// The body as JSON.
    var object: [String: Any] { Self.object(text) }

    /// The events of a job.
    var events: [[String: Any]] { text.split(separator: "\n").map { Self.object(String($0)) } }

    /// The identifiers of a job's results.
    var results: [String] {
        (events.last?["results"] as? [[String: Any]] ?? []).compactMap { $0["id"] as? String }
    }

    private static func object(_ text: String) -> [String: Any] {
        (try? JSONSerialization.jsonObject(with: Data(text.utf8))) as? [String: Any] ?? [:]
    }
}
