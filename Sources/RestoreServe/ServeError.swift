import NIOHTTP1

/// Why a request is refused, as the client is told.
struct ServeError: Error, CustomStringConvertible {
    let status: HTTPResponseStatus
    let description: String

    init(_ status: HTTPResponseStatus, _ description: String) {
        (self.status, self.description) = (status, description)
    }

    static let unknown = ServeError(.notFound, "there is nothing at this address")
}
