/// Photoshop's image resource blocks ("Adobe Photoshop File Formats Specification", Image Resource Blocks): `8BIM`, number,
/// name, length, bytes; name and bytes padded to an even length.
struct PhotoshopResources {
    enum Number: UInt16 {
        case resolution = 1005
        /// Thumbnails of Photoshop 4 and later ones.
        case oldThumbnail = 1033
        case thumbnail = 1036
        case colorProfile = 1039
    }

    private var source: [UInt8]
    /// Where the blocks are with their headers, and where their contents begin.
    private var blocks: [(number: UInt16, range: Range<Int>, content: Int)] = []
    /// Where the last whole block ends.
    private let end: Int

    init(_ bytes: [UInt8]) {
        source = bytes
        var place = 0
        while let block = Self.block(bytes, at: place) {
            blocks.append((block.number, place..<block.end, block.content))
            place = block.end
        }
        end = place
    }

    private static func block(_ bytes: [UInt8], at place: Int) -> (number: UInt16, content: Int, end: Int)? {
        guard bytes.count - place >= 12, bytes[place...].starts(with: "8BIM".utf8) else { return nil }
        let number = UInt16(bytes[place + 4]) << 8 | UInt16(bytes[place + 5])
        let name = (1 + Int(bytes[place + 6]) + 1) / 2 * 2
        let size = place + 6 + name
        guard size <= bytes.count - 4 else { return nil }
        let length = bytes[size..<(size + 4)].reduce(0) { $0 << 8 | Int($1) }
        guard length <= bytes.count - size - 4 else { return nil }
        // The last block's padding may be missing.
        let end = min(bytes.count, size + 4 + (length + 1) / 2 * 2)
        return (number, size + 4, end)
    }

    mutating func drop(_ numbers: Number...) {
        blocks.removeAll { block in numbers.contains { $0.rawValue == block.number } }
    }

    /// Exchanges the resolutions along x and y with their units, eight bytes each.
    mutating func exchangeResolutions() {
        for block in blocks where block.number == Number.resolution.rawValue {
            guard block.range.upperBound >= block.content + 16 else { continue }
            for offset in 0..<8 { source.swapAt(block.content + offset, block.content + 8 + offset) }
        }
    }

    /// nil where nothing is left.
    var bytes: [UInt8]? {
        var joined: [UInt8] = []
        joined.reserveCapacity(source.count)
        for block in blocks { joined.append(contentsOf: source[block.range]) }
        joined.append(contentsOf: source[end...])
        return joined.isEmpty ? nil : joined
    }
}
