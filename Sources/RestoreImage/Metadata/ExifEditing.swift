/// Updates the parts of an EXIF block that processing invalidates (CIPA DC-008, Exif 2.32).
extension TIFFBlock {
    /// Maximum number of thumbnail strips, and of entries in the thumbnail's directory, that are examined.
    private static let mostStrips = 1024
    private static let mostThumbnailEntries = 256

    /// The orientation, 1…8; nil if the block has none.
    var orientation: Int? {
        guard let entry = first?.entries(.orientation).first, let value = value(of: entry) else { return nil }
        return (1...8).contains(value) ? value : nil
    }

    /// Whether there is an entry for it, whatever its value.
    var hasOrientation: Bool { !(first?.entries(.orientation).isEmpty ?? true) }

    /// Whether anything had to be skipped when reading leniently, in the directories that are edited.
    var isDamaged: Bool {
        guard let first else { return true }
        guard let pointer = first.entries(.exifDirectory).first else { return first.isCut }
        guard let exif = value(of: pointer).flatMap({ directory(at: $0) }) else { return true }
        return first.isCut || exif.isCut
    }

    /// Declares that the image is upright and has these dimensions.
    ///
    /// - Parameter isTransposed: whether width and height were swapped, and the resolutions with them.
    mutating func makeUpright(width: Int, height: Int, isTransposed: Bool) {
        guard let first else { return }
        for entry in first.entries(.orientation) { setShort(entry, to: 1) }
        let exif = directory(.exifDirectory, in: first)
        // In a malformed block, one directory may serve as both.
        for directory in [first, exif].compactMap({ $0 }) {
            for entry in directory.entries(.imageWidth) + directory.entries(.pixelXDimension) { set(entry, to: width) }
            for entry in directory.entries(.imageLength) + directory.entries(.pixelYDimension) {
                set(entry, to: height)
            }
        }
        // DCF's file system (CIPA DC-009) repeats the image's dimensions.
        if let exif, let other = self.directory(.interoperabilityDirectory, in: exif) {
            for entry in other.entries(.relatedImageWidth) { set(entry, to: width) }
            for entry in other.entries(.relatedImageLength) { set(entry, to: height) }
        }
        guard isTransposed else { return }
        exchange(.xResolution, .yResolution, in: first)
        if let exif, exif.place != first.place { exchange(.focalPlaneXResolution, .focalPlaneYResolution, in: exif) }
    }

    /// Updates the main subject's position in the rotated image; positions that cannot be rotated are dropped.
    mutating func turnSubject(_ turn: CoordinateTurn) {
        guard turn.orientation > 1 else { return }
        for tag in [Tag.subjectArea, .subjectLocation] {
            guard let exif = first.flatMap({ directory(.exifDirectory, in: $0) }) else { return }
            let entries = exif.entries(tag)
            if entries.count == 1, let turned = turn.applied(toSubject: values(of: entries[0], most: 5)),
                set(entries[0], to: turned)
            {
                continue
            }
            // In reverse order: removing an entry moves the ones after it.
            for entry in entries.reversed() { remove(entry) }
        }
    }

    /// Removes an entry from EXIF's directory; its values stay where they are.
    private mutating func remove(_ entry: Entry) {
        if let directory = first.flatMap({ self.directory(.exifDirectory, in: $0) }) { remove(entry, of: directory) }
    }

    private mutating func exchange(_ tag: Tag, _ other: Tag, in directory: Directory) {
        guard let entry = directory.entries(tag).first, let other = directory.entries(other).first else { return }
        exchange(entry, other)
    }

    /// Declares that the colors are sRGB.
    mutating func declareSRGB() {
        guard let first, let exif = directory(.exifDirectory, in: first) else { return }
        for entry in exif.entries(.colorSpace) { setShort(entry, to: 1) }
    }

    /// Removes the thumbnail's directory from the chain and its image from the block: truncated if it is at the end,
    /// zeroed elsewhere, and kept where it overlaps other data.
    mutating func dropThumbnail() {
        guard let first, let next = first.next, let place = read32(next), place != 0 else { return }
        let thumbnail = directory(at: place)
        write32(0, at: next)
        guard let thumbnail else { return }
        let used = usedRanges
        var free = ranges(.thumbnailOffset, .thumbnailLength, in: thumbnail)
        free += ranges(.stripOffsets, .stripByteCounts, in: thumbnail)
        free.append(thumbnail.place..<min(bytes.count, thumbnail.place + 6 + 12 * thumbnail.entries.count))
        free += thumbnail.entries.prefix(Self.mostThumbnailEntries).compactMap { range(of: $0) }
        let erasable = free.filter { range in !range.isEmpty && !used.contains { $0.overlaps(range) } }
        // Merged: a thousand strips may each cover the whole block.
        var erased = 0
        for range in erasable.sorted(by: { $0.lowerBound < $1.lowerBound }) where range.upperBound > erased {
            erase(max(erased, range.lowerBound)..<range.upperBound)
            erased = range.upperBound
        }
        // Bytes after the last used one are cut off if all of them were erased.
        let end = used.map(\.upperBound).max() ?? bytes.count
        let tail = end..<bytes.count
        var covered = end
        for range in free.sorted(by: { $0.lowerBound < $1.lowerBound }) where range.lowerBound <= covered + 1 {
            covered = max(covered, range.upperBound)
        }
        if !tail.isEmpty, covered >= bytes.count { cut(at: end) }
    }

    /// Ranges given by two entries for offset and length; a range that extends beyond the end is clipped.
    private func ranges(_ offsets: Tag, _ lengths: Tag, in directory: Directory) -> [Range<Int>] {
        guard let offsets = directory.entries(offsets).first, let lengths = directory.entries(lengths).first else {
            return []
        }
        let places = values(of: offsets, most: Self.mostStrips)
        return zip(places, values(of: lengths, most: Self.mostStrips)).compactMap { start, length in
            guard start >= 8, start < bytes.count, length > 0 else { return nil }
            return start..<min(bytes.count, start + length)
        }
    }

    /// Header, directories other than the thumbnail's, and their values.
    private var usedRanges: [Range<Int>] {
        guard let first else { return [0..<bytes.count] }
        var directories = [first]
        for tag in [Tag.exifDirectory, .gpsDirectory] {
            guard let directory = directory(tag, in: first) else { continue }
            directories.append(directory)
            if let inner = self.directory(.interoperabilityDirectory, in: directory) { directories.append(inner) }
        }
        var used = [0..<8]
        for directory in directories {
            used.append(directory.place..<min(bytes.count, directory.place + 6 + 12 * directory.entries.count))
            used += directory.entries.compactMap { range(of: $0) }
        }
        return used
    }
}
