import Glibc
import NIOCore
import RestoreFiles
import RestoreImage

/// A picture on its way into the store, written as it arrives. Whatever happens, nothing of a half-finished one is left.
final class Upload {
    private let store: PictureStore
    private let id: String
    private let name: String
    private let path: String
    private var descriptor: Int32
    private(set) var bytes = 0
    private var isDone = false
    private static let step = 8 << 20
    /// Taken from the store's space, a step ahead.
    private var reserved = 0

    /// - Throws: `ServeError` if the announced size is too much, or the file cannot be made.
    init(store: PictureStore, name: String, announced: Int?) throws(ServeError) {
        if let announced, announced > store.limits.uploadBytes {
            throw ServeError(.payloadTooLarge, "the file has more than \(store.limits.uploadBytes >> 20) MiB")
        }
        (self.store, self.name) = (store, safeFileName(name))
        id = store.newID()
        path = joinPath(try store.makeFolder(id), "upload")
        descriptor = open(systemPath(path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw PictureStore.storageError(errno) }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
        guard !isDone else { return }
        store.release(reserved)
        removeTree(joinPath(store.root, id))
    }

    func write(_ buffer: ByteBuffer) throws(ServeError) {
        let failure = buffer.withUnsafeReadableBytes { write($0) }
        if let failure { throw failure }
    }

    func write(_ chunk: UnsafeRawBufferPointer) -> ServeError? {
        guard bytes + chunk.count <= store.limits.uploadBytes else {
            return ServeError(.payloadTooLarge, "the file has more than \(store.limits.uploadBytes >> 20) MiB")
        }
        while bytes + chunk.count > reserved {
            let step = min(Self.step, store.limits.uploadBytes - reserved)
            do throws(ServeError) { try store.reserve(step) } catch { return error }
            reserved += step
        }
        var done = 0
        while done < chunk.count {
            let count = Glibc.write(descriptor, chunk.baseAddress.map { $0 + done }, chunk.count - done)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return PictureStore.storageError(count < 0 ? errno : EIO) }
            done += count
        }
        bytes += chunk.count
        return nil
    }

    /// Puts the whole file into the store.
    ///
    /// - Throws: `ServeError` if it is no picture, or has too many pixels.
    func finish() throws(ServeError) -> StoredPicture {
        guard close(descriptor) == 0 else {
            descriptor = -1
            throw PictureStore.storageError(errno)
        }
        descriptor = -1
        let start = (try? readStart(of: path, maximumBytes: ImageFormat.signatureBytes)) ?? []
        guard let format = ImageFormat.detect(start) else {
            throw ServeError(.unsupportedMediaType, "\(name): is neither a PNG nor a JPEG picture")
        }
        let full = ImageFormat.forPath(name) == nil ? "\(name).\(format.fileExtensions[0])" : name
        let place = joinPath(parentFolder(of: path), full)
        guard rename(systemPath(path), systemPath(place)) == 0 else { throw PictureStore.storageError(errno) }
        store.release(reserved - bytes)
        reserved = bytes
        let picture = try store.add(id, name: full, path: place, bytes: bytes)
        isDone = true
        return picture
    }
}
