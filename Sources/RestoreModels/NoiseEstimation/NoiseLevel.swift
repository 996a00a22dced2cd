import RestoreConcurrency
import RestoreImage
import RestoreLinearAlgebra

extension NoisePatches {
    /// Number of patches whose products are summed by one task.
    private static let summedTogether = 4096

    /// The given share of the patches, at least one, with the least energy in their low band.
    func flattest(share: Double) -> [Int] {
        guard count > 0 else { return [] }
        let limit = valueInOrder(lowEnergy, at: Int(share * Double(count - 1)))
        return (0..<count).filter { lowEnergy[$0] <= limit }
    }

    /// The noise that the selected patches have in common.
    ///
    /// - Parameters:
    ///   - chosen: Indices of patches, at least one.
    ///   - pool: Shares the sums over the patches out.
    /// - Returns: σ in units of 1/255, finite and at least 0.
    func noiseLevel(of chosen: [Int], pool: WorkerPool) -> Double {
        let covariances = highCovariances(of: chosen, pool: pool)
        let size = channels * channels
        var spectrum: [Double] = []
        for frequency in 0..<Self.highCount {
            let covariance = Array(covariances[frequency * size..<(frequency + 1) * size])
            spectrum += SymmetricEigensystem.values(covariance, order: channels)
        }
        return max(0, noiseVariance(spectrum)).squareRoot()
    }

    /// The covariance of the channels at each high frequency, frequency × channel × channel. The mean
    /// over patches is taken as 0, as it is for everything but the patch's own mean.
    private func highCovariances(of chosen: [Int], pool: WorkerPool) -> [Double] {
        let sumCount = Self.highCount * channels * channels
        // Partitioned the same way and added in the same order for any number of threads, so that the estimate is the
        // same.
        let blockCount = (chosen.count + Self.summedTogether - 1) / Self.summedTogether
        var sums = [Double](repeating: 0, count: blockCount * sumCount)
        high.withUnsafeBufferPointer { high in
            sums.withUnsafeMutableBufferPointer { sums in
                pool.run(taskCount: blockCount) { block, _ in
                    let own = UnsafeMutableBufferPointer(rebasing: sums[block * sumCount..<(block + 1) * sumCount])
                    let start = block * Self.summedTogether
                    for patch in chosen[start..<min(start + Self.summedTogether, chosen.count)] {
                        addProducts(high, patch: patch, to: own)
                    }
                }
            }
        }
        return (0..<sumCount).map { place in
            let sum = Swift.stride(from: place, to: sums.count, by: sumCount).reduce(0) { $0 + sums[$1] }
            return sum / Double(chosen.count)
        }
    }

    private func addProducts(
        _ high: UnsafeBufferPointer<Float>, patch: Int, to sums: UnsafeMutableBufferPointer<Double>
    ) {
        for frequency in 0..<Self.highCount {
            let values = (patch * Self.highCount + frequency) * channels
            for a in 0..<channels {
                for b in 0..<channels {
                    sums[(frequency * channels + a) * channels + b] +=
                        Double(high[values + a]) * Double(high[values + b])
                }
            }
        }
    }
}

/// The value that would be at `place` if `values` were sorted. Takes linear time (Hoare's "Find", CACM 4(7), 1961),
/// whereas sorting all of them took most of the estimate's time.
///
/// - Precondition: no NaN among the values.
func valueInOrder(_ values: [Float], at place: Int) -> Float {
    var values = values
    return values.withUnsafeMutableBufferPointer { values in
        var (low, high) = (0, values.count - 1)
        while low < high {
            let pivot = values[(low + high) / 2]
            var (i, j) = (low, high)
            while i <= j {
                while values[i] < pivot { i += 1 }
                while values[j] > pivot { j -= 1 }
                if i <= j {
                    values.swapAt(i, j)
                    i += 1
                    j -= 1
                }
            }
            // low ... j are at most the pivot, i ... high are at least the pivot; everything in between equals it.
            if place <= j {
                high = j
            } else if place >= i {
                low = i
            } else {
                return pivot
            }
        }
        return values[place]
    }
}

/// Chen, Zhu & Heng 2015, algorithm 1: the mean of the largest set of smallest eigenvalues whose mean equals their
/// median, that is, with as many values above it as below.
///
/// - Parameter eigenvalues: In any order, at least one.
/// - Returns: the variance of the noise.
func noiseVariance(_ eigenvalues: [Double]) -> Double {
    let ascending = eigenvalues.sorted()
    var sum = ascending.reduce(0, +)
    for count in stride(from: ascending.count, to: 1, by: -1) {
        let mean = sum / Double(count)
        let below = ascending[..<count].count { $0 < mean }
        let above = ascending[..<count].count { $0 > mean }
        // Image content pulls the mean above the median; once it no longer does, only noise is left.
        if above >= below { return mean }
        sum -= ascending[count - 1]
    }
    return ascending.first ?? 0
}
