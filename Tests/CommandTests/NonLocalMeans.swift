import Glibc

/// Non-local means, a classical denoiser to compare with: every pixel becomes the mean of the pixels of a window around
/// it, weighted by how much the patches around them are alike.
///
/// Buades, Coll & Morel, "Non-Local Means Denoising", Image Processing On Line 1, 2011, the pixelwise form: weights
/// exp(−max(d² − 2σ², 0) / h²), where d² is the mean squared difference of two patches over all channels.
struct NonLocalMeans {
    let width: Int
    let height: Int
    /// Standard deviation of the noise, in the units of the colors.
    let sigma: Float
    /// What the article gives for σ of about 25 of 255: patches of 3×3 and h = 0.55 σ for color, 5×5 and 0.4 σ for gray.
    let patchRadius: Int
    let strength: Float

    private let windowRadius = 10
    private var margin: Int { windowRadius + patchRadius }
    private var rowLength: Int { width + 2 * margin }

    /// - Parameter colors: interleaved RGB.
    func denoised(_ colors: [Float]) -> [Float] {
        let planes = (0..<3).map { mirrored(colors, channel: $0) }
        var sums = [[Float]](repeating: [Float](repeating: 0, count: width * height), count: 3)
        var total = [Float](repeating: 0, count: width * height)
        for dy in -windowRadius...windowRadius {
            for dx in -windowRadius...windowRadius {
                let shift = dy * rowLength + dx
                let weights = weights(planes, shift: shift)
                for c in 0..<3 { add(planes[c], shift: shift, weights, to: &sums[c]) }
                for index in total.indices { total[index] += weights[index] }
            }
        }
        return (0..<(3 * width * height)).map { sums[$0 % 3][$0 / 3] / total[$0 / 3] }
    }

    /// A channel, continued beyond the picture's edges by its mirror image.
    private func mirrored(_ colors: [Float], channel: Int) -> [Float] {
        func inside(_ place: Int, _ count: Int) -> Int { place < 0 ? -place : min(place, 2 * (count - 1) - place) }
        return (-margin..<(height + margin)).flatMap { y in
            (-margin..<(width + margin)).map { x in
                colors[3 * (inside(y, height) * width + inside(x, width)) + channel]
            }
        }
    }

    private func add(_ plane: [Float], shift: Int, _ weights: [Float], to sums: inout [Float]) {
        for y in 0..<height {
            let start = (y + margin) * rowLength + margin + shift
            for x in 0..<width { sums[y * width + x] += weights[y * width + x] * plane[start + x] }
        }
    }

    /// The weight of the pixel `shift` away from each pixel.
    private func weights(_ planes: [[Float]], shift: Int) -> [Float] {
        var squares = [Float](repeating: 0, count: planes[0].count)
        // Rows that patches reach; outside of them nothing is read.
        let used = windowRadius * rowLength + windowRadius..<(planes[0].count - windowRadius * rowLength - windowRadius)
        for plane in planes {
            for index in used {
                let difference = plane[index] - plane[index + shift]
                squares[index] += difference * difference
            }
        }
        let side = 2 * patchRadius + 1
        let scale = 1 / Float(3 * side * side)
        let rows = boxSums(squares, step: 1)
        let patches = boxSums(rows, step: rowLength)
        var weights = [Float](repeating: 0, count: width * height)
        for y in 0..<height {
            let start = (y + margin) * rowLength + margin
            for x in 0..<width {
                let excess = max(patches[start + x] * scale - 2 * sigma * sigma, 0)
                weights[y * width + x] = exp(-excess / (strength * sigma * strength * sigma))
            }
        }
        return weights
    }

    /// Sums of 2 · patchRadius + 1 values that are `step` apart, around each place.
    private func boxSums(_ values: [Float], step: Int) -> [Float] {
        var sums = values
        let reach = patchRadius * step
        for k in -patchRadius...patchRadius where k != 0 {
            for index in reach..<(values.count - reach) { sums[index] += values[index + k * step] }
        }
        return sums
    }
}
