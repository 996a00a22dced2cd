import RestoreImage

/// One of the eight ways to lay a picture on its grid of pixels: turned by quarters, mirrored or not.
///
/// A pixel (x, y) of the picture as it is laid is the pixel (u, v) of the picture itself, where (u, v) is (x, y), or (y, x) if
/// transposed, and u and v are then counted from the other edge if they are reversed.
struct SquareSymmetry: Equatable {
    let isTransposed: Bool
    let reversesColumns: Bool
    let reversesRows: Bool

    /// The identity first; those that keep width and height before those that exchange them.
    static let all: [SquareSymmetry] = [false, true].flatMap { isTransposed in
        [false, true].flatMap { reversesRows in
            [false, true].map { reversesColumns in
                SquareSymmetry(
                    isTransposed: isTransposed, reversesColumns: reversesColumns, reversesRows: reversesRows)
            }
        }
    }

    /// Width and height of a picture of these sides when it is laid so.
    func sides(width: Int, height: Int) -> (width: Int, height: Int) {
        isTransposed ? (height, width) : (width, height)
    }

    /// Where the pixels of a rectangle of the laid picture come from.
    ///
    /// - Parameters:
    ///   - width, height: of the picture itself.
    func origin(of laid: ImageRegion, width: Int, height: Int) -> ImageRegion {
        var region = laid
        if isTransposed { region = ImageRegion(x: laid.y, y: laid.x, width: laid.height, height: laid.width) }
        if reversesColumns { region.x = width - region.x - region.width }
        if reversesRows { region.y = height - region.y - region.height }
        return region
    }

    /// Where the pixels of a rectangle of the picture lie when it is laid: the inverse of `origin`.
    func place(of region: ImageRegion, width: Int, height: Int) -> ImageRegion {
        var place = region
        if reversesColumns { place.x = width - place.x - place.width }
        if reversesRows { place.y = height - place.y - place.height }
        if isTransposed { place = ImageRegion(x: place.y, y: place.x, width: place.height, height: place.width) }
        return place
    }

    /// Whether a row of the laid picture runs against the direction in which the pixels it comes from are counted.
    var reversesRuns: Bool { isTransposed ? reversesRows : reversesColumns }
}
