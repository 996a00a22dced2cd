import RestoreConcurrency

extension Image {
    /// The image in display orientation.
    ///
    /// - Parameter orientation: the orientation of the stored rows and columns (EXIF 2.32, tag 274): 1 as stored, 2
    ///   mirrored horizontally, 3 rotated by 180°, 4 mirrored vertically, 5 transposed, 6 to be rotated by 90°
    ///   clockwise, 7 transposed along the other diagonal, 8 to be rotated by 90° counterclockwise. 5 to 8 exchange
    ///   width and height.
    /// - Parameter pool: divides the rows of orientations 5 to 8 among its workers; the others are done in place if the
    ///   image has a single owner.
    /// - Precondition: `orientation` is 1…8.
    public consuming func upright(
        from orientation: Int, pool: WorkerPool = .serial
    ) -> Image {
        precondition((1...8).contains(orientation), "an orientation is 1…8, found \(orientation)")
        guard orientation > 1 else { return self }
        let (width, height, layout, space) = (self.width, self.height, channelLayout, colorSpace)
        let turn = Turn(orientation: orientation, width: width, height: height, pool: pool)
        var turned: Samples
        switch storage {
        case .uint8(var values):
            // Keep a single owner: with two, the first write would copy the image.
            storage = .uint8([])
            turned = .uint8(turn.applied(to: &values, channels: layout.channelCount))
        case .uint16(var values):
            storage = .uint16([])
            turned = .uint16(turn.applied(to: &values, channels: layout.channelCount))
        }
        var result = Image(
            width: orientation < 5 ? width : height, height: orientation < 5 ? height : width, channelLayout: layout,
            samples: turned)
        result.colorSpace = space
        return result
    }
}

private struct Turn {
    let orientation: Int
    let width: Int
    let height: Int
    let pool: WorkerPool

    /// Width in pixels of the square blocks used for transposing: their rows and columns fit in the L1 cache.
    private static let squareSide = 32

    init(orientation: Int, width: Int, height: Int, pool: WorkerPool) {
        (self.orientation, self.width, self.height, self.pool) = (orientation, width, height, pool)
    }

    func applied<Sample: FixedWidthInteger & BitwiseCopyable>(to values: inout [Sample], channels: Int) -> [Sample] {
        if orientation < 5 {
            values.withUnsafeMutableBytes { bytes in
                switch channels {
                case 1: mirror(bytes.baseAddress?.assumingMemoryBound(to: Sample.self))
                case 2: mirror(bytes.baseAddress?.assumingMemoryBound(to: Two<Sample>.self))
                case 3: mirror(bytes.baseAddress?.assumingMemoryBound(to: Three<Sample>.self))
                default: mirror(bytes.baseAddress?.assumingMemoryBound(to: Four<Sample>.self))
                }
            }
            return values
        }
        let total = values.count
        return [Sample](unsafeUninitializedCapacity: total) { target, count in
            count = total
            values.withUnsafeBytes { source in
                let target = UnsafeMutableRawBufferPointer(target)
                switch channels {
                case 1: transpose(source, to: target, of: Sample.self)
                case 2: transpose(source, to: target, of: Two<Sample>.self)
                case 3: transpose(source, to: target, of: Three<Sample>.self)
                default: transpose(source, to: target, of: Four<Sample>.self)
                }
            }
        }
    }

    /// Orientations 2, 3, 4, in place.
    private func mirror<Pixel: BitwiseCopyable>(_ pixels: UnsafeMutablePointer<Pixel>?) {
        guard let pixels else { return }
        switch orientation {
        case 2:
            for y in 0..<height { reverse(pixels + y * width, width) }
        case 3:
            reverse(pixels, width * height)
        default:
            for y in 0..<(height / 2) {
                let (upper, lower) = (pixels + y * width, pixels + (height - 1 - y) * width)
                for x in 0..<width {
                    let pixel = upper[x]
                    upper[x] = lower[x]
                    lower[x] = pixel
                }
            }
        }
    }

    private func reverse<Pixel: BitwiseCopyable>(_ pixels: UnsafeMutablePointer<Pixel>, _ count: Int) {
        for x in 0..<(count / 2) {
            let pixel = pixels[x]
            pixels[x] = pixels[count - 1 - x]
            pixels[count - 1 - x] = pixel
        }
    }

    /// Orientations 5 to 8: row y of the target is column y of the source, from the left or the right, read from its
    /// top or bottom.
    private func transpose<Pixel: BitwiseCopyable>(
        _ source: UnsafeRawBufferPointer, to target: UnsafeMutableRawBufferPointer, of _: Pixel.Type
    ) {
        guard let from = source.baseAddress?.assumingMemoryBound(to: Pixel.self),
            let to = target.baseAddress?.assumingMemoryBound(to: Pixel.self)
        else { return }
        let fromRight = orientation == 7 || orientation == 8
        let fromBottom = orientation == 6 || orientation == 7
        let side = Self.squareSide
        pool.run(taskCount: (width + side - 1) / side) { task, _ in
            let rows = (task * side)..<min((task + 1) * side, width)
            for left in stride(from: 0, to: height, by: side) {
                let columns = left..<min(left + side, height)
                for y in rows {
                    let sourceColumn = fromRight ? width - 1 - y : y
                    let step = fromBottom ? -width : width
                    var place = (fromBottom ? height - 1 - left : left) * width + sourceColumn
                    for x in columns {
                        to[y * height + x] = from[place]
                        place += step
                    }
                }
            }
        }
    }
}

/// Pixels of two, three and four samples, moved as a unit.
private struct Two<Sample: FixedWidthInteger & BitwiseCopyable>: BitwiseCopyable { var a, b: Sample }
private struct Three<Sample: FixedWidthInteger & BitwiseCopyable>: BitwiseCopyable { var a, b, c: Sample }
private struct Four<Sample: FixedWidthInteger & BitwiseCopyable>: BitwiseCopyable { var a, b, c, d: Sample }
