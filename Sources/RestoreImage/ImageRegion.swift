/// A rectangle of pixels; `x` and `y` are its top left corner, relative to the image's.
public struct ImageRegion: Sendable, Hashable {
    public var x: Int
    public var y: Int
    public var width: Int
    public var height: Int

    public init(x: Int, y: Int, width: Int, height: Int) {
        self.x = x
        self.y = y
        self.width = width
        self.height = height
    }
}

extension Image {
    /// The whole image.
    public var bounds: ImageRegion { ImageRegion(x: 0, y: 0, width: width, height: height) }
}

/// A NaN or infinite pixel would have been written to an image.
public struct NonFinitePixel: Error, Equatable, Sendable, CustomStringConvertible {
    /// Its position in the image.
    public let x: Int
    public let y: Int

    public var description: String { "the pixel at (\(x), \(y)) is not a finite number" }
}
