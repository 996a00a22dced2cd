import RestoreConcurrency
import RestoreImage

/// The 8×8 patches of a picture as the noise estimator needs them: for each, the high band of its
/// discrete cosine transform (DCT), the energy of the low band, and how far its mean lies from clipping.
///
/// Constant patches are left out: they hold no noise (a border, a drawn area) or clipped noise, and
/// neither says anything about the noise elsewhere. So are patches with a value that is not finite.
/// Values are in units of 1/255.
struct NoisePatches {
    /// Side of a patch in pixels.
    static let side = 8

    /// Coefficients (u, v) with u + v at least this are the high band: photographs hold little there,
    /// and where the low band is empty next to nothing. Chosen on training pictures.
    static let highBandStart = 9

    /// Coefficients of the high band in one channel.
    static let highCount = (0..<side * side).count { $0 / side + $0 % side >= highBandStart }

    /// Coefficients of the low band in one channel: the others without the mean.
    static let lowCount = side * side - 1 - highCount

    /// Coefficients (u, v) with u + v below this are the coarse part of the low band.
    static let coarseEnd = 3

    /// Coefficients of the coarse part in one channel: those without the mean.
    static let coarseCount = coarseEnd * (coarseEnd + 1) / 2 - 1

    /// Channels a pixel, 1 or 3.
    let channels: Int

    /// Distance between neighboring patches in pixels.
    let stride: Int

    /// Whether constant patches are kept, too.
    private let keepsConstant: Bool

    /// High-band coefficients, patch × frequency × channel, the frequencies in the order of `NoisePatchPlane`.
    private(set) var high: [Float] = []

    /// The energy of each patch's low band: squared coefficients, summed over the channels.
    private(set) var lowEnergy: [Float] = []

    /// What the low band's energy holds of the lowest frequencies.
    private(set) var coarseEnergy: [Float] = []

    /// The distance of each patch's mean to the nearer of 0 and 255, least of its channels.
    private(set) var headroom: [Float] = []

    /// The mean of each patch, over its channels too.
    private(set) var brightness: [Float] = []

    /// Number of patches kept.
    var count: Int { lowEnergy.count }

    private init(channels: Int, stride: Int, keepsConstant: Bool) {
        self.channels = channels
        self.keepsConstant = keepsConstant
        self.stride = stride
    }

    /// Gathers the patches of a regular grid, none if the picture is narrower or lower than a patch.
    ///
    /// - Parameters:
    ///   - pixels: Interleaved, `height` × `width` × `channels`, nominally 0…1.
    ///   - width: Pixels a row.
    ///   - height: Rows.
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

    /// Gathers the patches whose first row of pixels is `y`.
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

    /// Keeps a patch unless it is constant, if these are not kept, or not finite.
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
        // Parseval: what the mean and the high band do not hold, the low band does.
        lowEnergy.append(max(0, energy - highEnergy))
        coarseEnergy.append(planes.reduce(0) { $0 + $1.coarseEnergy })
        headroom.append(room)
        brightness.append(mean / Float(channels))
    }
}
