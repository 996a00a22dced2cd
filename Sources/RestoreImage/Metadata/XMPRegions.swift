// Positions in an image that XMP gives: faces, focus, the main subject. All are rotated with the image, or dropped if
// that is not possible, because a name in the wrong place is worse than none.

extension XMPPacket {
    /// Region properties that hardly any program writes, and an undocumented angle of Apple's: not rotated but dropped.
    private static let unturned = ["Iptc4xmpExt:ImageRegion", "acdsee-rs:Regions", "apple-fi:AngleInfoRoll"]
    /// No image has this many regions.
    private static let mostRegions = 4096

    private typealias Replacement = (range: Range<Int>, value: [UInt8])

    /// Rotates all positions with the image.
    mutating func turnPlaces(_ turn: CoordinateTurn) {
        guard turn.orientation > 1 else { return }
        for name in ["exif:SubjectArea", "exif:SubjectLocation"] {
            edit(name) { packet, range in packet.turnedSubject(within: range, turn) }
        }
        for name in Self.unturned { remove(name) }
        if isOfUprightPicture(turn) { return }
        edit("mwg-rs:Regions") { packet, range in packet.turnedRegions(within: range, turn) }
        // If one rectangle cannot be rotated, the others are not reliable either.
        edit("MP:RegionInfo") { packet, range in packet.turnedRectangles(within: range, turn) }
    }

    /// Puts new values into every element with a name, or removes it if there are none.
    private mutating func edit(_ name: String, _ replacements: (XMPPacket, Range<Int>) -> [Replacement]?) {
        for element in elements(name).reversed() {
            guard let new = replacements(self, element) else {
                removeRange(element)
                continue
            }
            for replacement in new.sorted(by: { $0.range.lowerBound > $1.range.lowerBound }) {
                replace(replacement.range, with: replacement.value)
            }
        }
    }

    /// Whether the regions declare that they refer to the image as displayed: their dimensions have the aspect ratio of
    /// the upright image and not that of the stored one.
    private func isOfUprightPicture(_ turn: CoordinateTurn) -> Bool {
        guard turn.isTransposed, let sides = elements("mwg-rs:AppliedToDimensions").first,
            let width = number("stDim:w", within: sides), let height = number("stDim:h", within: sides)
        else { return false }
        func isLike(_ otherWidth: Int, _ otherHeight: Int) -> Bool {
            let (a, b) = (width.value * Double(otherHeight), height.value * Double(otherWidth))
            return abs(a - b) <= 0.01 * max(a, b)
        }
        return isLike(turn.height, turn.width) && !isLike(turn.width, turn.height)
    }

    /// Two to four integers in a list, see `CoordinateTurn.applied(toSubject:)`.
    private func turnedSubject(within range: Range<Int>, _ turn: CoordinateTurn) -> [Replacement]? {
        let items = values(of: "rdf:li", within: range, most: 5)
        let numbers = items.compactMap { Int(String(decoding: bytes[$0], as: UTF8.self)) }
        guard numbers.count == items.count, let turned = turn.applied(toSubject: numbers) else { return nil }
        return zip(items, turned).map { ($0, Array(String($1).utf8)) }
    }

    /// Regions of the Metadata Working Group: center and size, as fractions of the image's dimensions.
    private func turnedRegions(within range: Range<Int>, _ turn: CoordinateTurn) -> [Replacement]? {
        var replacements: [Replacement] = []
        if turn.isTransposed, let sides = elements("mwg-rs:AppliedToDimensions", within: range).first {
            guard let exchange = exchanged("stDim:w", "stDim:h", within: sides) else { return nil }
            replacements += exchange
        }
        let areas = elements("mwg-rs:Area", within: range, most: Self.mostRegions)
        let angles = values(of: "mwg-rs:Rotation", within: range, most: Self.mostRegions)
        guard max(areas.count, angles.count) < Self.mostRegions else { return nil }
        for area in areas {
            guard let turned = turnedArea(within: area, turn) else { return nil }
            replacements += turned
        }
        // Rotation of the rectangle, in radians.
        for angle in angles where turn.isMirrored {
            guard let number = Decimal(bytes[angle]) else { return nil }
            replacements.append((angle, Decimal(value: -number.value, digits: number.digits).text))
        }
        return replacements
    }

    private func turnedArea(within range: Range<Int>, _ turn: CoordinateTurn) -> [Replacement]? {
        let unit = values(of: "stArea:unit", within: range, most: 1).first
        guard unit.map({ bytes[$0].elementsEqual("normalized".utf8) }) ?? true,
            let x = number("stArea:x", within: range), let y = number("stArea:y", within: range)
        else { return nil }
        let point = turn.applied(x.value, y.value, spanX: 1, spanY: 1)
        let digits = max(x.digits, y.digits)
        var replacements: [Replacement] = [
            (x.range, Decimal(value: point.x, digits: digits).text),
            (y.range, Decimal(value: point.y, digits: digits).text),
        ]
        let hasSides = !values(of: "stArea:w", within: range, most: 1).isEmpty
        if turn.isTransposed, hasSides {
            guard let exchange = exchanged("stArea:w", "stArea:h", within: range) else { return nil }
            replacements += exchange
        }
        return replacements
    }

    /// Microsoft's rectangles: left, top, width, height, as fractions of the image's dimensions.
    private func turnedRectangles(within range: Range<Int>, _ turn: CoordinateTurn) -> [Replacement]? {
        var replacements: [Replacement] = []
        let places = values(of: "MPReg:Rectangle", within: range, most: Self.mostRegions)
        guard places.count < Self.mostRegions else { return nil }
        for place in places {
            let parts = bytes[place].split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
            let numbers = parts.compactMap { Decimal($0) }
            guard parts.count == 4, numbers.count == 4 else { return nil }
            let (x, y, width, height) = (numbers[0].value, numbers[1].value, numbers[2].value, numbers[3].value)
            // The corner that becomes the top left one.
            let far = (x: x + width, y: y + height)
            let (a, b) = (
                turn.applied(x, y, spanX: 1, spanY: 1), turn.applied(far.x, far.y, spanX: 1, spanY: 1)
            )
            let sides = turn.isTransposed ? [height, width] : [width, height]
            let digits = numbers.map(\.digits).max() ?? 0
            let texts = ([min(a.x, b.x), min(a.y, b.y)] + sides).map { Decimal(value: $0, digits: digits).text }
            replacements.append((place, Array(texts.joined(separator: ", ".utf8))))
        }
        return replacements
    }

    /// A property that occurs once within a range.
    private func number(_ name: String, within range: Range<Int>) -> (value: Double, digits: Int, range: Range<Int>)? {
        let places = values(of: name, within: range, most: 2)
        guard places.count == 1, let place = places.first, let number = Decimal(bytes[place]) else { return nil }
        return (number.value, number.digits, place)
    }

    private func exchanged(_ name: String, _ other: String, within range: Range<Int>) -> [Replacement]? {
        guard let first = number(name, within: range), let second = number(other, within: range) else { return nil }
        return [(first.range, Array(bytes[second.range])), (second.range, Array(bytes[first.range]))]
    }
}

/// A number as written in XMP, with at most as many digits as in the input: sums and differences lose none.
private struct Decimal {
    let value: Double
    /// Digits after the decimal point.
    let digits: Int

    init(value: Double, digits: Int) {
        (self.value, self.digits) = (value, digits)
    }

    /// Nil unless it is a plain decimal number in the range of a position in an image; 0.5, -1, .25, with surrounding
    /// space allowed.
    init?(_ bytes: ArraySlice<UInt8>) {
        let text = bytes.drop { $0 <= 0x20 }.reversed().drop { $0 <= 0x20 }.reversed()
        let isPlain = text.allSatisfy { (0x30...0x39).contains($0) || [0x2B, 0x2D, 0x2E].contains($0) }
        guard isPlain, text.count <= 40, let value = Double(String(decoding: text, as: UTF8.self)), abs(value) < 1e6
        else { return nil }
        let digits = text.firstIndex(of: UInt8(ascii: ".")).map { text.distance(from: $0, to: text.endIndex) - 1 } ?? 0
        self.init(value: value, digits: min(digits, 9))
    }

    var text: [UInt8] {
        let scale = (0..<digits).reduce(1) { product, _ in product * 10 }
        // Below 10⁶ · 10⁹ · 2, which a Double represents exactly.
        let scaled = Int((value * Double(scale)).rounded())
        let (whole, part) = scaled.magnitude.quotientAndRemainder(dividingBy: UInt(scale))
        let sign = scaled < 0 ? "-" : ""
        if part == 0 { return Array("\(sign)\(whole)".utf8) }
        var fraction = Array(String(part).utf8)
        fraction.insert(contentsOf: [UInt8](repeating: 0x30, count: digits - fraction.count), at: 0)
        while fraction.last == 0x30 { fraction.removeLast() }
        return Array("\(sign)\(whole).".utf8) + fraction
    }
}
