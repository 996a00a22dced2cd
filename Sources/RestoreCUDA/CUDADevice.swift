import CCUDA

/// Why a GPU cannot be used.
public struct CUDAError: Error, Equatable, Sendable, CustomStringConvertible {
    public let reason: String

    public init(_ reason: String) { self.reason = reason }

    public var description: String { "GPU: \(reason)" }
}

/// The first NVIDIA GPU of the machine. Its libraries (the driver, NVRTC, cuDNN 9) are loaded when it is opened.
///
/// Used from one thread at a time.
public final class CUDADevice {
    let handle: OpaquePointer

    /// - Throws: `CUDAError` if there is no GPU or a library is missing.
    public init() throws(CUDAError) {
        var message = [CChar](repeating: 0, count: 600)
        guard let handle = rc_open(&message, message.count) else {
            throw CUDAError(String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
        }
        self.handle = handle
    }

    deinit { rc_close(handle) }

    /// "NVIDIA H200".
    public var name: String { String(cString: rc_name(handle)) }

    /// - Throws: `CUDAError` unless a function of CCUDA returned 0.
    func check(_ result: Int32) throws(CUDAError) {
        if result != 0 { throw CUDAError(String(cString: rc_error(handle))) }
    }
}

/// Floats in the GPU's memory.
final class CUDABuffer {
    let device: CUDADevice
    let address: UInt64
    let count: Int

    init(count: Int, on device: CUDADevice) throws(CUDAError) {
        var address: UInt64 = 0
        try device.check(rc_allocate(device.handle, count, &address))
        (self.device, self.address, self.count) = (device, address, count)
    }

    deinit { rc_free(device.handle, address) }

    func upload(_ values: UnsafePointer<Float>) throws(CUDAError) {
        try device.check(rc_upload(device.handle, address, values, count))
    }

    func download(to values: UnsafeMutablePointer<Float>) throws(CUDAError) {
        try device.check(rc_download(device.handle, values, address, count))
    }

    /// The address of the float at `offset`.
    func address(at offset: Int) -> UInt64 { address + UInt64(4 * offset) }
}
