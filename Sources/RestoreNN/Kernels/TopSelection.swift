/// How values are ranked.
public enum TopOrder: Hashable, Sendable {
    /// The values themselves.
    case value
    /// Their absolute values.
    case magnitude

    /// A positive integer key that orders values the same way. 0 and −0 are equal, and NaN ranks above everything.
    @inline(__always)
    fileprivate func key(_ value: Float) -> UInt32 {
        let bits = value.bitPattern
        let magnitude = bits & 0x7FFF_FFFF
        // Below zero, a larger magnitude is a smaller value.
        let isNegative = UInt32(bitPattern: Int32(bitPattern: bits) &>> 31)
        let ordered = self == .magnitude ? magnitude : (magnitude ^ isNegative) &- isNegative &+ 0x8000_0000
        return magnitude > 0x7F80_0000 ? .max : ordered &+ 1
    }
}

/// Floats of working memory that `keepGreatest` needs: a count for each byte value, and one for the values left out.
let topSelectionScratch = 257

/// destination ← values where x is among the `k` greatest, 0 elsewhere. Among equal x, those with the
/// lowest number are chosen, counting channel by channel.
///
/// The k-th greatest is found byte by byte, by counting the values of the next byte among the keys that match it so
/// far: a radix selection, in time proportional to `pixels · channels` for any input.
///
/// - Parameters:
///   - x, values: pixels × channels.
///   - destination: overlaps neither. Temporarily holds the keys of x.
///   - counts: `topSelectionScratch` floats.
func keepGreatest(
    _ k: Int, of x: UnsafePointer<Float>, by order: TopOrder, values: UnsafePointer<Float>, pixels: Int, channels: Int,
    into destination: UnsafeMutablePointer<Float>, counts: UnsafeMutablePointer<Float>
) {
    let count = pixels * channels
    switch order {
    case .value: for i in 0..<count { destination[i] = Float(bitPattern: TopOrder.value.key(x[i])) }
    case .magnitude: for i in 0..<count { destination[i] = Float(bitPattern: TopOrder.magnitude.key(x[i])) }
    }
    let (least, equals, equalsKept) = leastKept(k, keys: destination, count: count, counts)
    if equals > equalsKept {
        dropEquals(to: least, behind: equalsKept, of: destination, count: count, channels: channels)
    }
    for i in 0..<count {
        let value = values[i]
        destination[i] = destination[i].bitPattern >= least ? value : 0
    }
}

/// Sets keys equal to `key`, except for the first `kept` of them, to 0, which is not a valid key.
private func dropEquals(
    to key: UInt32, behind kept: Int, of keys: UnsafeMutablePointer<Float>, count: Int, channels: Int
) {
    var left = kept
    for c in 0..<channels {
        for place in stride(from: c, to: count, by: channels) where keys[place].bitPattern == key {
            if left == 0 { keys[place] = 0 }
            left = max(0, left - 1)
        }
    }
}

/// The `k`-th greatest key, the number of keys equal to it, and how many of those are among the `k` greatest.
private func leastKept(
    _ k: Int, keys: UnsafePointer<Float>, count: Int, _ scratch: UnsafeMutablePointer<Float>
) -> (key: UInt32, equals: Int, equalsKept: Int) {
    let counts = UnsafeMutableRawPointer(scratch).bindMemory(to: UInt32.self, capacity: topSelectionScratch)
    var (known, mask): (UInt32, UInt32) = (0, 0)
    var (left, equals) = (k, 0)
    for step: UInt32 in 0..<4 {
        let shift = 24 - 8 * step
        counts.update(repeating: 0, count: topSelectionScratch)
        for i in 0..<count {
            let key = keys[i].bitPattern
            // Branch-free, since a branch would be unpredictable.
            counts[Int(key & mask == known ? key &>> shift & 255 : 256)] &+= 1
        }
        var byte = 255
        while byte > 0, Int(counts[byte]) < left {
            left -= Int(counts[byte])
            byte -= 1
        }
        equals = Int(counts[byte])
        known |= UInt32(byte) &<< shift
        mask |= 255 &<< shift
    }
    return (known, equals, left)
}
