/// Rows of small pictures, for looking at many results at once.
///
/// Each picture is scaled down to fit its cell or, if it is much smaller, enlarged by an integer factor. Rows are arranged
/// in columns, so that the sheet is somewhat wider than high. The background is white.
public struct ContactSheet: Sendable {
    private let cellSide: Int
    private var rows: [[Image]] = []

    /// Pixels between the cells of a row, and between rows.
    private static let gap = 4
    private static let rowGap = 12
    private static let aspect = 1.4

    /// - Parameter cellSide: pixels of the longer side of a picture, at least 1.
    public init(cellSide: Int = 192) {
        precondition(cellSide >= 1, "cells of \(cellSide) pixels")
        self.cellSide = cellSide
    }

    public var rowCount: Int { rows.count }

    /// Adds pictures that belong together.
    public mutating func add(_ row: [Image]) { rows.append(row.map(fitted)) }

    /// The sheet; nil without any row.
    public var image: Image? {
        guard let most = rows.map(\.count).max(), most > 0 else { return nil }
        let across = min(
            rows.count, max(1, Int((Self.aspect * Double(rows.count) / Double(most)).squareRoot().rounded())))
        let stepX = most * (cellSide + Self.gap) - Self.gap + Self.rowGap
        let lines = stride(from: 0, to: rows.count, by: across).map { rows[$0..<min($0 + across, rows.count)] }
        let heights = lines.map { $0.joined().map(\.height).max() ?? 0 }
        let (width, height) = (across * stepX + Self.rowGap, heights.reduce(Self.rowGap) { $0 + $1 + Self.rowGap })
        var samples = [UInt8](repeating: 255, count: 3 * width * height)
        var top = Self.rowGap
        for (line, lineHeight) in zip(lines, heights) {
            for (column, row) in line.enumerated() {
                for (place, picture) in row.enumerated() {
                    guard case .uint8(let values) = picture.samples else { continue }
                    let left = Self.rowGap + column * stepX + place * (cellSide + Self.gap)
                    let x = left + (cellSide - picture.width) / 2
                    let y = top + (lineHeight - picture.height) / 2
                    for line in 0..<picture.height {
                        let (target, source) = (3 * ((y + line) * width + x), 3 * line * picture.width)
                        samples.replaceSubrange(
                            target..<(target + 3 * picture.width), with: values[source..<(source + 3 * picture.width)])
                    }
                }
            }
            top += lineHeight + Self.rowGap
        }
        return Image(width: width, height: height, channelLayout: .rgb, samples: .uint8(samples))
    }

    /// In RGB with 8 bits, of a size that fits in a cell.
    private func fitted(_ image: Image) -> Image {
        let color = image.withoutAlpha().inColor().roundedTo8Bits()
        let side = max(color.width, color.height)
        guard side > cellSide else { return color.enlarged(by: cellSide / side) }
        func reduced(_ count: Int) -> Int { max(1, (count * cellSide + side / 2) / side) }
        return color.resized(width: reduced(color.width), height: reduced(color.height), filter: .area)
    }
}

extension Image {
    /// Every pixel of an RGB picture with 8 bits repeated.
    fileprivate func enlarged(by factor: Int) -> Image {
        guard factor > 1, case .uint8(let values) = samples else { return self }
        var result: [UInt8] = []
        result.reserveCapacity(values.count * factor * factor)
        for y in 0..<height {
            var row: [UInt8] = []
            for x in 0..<width {
                let place = 3 * (y * width + x)
                for _ in 0..<factor { row += values[place..<(place + 3)] }
            }
            for _ in 0..<factor { result += row }
        }
        return Image(width: width * factor, height: height * factor, channelLayout: .rgb, samples: .uint8(result))
    }
}
