import Glibc

/// The only source of randomness: xoshiro256**, seeded through SplitMix64 (Blackman & Vigna, "Scrambled linear
/// pseudorandom number generators", ACM TOMS 2021). The same seed gives the same numbers on every machine.
public struct SeededGenerator: RandomNumberGenerator, Sendable, Hashable {
    private var state: (UInt64, UInt64, UInt64, UInt64)
    private var spareNormal: Double?

    public init(seed: UInt64) {
        var mixer = seed
        func next() -> UInt64 {
            mixer &+= 0x9E37_79B9_7F4A_7C15
            return Self.mixed(mixer)
        }
        state = (next(), next(), next(), next())
    }

    /// An independent generator for every combination of `seed` and `path` (a step, a slot in the batch …), so that the
    /// draws for one item do not depend on which thread makes them or in which order.
    public init(seed: UInt64, path: UInt64...) {
        var combined = seed
        for part in path {
            combined = Self.mixed(combined &+ 0x9E37_79B9_7F4A_7C15) ^ Self.mixed(part &+ 0xD1B5_4A32_D192_ED03)
        }
        self.init(seed: combined)
    }

    private static func mixed(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    public mutating func next() -> UInt64 {
        let scrambled = (state.1 &* 5)
        let result = ((scrambled << 7) | (scrambled >> 57)) &* 9
        let shifted = state.1 << 17
        state.2 ^= state.0
        state.3 ^= state.1
        state.1 ^= state.2
        state.0 ^= state.3
        state.2 ^= shifted
        state.3 = (state.3 << 45) | (state.3 >> 19)
        return result
    }

    /// Uniform in 0 ..< 1 with 53 random bits.
    public mutating func uniform() -> Double {
        Double(next() >> 11) * 0x1p-53
    }

    /// Uniform in 0 ..< `bound` by multiplication (Lemire 2019); the bias is below 2⁻⁶⁴ · `bound`.
    public mutating func index(below bound: Int) -> Int {
        precondition(bound > 0, "bound \(bound) is not positive")
        return Int(next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// A standard normal deviate (Box & Muller 1958), two for each pair of uniform ones.
    public mutating func normal() -> Double {
        if let spare = spareNormal {
            spareNormal = nil
            return spare
        }
        let radius = (-2 * log(1 - uniform())).squareRoot()
        let angle = 2 * Double.pi * uniform()
        spareNormal = radius * sin(angle)
        return radius * cos(angle)
    }

    public static func == (a: SeededGenerator, b: SeededGenerator) -> Bool {
        a.state == b.state && a.spareNormal == b.spareNormal
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(state.0)
        hasher.combine(state.3)
    }
}

/// A 64-bit FNV-1a hash of a string, used to derive a seed from a name.
public func stableHash(_ text: some StringProtocol) -> UInt64 {
    text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
}
