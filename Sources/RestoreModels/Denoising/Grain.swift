import RestoreImage

/// What a strength below 1 leaves in a picture: not a share of all the noise, but fine grain, and texture with it.
///
/// A network that is told somewhat less noise than there is leaves texture rather than noise, down to about 0.8 of the
/// level; what is left of the noise then grows fast. Below that strength the luma of what was removed is added again,
/// which is grain as of film, and of its color, which looks like blotches, hardly anything. At equal remaining noise more
/// texture is kept than by mixing with the noisy picture (docs/denoise.md, "Strength").
struct Grain: Equatable, Sendable {
    /// The part of the noise level that the network is told.
    let toldShare: Float
    /// The part of the removed luma that comes back, 0…1, …
    let lumaShare: Float
    /// … and of the color.
    let colorShare: Float

    private static let leastToldShare: Float = 0.8

    /// - Parameters:
    ///   - strength: from 0, everything comes back, to 1, nothing does.
    ///   - isBlind: whether the network is not told a level.
    init(strength: Double, isBlind: Bool) {
        let strength = Float(strength)
        let full = isBlind ? 1 : Self.leastToldShare
        toldShare = max(full, strength)
        lumaShare = max(0, 1 - strength / full)
        colorShare = lumaShare * lumaShare * lumaShare
    }

    /// Whether nothing comes back.
    var isNone: Bool { lumaShare == 0 }

    /// Adds the grain to a row of the network's result.
    ///
    /// - Parameters:
    ///   - values: 3 floats a pixel, as in `seen`, which the network saw.
    func add(to values: UnsafeMutablePointer<Float>, seen: UnsafePointer<Float>, pixelCount: Int) {
        for x in 0..<pixelCount {
            let (value, own) = (values + 3 * x, seen + 3 * x)
            let removed = (own[0] - value[0], own[1] - value[1], own[2] - value[2])
            let luma = (lumaShare - colorShare) * Luma.of(removed.0, removed.1, removed.2)
            value[0] += luma + colorShare * removed.0
            value[1] += luma + colorShare * removed.1
            value[2] += luma + colorShare * removed.2
        }
    }
}
