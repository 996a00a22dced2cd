import Glibc
import RestoreImage

/// Why an SVG picture could not be rendered.
public enum SVGRendererError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The system's loader cannot load a library; `reason` is its own message.
    case libraryMissing(reason: String)
    case functionMissing(name: String)
    case notRendered(reason: String)

    public var description: String {
        switch self {
        case .libraryMissing(let reason):
            """
            a chart in PNG needs librsvg, which cannot be loaded (\(reason)); it is in the Debian package librsvg2-2, or \
            write .svg instead
            """
        case .functionMissing(let name):
            "the installed librsvg has no function \(name); version 2.46 or later does"
        case .notRendered(let reason): "the chart cannot be rendered: \(reason)"
        }
    }
}

/// The system's librsvg, which renders SVG on cairo. It is loaded when a chart is to become a PNG; nothing links it.
public struct SVGRenderer {
    private typealias Pointer = UnsafeMutableRawPointer
    private typealias NewHandle =
        @convention(c) (UnsafePointer<UInt8>, Int, UnsafeMutablePointer<Pointer?>?) -> Pointer?
    private typealias Render =
        @convention(c) (Pointer, Pointer, UnsafePointer<Double>, UnsafeMutablePointer<Pointer?>?) -> Int32
    private typealias NewSurface = @convention(c) (Int32, Int32, Int32) -> Pointer?
    private typealias NewContext = @convention(c) (Pointer) -> Pointer?
    private typealias Scale = @convention(c) (Pointer, Double, Double) -> Void
    private typealias Release = @convention(c) (Pointer) -> Void
    private typealias Stride = @convention(c) (Pointer) -> Int32
    private typealias Pixels = @convention(c) (Pointer) -> UnsafeMutablePointer<UInt8>?

    private let newHandle: NewHandle
    private let render: Render
    private let releaseObject: Release
    private let newSurface: NewSurface
    private let newContext: NewContext
    private let scale: Scale
    private let flush: Release
    private let stride: Stride
    private let pixels: Pixels
    private let releaseContext: Release
    private let releaseSurface: Release

    /// - Throws: `.libraryMissing` or `.functionMissing`.
    public init() throws(SVGRendererError) {
        func library(_ name: String) throws(SVGRendererError) -> Pointer {
            guard let library = dlopen(name, RTLD_NOW) else {
                throw .libraryMissing(reason: dlerror().map { String(cString: $0) } ?? name)
            }
            return library
        }
        func function<Function>(
            _ library: Pointer, _ name: String, as type: Function.Type
        ) throws(SVGRendererError) -> Function {
            guard let symbol = dlsym(library, name) else { throw .functionMissing(name: name) }
            return unsafeBitCast(symbol, to: type)
        }
        let (svg, cairo) = (try library("librsvg-2.so.2"), try library("libcairo.so.2"))
        let objects = try library("libgobject-2.0.so.0")
        newHandle = try function(svg, "rsvg_handle_new_from_data", as: NewHandle.self)
        render = try function(svg, "rsvg_handle_render_document", as: Render.self)
        releaseObject = try function(objects, "g_object_unref", as: Release.self)
        newSurface = try function(cairo, "cairo_image_surface_create", as: NewSurface.self)
        newContext = try function(cairo, "cairo_create", as: NewContext.self)
        scale = try function(cairo, "cairo_scale", as: Scale.self)
        flush = try function(cairo, "cairo_surface_flush", as: Release.self)
        stride = try function(cairo, "cairo_image_surface_get_stride", as: Stride.self)
        pixels = try function(cairo, "cairo_image_surface_get_data", as: Pixels.self)
        releaseContext = try function(cairo, "cairo_destroy", as: Release.self)
        releaseSurface = try function(cairo, "cairo_surface_destroy", as: Release.self)
    }

    /// The picture of an SVG document with an opaque background, as RGB of 8 bits.
    ///
    /// - Parameters:
    ///   - width: of the document in SVG's units; likewise height.
    ///   - scale: pixels a unit.
    /// - Throws: `.notRendered`.
    public func image(_ svg: String, width: Int, height: Int, scale factor: Double) throws(SVGRendererError) -> Image {
        let (columns, rows) = (Int((Double(width) * factor).rounded()), Int((Double(height) * factor).rounded()))
        let bytes = Array(svg.utf8)
        guard let handle = newHandle(bytes, bytes.count, nil) else {
            throw .notRendered(reason: "librsvg does not read it")
        }
        defer { releaseObject(handle) }
        // CAIRO_FORMAT_RGB24: 32 bits a pixel, of which the highest 8 are unused.
        guard let surface = newSurface(1, Int32(columns), Int32(rows)) else {
            throw .notRendered(reason: "no memory for \(columns)×\(rows) pixels")
        }
        defer { releaseSurface(surface) }
        guard let context = newContext(surface) else { throw .notRendered(reason: "cairo gives no context") }
        defer { releaseContext(context) }
        scale(context, factor, factor)
        let viewport = [0, 0, Double(width), Double(height)]
        guard render(handle, context, viewport, nil) != 0 else {
            throw .notRendered(reason: "librsvg gives up")
        }
        flush(surface)
        guard let data = pixels(surface) else { throw .notRendered(reason: "cairo gives no pixels") }
        let rowBytes = Int(stride(surface))
        let samples = [UInt8](unsafeUninitializedCapacity: 3 * columns * rows) { buffer, count in
            for y in 0..<rows {
                for x in 0..<columns {
                    let pixel = data + y * rowBytes + 4 * x
                    let target = 3 * (y * columns + x)
                    // A number of 32 bits in the processor's order, which is little-endian wherever this runs.
                    (buffer[target], buffer[target + 1], buffer[target + 2]) = (pixel[2], pixel[1], pixel[0])
                }
            }
            count = 3 * columns * rows
        }
        return Image(width: columns, height: rows, channelLayout: .rgb, samples: .uint8(samples))
    }
}
