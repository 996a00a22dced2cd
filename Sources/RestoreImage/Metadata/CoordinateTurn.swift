/// Maps points of a stored image to the upright one.
///
/// Coordinates in EXIF refer to the stored image ("prior to rotation processing", CIPA DC-008, SubjectArea). For
/// regions in XMP the Metadata Working Group's guidelines (2.0, 5.9) do not specify this, but that is how they are
/// written and read: cameras and phones, digiKam and Immich interpret them as positions in the stored pixels, to be
/// rotated with them.
struct CoordinateTurn {
    /// 1…8, see `Image.upright`.
    let orientation: Int
    /// Dimensions of the stored image in pixels.
    let width: Int
    let height: Int

    /// - Parameters:
    ///   - width: of the upright image in pixels.
    ///   - height: of the upright image in pixels.
    init(orientation: Int, uprightWidth width: Int, height: Int) {
        self.orientation = orientation
        (self.width, self.height) = orientation >= 5 ? (height, width) : (width, height)
    }

    /// Whether width and height are swapped.
    var isTransposed: Bool { orientation >= 5 }
    /// Whether left and right are swapped, as seen in the upright image: angles change their sign.
    var isMirrored: Bool { [2, 4, 5, 7].contains(orientation) }

    /// The point (x, y), where x ranges up to `spanX` and y up to `spanY`, in the same unit.
    func applied<Number: SignedNumeric>(
        _ x: Number, _ y: Number, spanX: Number, spanY: Number
    ) -> (x: Number, y: Number) {
        switch orientation {
        case 2: (spanX - x, y)
        case 3: (spanX - x, spanY - y)
        case 4: (x, spanY - y)
        case 5: (y, x)
        case 6: (spanY - y, x)
        case 7: (spanY - y, spanX - x)
        case 8: (y, spanX - x)
        default: (x, y)
        }
    }

    /// A position in EXIF's `SubjectArea` or `SubjectLocation`: the center, optionally followed by a diameter, or a
    /// width and a height, in pixels.
    ///
    /// - Returns: nil if the values are not a valid position in the image.
    func applied(toSubject values: [Int]) -> [Int]? {
        guard (2...4).contains(values.count), (0...width).contains(values[0]), (0...height).contains(values[1]) else {
            return nil
        }
        // The last column becomes the first one; some writers count from 1.
        let (x, y) = applied(
            min(values[0], width - 1), min(values[1], height - 1), spanX: width - 1, spanY: height - 1)
        let size = values.dropFirst(2)
        return [x, y] + (isTransposed && size.count == 2 ? size.reversed() : Array(size))
    }
}
