/// A rectangle of pixels; `x` and `y` are its top left corner, counted from the picture's.
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
    /// The whole picture.
    public var bounds: ImageRegion { ImageRegion(x: 0, y: 0, width: width, height: height) }
}

/// A pixel that is NaN or infinite was about to be written to a picture.
public struct NonFinitePixel: Error, Equatable, Sendable, CustomStringConvertible {
    /// Where it would have gone, in the picture's coordinates.
    public let x: Int
    public let y: Int

    public var description: String { "the pixel at (\(x), \(y)) is not a finite number" }
}
