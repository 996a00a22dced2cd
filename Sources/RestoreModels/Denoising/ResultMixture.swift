import RestoreImage

/// What the result gets of the network's answer, pixel by pixel.
struct ResultMixture: Sendable {
    /// What comes back of what the network removed.
    private let grain: Grain
    /// The levels, if there are places where they are so low that the result fades out.
    private let fadingLevels: NoiseLevelMap?
    /// Of the values that the network saw and gave.
    private let scale: PictureScale
    /// Whether the three channels are equal and stay so.
    private let isMonochrome: Bool

    init(grain: Grain, levels: NoiseLevelMap?, scale: PictureScale, isMonochrome: Bool) {
        self.grain = grain
        fadingLevels = levels.flatMap { $0.least < NoiseLevelMap.fullLevel ? $0 : nil }
        (self.scale, self.isMonochrome) = (scale, isMonochrome)
    }

    /// Whether the answer is taken as it is, everywhere.
    var isWholeAnswer: Bool { grain.isNone && fadingLevels == nil && scale.isIdentity && !isMonochrome }

    /// Makes the result of a row. Where nothing is to change, it is what the network saw, bit for bit.
    ///
    /// - Parameters:
    ///   - seen: the row's colors before they were scaled for the network, 3 floats a pixel.
    ///   - values: what it gave, replaced by the result.
    ///   - kept: whether a pixel stays as it is, or nil if none does.
    func apply(
        to row: ImageRegion, seen: UnsafePointer<Float>, values: UnsafeMutablePointer<Float>,
        kept: ArraySlice<Bool>?
    ) {
        if !scale.isIdentity { scale.remove(from: values, pixelCount: row.width) }
        if isMonochrome { takeMeans(values, pixelCount: row.width) }
        if !grain.isNone { grain.add(to: values, seen: seen, pixelCount: row.width) }
        fade(row, seen: seen, values: values)
        guard let kept else { return }
        for x in 0..<row.width where kept[kept.startIndex + x] {
            // A value that is not finite is not hidden: it ends the work.
            for i in (3 * x)..<(3 * x + 3) where values[i].isFinite { values[i] = seen[i] }
        }
    }

    /// As for a gray picture.
    private func takeMeans(_ values: UnsafeMutablePointer<Float>, pixelCount: Int) {
        for x in 0..<pixelCount {
            let pixel = values + 3 * x
            let mean = (pixel[0] + pixel[1] + pixel[2]) / 3
            (pixel[0], pixel[1], pixel[2]) = (mean, mean, mean)
        }
    }

    /// Takes less of the result where there is hardly any noise.
    private func fade(_ row: ImageRegion, seen: UnsafePointer<Float>, values: UnsafeMutablePointer<Float>) {
        guard let fadingLevels else { return }
        withUnsafeTemporaryAllocation(of: Float.self, capacity: row.width) { levels in
            guard let levels = levels.baseAddress else { return }
            fadingLevels.copyLevels(of: row, to: levels)
            for x in 0..<row.width {
                let share = NoiseLevelMap.share(ofLevel: levels[x])
                guard share < 1 else { continue }
                for i in (3 * x)..<(3 * x + 3) { values[i] = seen[i] + share * (values[i] - seen[i]) }
            }
        }
    }
}
