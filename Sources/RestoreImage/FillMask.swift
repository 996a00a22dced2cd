import RestoreConcurrency

/// Which pixels of a picture are missing.
public struct FillMask: Equatable, Sendable {
    public let width: Int
    public let height: Int
    /// Row by row.
    public let isMissing: [Bool]

    /// - Precondition: `isMissing` has `width · height` values.
    public init(width: Int, height: Int, isMissing: [Bool]) {
        precondition(isMissing.count == width * height, "\(isMissing.count) values for \(width)×\(height)")
        (self.width, self.height, self.isMissing) = (width, height, isMissing)
    }

    /// What a picture marks: its opaque pixels if any is transparent, otherwise those of at least half the brightness. Of
    /// intermediate opacities, those of at least a half count as opaque.
    public init(_ image: Image) {
        if let opacity = image.opacities, opacity.contains(where: { 2 * $0 < image.maximumSample }) {
            self.init(
                width: image.width, height: image.height, isMissing: opacity.map { 2 * $0 >= image.maximumSample })
        } else {
            self.init(width: image.width, height: image.height, isMissing: image.map { 2 * $0 >= image.maximumSample })
        }
    }

    /// The pixels of a picture that are less than half opaque; nil for a picture without alpha.
    public init?(transparencyOf image: Image) {
        guard let opacity = image.opacities else { return nil }
        self.init(width: image.width, height: image.height, isMissing: opacity.map { 2 * $0 < image.maximumSample })
    }

    public var count: Int { isMissing.count { $0 } }

    /// Grown by a disc: the pixels whose distance from a missing one is at most `radius`.
    public func dilated(by radius: Int) -> FillMask {
        guard radius > 0 else { return self }
        let across = horizontalDistances(limit: radius)
        // How far a disc reaches to the side, a number of rows away from its center.
        let reaches = (0...radius).map { Int(Double(radius * radius - $0 * $0).squareRoot()) }
        var result = [Bool](repeating: false, count: isMissing.count)
        for y in 0..<height {
            for other in max(0, y - radius)...min(height - 1, y + radius) {
                let reach = reaches[abs(other - y)]
                for x in 0..<width where across[other * width + x] <= reach { result[y * width + x] = true }
            }
        }
        return FillMask(width: width, height: height, isMissing: result)
    }

    /// The distance of each pixel from the nearest missing one of its row, at most `limit` + 1.
    private func horizontalDistances(limit: Int) -> [Int] {
        var distances = [Int](repeating: limit + 1, count: isMissing.count)
        for row in stride(from: 0, to: isMissing.count, by: width) {
            var distance = limit + 1
            for index in row..<(row + width) {
                distance = isMissing[index] ? 0 : min(limit + 1, distance + 1)
                distances[index] = distance
            }
            distance = limit + 1
            for index in (row..<(row + width)).reversed() {
                distance = isMissing[index] ? 0 : min(limit + 1, distance + 1)
                distances[index] = min(distances[index], distance)
            }
        }
        return distances
    }

    /// The connected holes, diagonal neighbors included: for each pixel the number of its hole, from 0 on, and −1 for known
    /// ones; and how many there are.
    public func holes() -> (numbers: [Int], count: Int) {
        var numbers = [Int](repeating: -1, count: isMissing.count)
        var count = 0
        var open: [Int] = []
        for start in isMissing.indices where isMissing[start] && numbers[start] < 0 {
            numbers[start] = count
            open.append(start)
            while let pixel = open.popLast() {
                let (x, y) = (pixel % width, pixel / width)
                for v in max(0, y - 1)...min(height - 1, y + 1) {
                    for u in max(0, x - 1)...min(width - 1, x + 1) {
                        let neighbor = v * width + u
                        guard isMissing[neighbor], numbers[neighbor] < 0 else { continue }
                        numbers[neighbor] = count
                        open.append(neighbor)
                    }
                }
            }
            count += 1
        }
        return (numbers, count)
    }

    /// How deep each missing pixel lies in its hole: its distance from the nearest known one in thirds of a pixel, at most
    /// `limit` (by the 3-4 chamfer, which is exact along rows, columns and diagonals to 6 %). 0 for known pixels. What is
    /// beyond the picture's border is not known.
    public func depths(limit: UInt8) -> [UInt8] {
        var depths = isMissing.map { $0 ? limit : 0 }
        func relax(_ x: Int, _ y: Int, _ steps: [(dx: Int, dy: Int, cost: UInt8)]) {
            let pixel = y * width + x
            for step in steps {
                let (u, v) = (x + step.dx, y + step.dy)
                guard u >= 0, v >= 0, u < width, v < height else { continue }
                let (sum, overflow) = depths[v * width + u].addingReportingOverflow(step.cost)
                if !overflow, sum < depths[pixel] { depths[pixel] = sum }
            }
        }
        let before: [(dx: Int, dy: Int, cost: UInt8)] = [(-1, 0, 3), (-1, -1, 4), (0, -1, 3), (1, -1, 4)]
        let after = before.map { (dx: -$0.dx, dy: -$0.dy, cost: $0.cost) }
        for y in 0..<height { for x in 0..<width where isMissing[y * width + x] { relax(x, y, before) } }
        for y in (0..<height).reversed() {
            for x in (0..<width).reversed() where isMissing[y * width + x] { relax(x, y, after) }
        }
        return depths
    }
}

extension Image {
    /// The alpha samples; nil without alpha.
    fileprivate var opacities: [Int]? {
        guard channelLayout.hasAlpha else { return nil }
        let channels = channelLayout.channelCount
        switch storage {
        case .uint8(let values):
            return stride(from: channels - 1, to: values.count, by: channels).map { Int(values[$0]) }
        case .uint16(let values):
            return stride(from: channels - 1, to: values.count, by: channels).map { Int(values[$0]) }
        }
    }

    /// A property of the brightness of each pixel: of gray, or of the luma of R, G and B.
    fileprivate func map(_ property: (Int) -> Bool) -> [Bool] {
        func values<Sample: FixedWidthInteger>(_ samples: [Sample]) -> [Bool] {
            let (channels, isGray) = (channelLayout.channelCount, channelLayout.colorChannelCount == 1)
            return (0..<pixelCount).map { pixel in
                let first = Int(samples[channels * pixel])
                guard !isGray else { return property(first) }
                let (green, blue) = (Int(samples[channels * pixel + 1]), Int(samples[channels * pixel + 2]))
                return property((299 * first + 587 * green + 114 * blue + 500) / 1000)
            }
        }
        switch storage {
        case .uint8(let samples): return values(samples)
        case .uint16(let samples): return values(samples)
        }
    }

    /// The picture, opaque where pixels were missing.
    public func opaque(where mask: FillMask) -> Image {
        guard channelLayout.hasAlpha else { return self }
        var result = self
        let channels = channelLayout.channelCount
        switch storage {
        case .uint8(var values):
            for pixel in mask.isMissing.indices where mask.isMissing[pixel] {
                values[channels * (pixel + 1) - 1] = .max
            }
            result.samples = .uint8(values)
        case .uint16(var values):
            for pixel in mask.isMissing.indices where mask.isMissing[pixel] {
                values[channels * (pixel + 1) - 1] = .max
            }
            result.samples = .uint16(values)
        }
        return result
    }
}
