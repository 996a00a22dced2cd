import NIOHTTP1

/// Decides whether a request comes from the page or from a program that was given the token.
///
/// A website that the user visits can send requests to this server, too. It cannot read the token, cannot forge `Host`
/// and `Origin`, and gets no CORS headers. `Host` is checked against DNS rebinding: a website whose name suddenly
/// resolves to 127.0.0.1 is of the same origin as itself.
struct RequestGuard: Sendable {
    /// 128 random bits in hexadecimal.
    let token: String
    /// Values of `Host` that are accepted, in lower case.
    private let hosts: Set<String>

    /// - Parameter host: the address that the server listens on.
    init(token: String, host: String, port: Int) {
        self.token = token
        let names = ["127.0.0.1", "localhost", "[::1]", host.contains(":") ? "[\(host)]" : host]
        hosts = Set(names.map { "\($0.lowercased()):\(port)" })
    }

    /// - Throws: `ServeError` for a request that is meant for another server or was sent by another site's page.
    func checkSender(_ headers: HTTPHeaders) throws(ServeError) {
        let named = headers["host"]
        guard named.count == 1, hosts.contains(named[0].lowercased()) else {
            throw ServeError(.misdirectedRequest, "the Host header does not name this server")
        }
        // "null" is the origin of files, of sandboxed frames and of data URLs.
        for origin in headers["origin"] {
            guard let host = origin.lowercased().wholeMatch(of: /http:\/\/(.+)/)?.output.1, hosts.contains(String(host))
            else { throw ServeError(.forbidden, "requests of other sites are refused") }
        }
    }

    /// - Throws: `ServeError` for a request to the API without the token, or by another site.
    func checkAccess(_ headers: HTTPHeaders) throws(ServeError) {
        let site = headers.first(name: "sec-fetch-site") ?? "same-origin"
        guard ["same-origin", "none"].contains(site) else {
            throw ServeError(.forbidden, "requests of other sites are refused")
        }
        let given = headers["authorization"]
        guard given.count == 1, given[0].hasPrefix("Bearer "), isToken(given[0].dropFirst(7)) else {
            throw ServeError(
                .unauthorized, "the token is missing or wrong: open the address that `restore serve` printed")
        }
    }

    /// Compares in a time that does not depend on where the first difference is.
    private func isToken(_ text: Substring) -> Bool {
        let (left, right) = (Array(text.utf8), Array(token.utf8))
        guard left.count == right.count else { return false }
        return zip(left, right).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }

    /// A new token.
    static func newToken() -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<16).map { _ in
            let text = String(UInt8.random(in: 0...255, using: &generator), radix: 16)
            return text.count == 1 ? "0" + text : text
        }.joined()
    }
}
