/// What values are ordered by.
public enum TopOrder: Hashable, Sendable {
    /// The values themselves.
    case value
    /// Their absolute values.
    case magnitude

    /// A positive number that orders values as this does. 0 and −0 are equal, and a NaN is above all.
    @inline(__always)
    fileprivate func key(_ value: Float) -> UInt32 {
        let bits = value.bitPattern
        let magnitude = bits & 0x7FFF_FFFF
        // Below zero the greater magnitude is the lesser value.
        let isNegative = UInt32(bitPattern: Int32(bitPattern: bits) &>> 31)
        let ordered = self == .magnitude ? magnitude : (magnitude ^ isNegative) &- isNegative &+ 0x8000_0000
        return magnitude > 0x7F80_0000 ? .max : ordered &+ 1
    }
}

/// Floats of working memory that `keepGreatest` takes: a count of each value of a byte, and of what is left out.
let topSelectionScratch = 257

/// destination ← values where x is among the `k` greatest, 0 elsewhere. Of equal x those come first that have the
/// lowest number, counted channel by channel.
///
/// The k-th greatest is found byte by byte, from the counts of the values that the byte has among those that agree with
/// it so far: a radix selection, in time proportional to `pixels · channels` whatever the values are.
///
/// - Parameters:
///   - x, values: pixels × channels.
///   - destination: overlaps neither. It holds the keys of x first.
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

/// Sets the keys that are `key` to 0, which none is, but for the first `kept` of them.
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

/// The `k`-th greatest key, how many are equal to it, and how many of these are among the `k` greatest.
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
            // Without a branch, which could not be predicted.
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
