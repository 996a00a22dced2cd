import Glibc

/// The mean structural similarity (SSIM) of two images, −1…1; equal images have 1.
///
/// Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli: "Image Quality Assessment: From Error Visibility to Structural
/// Similarity", IEEE Transactions on Image Processing 13 (4), 2004, equations 13 and 17, with the window and constants
/// of section III-C: an 11×11 Gaussian window of σ = 1.5, K₁ = 0.01, K₂ = 0.03. Only windows entirely inside the image
/// count. Color images are compared by their unrounded `Luma`. Alpha is ignored.
///
/// - Throws: `ImageComparisonError` if size, color channels or bit depth differ, or a side is shorter than 11.
public func structuralSimilarity(_ a: Image, _ b: Image) throws(ImageComparisonError) -> Double {
    try requireComparable(a, b)
    guard a.width >= windowSize && a.height >= windowSize else {
        throw .tooSmall(width: a.width, height: a.height, minimum: windowSize)
    }
    var filter = SimilarityFilter(width: a.width, peak: Double(a.maximumSample))
    for row in 0..<a.height {
        a.copyLuma(ofRow: row, to: &filter.firstRow)
        b.copyLuma(ofRow: row, to: &filter.secondRow)
        filter.takeRow()
    }
    return filter.sum / (Double(a.width - windowSize + 1) * Double(a.height - windowSize + 1))
}

private let windowSize = 11

/// exp(−d² / 2σ²) for d = −5…5, scaled to a sum of 1. The 11×11 window is the product of two of these.
private func windowWeights() -> [Double] {
    let sigma = 1.5
    let weights = (0..<windowSize).map { index in
        let distance = Double(index - windowSize / 2)
        return exp(-distance * distance / (2 * sigma * sigma))
    }
    let sum = weights.reduce(0, +)
    return weights.map { $0 / sum }
}

/// Processes two images row by row and sums the similarity of every window.
///
/// It keeps the last 11 rows, filtered along x, of the five planes a, b, a², b² and a·b. Storing whole planes would
/// take forty times the memory of the images.
private struct SimilarityFilter {
    var firstRow: [Double]
    var secondRow: [Double]
    /// The similarities of all windows so far.
    private(set) var sum = 0.0

    private let weights = windowWeights()
    /// Number of windows per row.
    private let outputWidth: Int
    private let meanConstant: Double
    private let varianceConstant: Double
    /// One row of a plane before filtering.
    private var plane: [Double]
    /// [5 planes][11 rows][outputWidth]; row y is in slot y mod 11.
    private var filtered: [Double]
    /// [5 planes][outputWidth]: the planes' local means.
    private var means: [Double]
    private var rowsTaken = 0

    init(width: Int, peak: Double) {
        outputWidth = width - windowSize + 1
        firstRow = [Double](repeating: 0, count: width)
        secondRow = firstRow
        plane = firstRow
        filtered = [Double](repeating: 0, count: 5 * windowSize * outputWidth)
        means = [Double](repeating: 0, count: 5 * outputWidth)
        meanConstant = (0.01 * peak) * (0.01 * peak)
        varianceConstant = (0.03 * peak) * (0.03 * peak)
    }

    /// Processes the rows in `firstRow` and `secondRow`.
    mutating func takeRow() {
        filterAlongX(firstRow, plane: 0)
        filterAlongX(secondRow, plane: 1)
        multiply(firstRow, firstRow)
        filterAlongX(plane, plane: 2)
        multiply(secondRow, secondRow)
        filterAlongX(plane, plane: 3)
        multiply(firstRow, secondRow)
        filterAlongX(plane, plane: 4)
        rowsTaken += 1
        guard rowsTaken >= windowSize else { return }
        filterAlongY()
        sum += sumOfSimilarities()
    }

    private mutating func multiply(_ first: [Double], _ second: [Double]) {
        plane.withUnsafeMutableBufferPointer { plane in
            first.withUnsafeBufferPointer { first in
                second.withUnsafeBufferPointer { second in
                    for x in 0..<plane.count { plane[x] = first[x] * second[x] }
                }
            }
        }
    }

    private mutating func filterAlongX(_ row: [Double], plane: Int) {
        let slot = (plane * windowSize + rowsTaken % windowSize) * outputWidth
        let (weights, outputWidth) = (self.weights, self.outputWidth)
        filtered.withUnsafeMutableBufferPointer { filtered in
            row.withUnsafeBufferPointer { row in
                let output = UnsafeMutableBufferPointer(rebasing: filtered[slot..<slot + outputWidth])
                output.update(repeating: 0)
                for (tap, weight) in weights.enumerated() {
                    for x in 0..<outputWidth { output[x] += weight * row[x + tap] }
                }
            }
        }
    }

    private mutating func filterAlongY() {
        let (weights, outputWidth, rowsTaken) = (self.weights, self.outputWidth, self.rowsTaken)
        means.withUnsafeMutableBufferPointer { means in
            filtered.withUnsafeBufferPointer { filtered in
                means.update(repeating: 0)
                for plane in 0..<5 {
                    for (tap, weight) in weights.enumerated() {
                        let slot = plane * windowSize + (rowsTaken + tap) % windowSize
                        for x in 0..<outputWidth {
                            means[plane * outputWidth + x] += weight * filtered[slot * outputWidth + x]
                        }
                    }
                }
            }
        }
    }

    /// Equation 13 for every window of the row.
    private func sumOfSimilarities() -> Double {
        means.withUnsafeBufferPointer { means in
            var sum = 0.0
            for x in 0..<outputWidth {
                let (ma, mb) = (means[x], means[outputWidth + x])
                let varianceA = means[2 * outputWidth + x] - ma * ma
                let varianceB = means[3 * outputWidth + x] - mb * mb
                let covariance = means[4 * outputWidth + x] - ma * mb
                let numerator = (2 * ma * mb + meanConstant) * (2 * covariance + varianceConstant)
                let denominator =
                    (ma * ma + mb * mb + meanConstant) * (varianceA + varianceB + varianceConstant)
                sum += numerator / denominator
            }
            return sum
        }
    }
}

extension Image {
    /// Fills `luma`, which has `width` values, with one row's BT.601 luma in sample units; gray is copied.
    fileprivate func copyLuma(ofRow row: Int, to luma: inout [Double]) {
        switch storage {
        case .uint8(let values): copyLuma(of: values, row: row, to: &luma)
        case .uint16(let values): copyLuma(of: values, row: row, to: &luma)
        }
    }

    private func copyLuma<Sample: FixedWidthInteger>(of values: [Sample], row: Int, to luma: inout [Double]) {
        let step = channelLayout.channelCount
        let isColor = channelLayout.colorChannelCount == 3
        values.withUnsafeBufferPointer { samples in
            luma.withUnsafeMutableBufferPointer { luma in
                for x in 0..<luma.count {
                    let index = (row * luma.count + x) * step
                    let first = Double(Int32(truncatingIfNeeded: samples[index]))
                    guard isColor else {
                        luma[x] = first
                        continue
                    }
                    let green = Double(Int32(truncatingIfNeeded: samples[index + 1]))
                    let blue = Double(Int32(truncatingIfNeeded: samples[index + 2]))
                    luma[x] = Luma.of(first, green, blue)
                }
            }
        }
    }
}
