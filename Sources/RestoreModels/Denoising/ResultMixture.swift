import RestoreImage

/// What the result gets of the network's answer, pixel by pixel.
struct ResultMixture: Sendable {
    /// 0 keeps what the network saw, 1 takes what it gives.
    let strength: Float
    /// The levels, if there are places where they are so low that the result fades out.
    private let fadingLevels: NoiseLevelMap?

    init(strength: Double, levels: NoiseLevelMap?) {
        self.strength = Float(strength)
        fadingLevels = levels.flatMap { $0.least < NoiseLevelMap.fullLevel ? $0 : nil }
    }

    /// Whether the answer is taken as it is, everywhere.
    var isWholeAnswer: Bool { strength == 1 && fadingLevels == nil }

    /// Makes the result of a row. Where nothing is to change, it is what the network saw, bit for bit.
    ///
    /// - Parameters:
    ///   - seen: what the network saw of the row, 3 floats a pixel.
    ///   - values: what it gave, replaced by the result.
    func apply(to row: ImageRegion, seen: UnsafePointer<Float>, values: UnsafeMutablePointer<Float>) {
        guard let fadingLevels else {
            guard strength != 1 else { return }
            for i in 0..<(3 * row.width) { values[i] = mixed(seen[i], values[i], strength) }
            return
        }
        withUnsafeTemporaryAllocation(of: Float.self, capacity: row.width) { levels in
            guard let levels = levels.baseAddress else { return }
            fadingLevels.copyLevels(of: row, to: levels)
            for x in 0..<row.width {
                let share = strength * NoiseLevelMap.share(ofLevel: levels[x])
                for i in (3 * x)..<(3 * x + 3) { values[i] = mixed(seen[i], values[i], share) }
            }
        }
    }

    @inline(__always)
    private func mixed(_ seen: Float, _ given: Float, _ share: Float) -> Float {
        share == 1 ? given : seen + share * (given - seen)
    }
}
