/// A dimension of an image: rows are counted along the height, columns along the width.
public enum Axis: Hashable, Sendable, CaseIterable {
    case height
    case width
}

extension Shape {
    /// The height or the width.
    public func side(_ axis: Axis) -> Int { axis == .height ? height : width }

    /// Floats in one row of an image.
    var rowCount: Int { width * channels }
}

extension Extent {
    func side(_ axis: Axis) -> Int { axis == .height ? height : width }
}
