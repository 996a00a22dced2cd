/// Photoshop's image resource blocks ("Adobe Photoshop File Formats Specification", Image Resource Blocks): `8BIM`, number,
/// name, length, bytes; name and bytes padded to an even length.
struct PhotoshopResources {
    enum Number: UInt16 {
        case resolution = 1005
        /// Thumbnails of Photoshop 4 and of later versions.
        case oldThumbnail = 1033
        case thumbnail = 1036
        case colorProfile = 1039
    }

    /// The blocks, followed by any bytes that are not blocks. They are traversed as often as needed: a list of them
    /// would take several times as much memory, because a block may have as few as twelve bytes.
    private var source: [UInt8]

    init(_ bytes: [UInt8]) { source = bytes }

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
        // Blocks that are kept move down to the end of the previous kept block.
        var (place, kept) = (0, 0)
        while let block = Self.block(source, at: place) {
            if !numbers.contains(where: { $0.rawValue == block.number }) {
                if kept < place {
                    for offset in 0..<(block.end - place) { source[kept + offset] = source[place + offset] }
                }
                kept += block.end - place
            }
            place = block.end
        }
        source.removeSubrange(kept..<place)
    }

    /// Swaps the resolutions along x and y with their units, eight bytes each.
    mutating func exchangeResolutions() {
        var place = 0
        while let block = Self.block(source, at: place) {
            if block.number == Number.resolution.rawValue, block.end >= block.content + 16 {
                for offset in 0..<8 { source.swapAt(block.content + offset, block.content + 8 + offset) }
            }
            place = block.end
        }
    }

    /// nil if nothing is left.
    var bytes: [UInt8]? { source.isEmpty ? nil : source }
}
