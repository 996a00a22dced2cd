import RestoreConcurrency

extension Image {
    /// Whether the picture is color by its form only: R = G = B in every pixel that is not fully transparent. False for
    /// a gray one.
    public func hasEqualChannels(pool: WorkerPool = .serial) -> Bool {
        guard channelLayout.colorChannelCount == 3 else { return false }
        let rows = 64
        var areEqual = [Bool](repeating: false, count: (height + rows - 1) / rows)
        areEqual.withUnsafeMutableBufferPointer { areEqual in
            pool.run(taskCount: areEqual.count) { task, _ in
                let pixels = (task * rows * width)..<(min((task + 1) * rows, height) * width)
                switch storage {
                case .uint8(let values): areEqual[task] = haveEqualChannels(values, pixels)
                case .uint16(let values): areEqual[task] = haveEqualChannels(values, pixels)
                }
            }
        }
        return !areEqual.contains(false)
    }

    private func haveEqualChannels<Sample: FixedWidthInteger>(_ values: [Sample], _ pixels: Range<Int>) -> Bool {
        let (step, hasAlpha) = (channelLayout.channelCount, channelLayout.hasAlpha)
        return values.withUnsafeBufferPointer { values in
            pixels.allSatisfy { pixel in
                let first = pixel * step
                let isGray = values[first] == values[first + 1] && values[first] == values[first + 2]
                return isGray || (hasAlpha && values[first + 3] == 0)
            }
        }
    }
}
