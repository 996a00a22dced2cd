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

    /// Coefficients (u, v) with u + v below this form the coarse part of the low band.
    static let coarseEnd = 3

    /// Number of coefficients in the coarse part of one channel, without the mean.
    static let coarseCount = coarseEnd * (coarseEnd + 1) / 2 - 1

    /// Channels per pixel, 1 or 3.
    let channels: Int

    /// Distance between neighboring patches in pixels.
    let stride: Int

    /// Whether constant patches are kept as well.
    private let keepsConstant: Bool

    /// High-band coefficients, patch × frequency × channel, the frequencies in the order of `NoisePatchPlane`.
    private(set) var high: [Float] = []

    /// The energy of each patch's low band: squared coefficients, summed over the channels.
    private(set) var lowEnergy: [Float] = []

    /// The part of the low band's energy in the lowest frequencies.
    private(set) var coarseEnergy: [Float] = []

    /// The distance of each patch's mean to the nearer of 0 and 255, the minimum over its channels.
    private(set) var headroom: [Float] = []

    /// The mean of each patch over all its channels.
    private(set) var brightness: [Float] = []

    /// Number of patches kept.
    var count: Int { lowEnergy.count }

    private init(channels: Int, stride: Int, keepsConstant: Bool) {
        self.channels = channels
        self.keepsConstant = keepsConstant
        self.stride = stride
    }

    /// Collects the patches of a regular grid; none if the image is narrower or lower than a patch.
    ///
    /// - Parameters:
    ///   - pixels: Interleaved, `height` × `width` × `channels`, nominally 0…1.
    ///   - width: Pixels per row.
    ///   - height: Number of rows.
    ///   - channels: 1 or 3.
    ///   - stride: Distance between neighboring patches in pixels, at least 1.
    ///   - keepsConstant: Whether constant patches are kept, too.
    ///   - pool: Gathers the rows of the grid, whose patches are put in order afterwards.
    init(
        _ pixels: UnsafeBufferPointer<Float>, width: Int, height: Int, channels: Int, stride: Int,
        keepsConstant: Bool = false, pool: WorkerPool
    ) {
        self.init(channels: channels, stride: stride, keepsConstant: keepsConstant)
        guard width >= Self.side, height >= Self.side else { return }
        let rowCount = (height - Self.side) / stride + 1
        var rows = [NoisePatches](repeating: self, count: rowCount)
        rows.withUnsafeMutableBufferPointer { rows in
            pool.run(taskCount: rowCount) { row, _ in
                rows[row].gatherRow(pixels, width: width, y: row * stride)
            }
        }
        high.reserveCapacity(rows.reduce(0) { $0 + $1.high.count })
        for row in rows {
            high += row.high
            lowEnergy += row.lowEnergy
            coarseEnergy += row.coarseEnergy
            headroom += row.headroom
            brightness += row.brightness
        }
    }

    /// Collects the patches whose first row of pixels is `y`.
    private mutating func gatherRow(_ pixels: UnsafeBufferPointer<Float>, width: Int, y: Int) {
        var planes = [NoisePatchPlane](repeating: NoisePatchPlane(), count: channels)
        high.reserveCapacity(((width - Self.side) / stride + 1) * Self.highCount * channels)
        for x in Swift.stride(from: 0, through: width - Self.side, by: stride) {
            for channel in 0..<channels {
                planes[channel].load(
                    pixels, at: (y * width + x) * channels + channel, pixelStride: channels,
                    rowStride: width * channels)
            }
            append(planes)
        }
    }

    /// Keeps a patch unless it is not finite, or constant when constant patches are skipped.
    private mutating func append(_ planes: [NoisePatchPlane]) {
        if !keepsConstant, planes.allSatisfy({ $0.isConstant }) { return }
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
        coarseEnergy.append(planes.reduce(0) { $0 + $1.coarseEnergy })
        headroom.append(room)
        brightness.append(mean / Float(channels))
    }
}
