import Glibc
import NIOCore

/// The server cannot listen at an address.
package struct PortError: Error, CustomStringConvertible {
    package let description: String

    init(host: String, port: Int, cause: any Error) {
        guard let error = cause as? IOError else {
            description = "\(host):\(port): \(cause)"
            return
        }
        guard error.errnoCode == EADDRINUSE else {
            description = "\(host):\(port): \(String(cString: strerror(error.errnoCode)))"
            return
        }
        let free = (port + 1...port + 100).first { $0 < 65536 && isFree($0) }
        description =
            "port \(port) is in use" + (free.map { "; \($0) is free: restore serve --port \($0)" } ?? "")
    }
}

/// Whether a server could listen at a port of the loopback interface.
private func isFree(_ port: Int) -> Bool {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard socket >= 0 else { return false }
    defer { close(socket) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(UInt16(port)).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
    }
}

/// A moment between two looks at what may have been requested.
func waitAMoment() { usleep(100_000) }
