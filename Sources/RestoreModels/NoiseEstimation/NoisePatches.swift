import RestoreConcurrency
import RestoreImage

/// The 8×8 patches of an image in the form needed by the noise estimator: for each, the high band of its discrete
/// cosine transform (DCT), the energy of the low band, and the distance of its mean from clipping.
///
/// Constant patches are skipped: they contain no noise (a border, a drawn area) or clipped noise, and neither says
/// anything about the noise elsewhere. Patches with a value that is not finite are skipped as well. Values are in units
/// of 1/255.
struct NoisePatches {
    /// Side of a patch in pixels.
    static let side = 8

    /// Coefficients (u, v) with u + v of at least this form the high band: photographs have little energy there, and
    /// next to none if the low band is empty. Chosen on training images.
    static let highBandStart = 9

    /// Number of coefficients in the high band of one channel.
    static let highCount = (0..<side * side).count { $0 / side + $0 % side >= highBandStart }

    /// Number of coefficients in the low band of one channel: the others without the mean.
    static let lowCount = side * side - 1 - highCount

    /// Channels per pixel, 1 or 3.
    let channels: Int

    /// Distance between neighboring patches in pixels.
    let stride: Int

    /// Number of patches in a row of the grid, those that are skipped included, and of such rows.
    let columns: Int
    let rows: Int

    /// High-band coefficients, patch × frequency × channel, the frequencies in the order of `NoisePatchPlane`.
    private(set) var high: [Float] = []

    /// The energy of each patch's low band: squared coefficients, summed over the channels.
    private(set) var lowEnergy: [Float] = []

    /// The distance of each patch's mean to the nearer of 0 and 255, the minimum over its channels.
    private(set) var headroom: [Float] = []

    /// The mean of each patch over all its channels.
    private(set) var brightness: [Float] = []

    /// The share of neighbors in a row that are equal, …
    private(set) var repeats: [Float] = []

    /// … and the shares of values that are exactly black and exactly white.
    private(set) var black: [Float] = []
    private(set) var white: [Float] = []

    /// The share of neighbors that would be black or white both if these were distributed at random.
    private(set) var clippedPairs: [Float] = []

    /// Each patch's index in the grid, row by row.
    private(set) var places: [Int32] = []

    /// The same of the constant patches.
    private(set) var constantPlaces: [Int32] = []

    /// Number of patches kept.
    var count: Int { lowEnergy.count }

    private init(channels: Int, stride: Int, columns: Int, rows: Int) {
        (self.channels, self.stride, self.columns, self.rows) = (channels, stride, columns, rows)
    }

    /// Collects the patches of a regular grid; none if the picture is narrower or lower than a patch.
    ///
    /// - Parameters:
    ///   - stride: Distance between neighboring patches in pixels, at least 1.
    ///   - pool: Gathers the rows of the grid, whose patches are put in order afterwards.
    init(_ source: PatchSource, stride: Int, pool: WorkerPool) {
        let fits = source.width >= Self.side && source.height >= Self.side
        self.init(
            channels: source.channels, stride: stride, columns: fits ? (source.width - Self.side) / stride + 1 : 0,
            rows: fits ? (source.height - Self.side) / stride + 1 : 0)
        guard fits else { return }
        var parts = [NoisePatches](repeating: self, count: rows)
        parts.withUnsafeMutableBufferPointer { parts in
            pool.run(taskCount: parts.count) { row, _ in parts[row].gatherRow(row, of: source) }
        }
        high.reserveCapacity(parts.reduce(0) { $0 + $1.high.count })
        for part in parts {
            high += part.high
            lowEnergy += part.lowEnergy
            headroom += part.headroom
            brightness += part.brightness
            repeats += part.repeats
            black += part.black
            white += part.white
            clippedPairs += part.clippedPairs
            places += part.places
            constantPlaces += part.constantPlaces
        }
    }

    /// Collects the patches of a row of the grid.
    private mutating func gatherRow(_ row: Int, of source: PatchSource) {
        let (width, top) = (source.width, row * stride)
        var planes = [NoisePatchPlane](repeating: NoisePatchPlane(), count: channels)
        high.reserveCapacity(columns * Self.highCount * channels)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: Self.side * width * channels) { pixels in
            guard let base = pixels.baseAddress else { return }
            source.copyRows(top..<(top + Self.side), base)
            for column in 0..<columns {
                for channel in 0..<channels {
                    planes[channel].load(
                        UnsafeBufferPointer(pixels), at: column * stride * channels + channel, pixelStride: channels,
                        rowStride: width * channels)
                }
                append(planes, place: Int32(row * columns + column))
            }
        }
    }

    /// Keeps a patch unless it is constant or not finite.
    private mutating func append(_ planes: [NoisePatchPlane], place: Int32) {
        if planes.allSatisfy({ $0.isConstant }) { return constantPlaces.append(place) }
        var energy: Float = 0
        var room = Float.infinity
        var mean: Float = 0
        for plane in planes {
            energy += plane.energy
            mean += plane.mean
            room = min(room, plane.mean, 255 - plane.mean)
        }
        guard energy.isFinite else { return }
        let start = high.count
        high.append(contentsOf: repeatElement(0, count: Self.highCount * channels))
        var highEnergy: Float = 0
        high.withUnsafeMutableBufferPointer { all in
            for (channel, plane) in planes.enumerated() {
                highEnergy += plane.transform(into: all, at: start + channel, stride: channels)
            }
        }
        // Parseval: the energy that is not in the mean or the high band is in the low band.
        lowEnergy.append(max(0, energy - highEnergy))
        headroom.append(room)
        brightness.append(mean / Float(channels))
        let valueCount = Float(Self.side * Self.side * channels)
        repeats.append(planes.reduce(0) { $0 + $1.repeats } / (valueCount * 7 / 8))
        black.append(planes.reduce(0) { $0 + $1.black } / valueCount)
        white.append(planes.reduce(0) { $0 + $1.white } / valueCount)
        let area = Float(Self.side * Self.side)
        clippedPairs.append(
            planes.reduce(0) { $0 + ($1.black * $1.black + $1.white * $1.white) / (area * area) } / Float(channels))
        places.append(place)
    }
}
