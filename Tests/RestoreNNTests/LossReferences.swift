import Glibc
import RestoreNN

/// Losses as their formulas read, in double precision and with no regard for speed. Inputs are in the operators'
/// order.
enum LossReference {
    typealias Inputs = [[Double]]

    /// The weight of value `i`: its own, its pixel's, or 1.
    private static func weight(_ inputs: Inputs, _ index: Int, value i: Int) -> Double {
        guard inputs.indices.contains(index) else { return 1 }
        return inputs[index][i / (inputs[0].count / inputs[index].count)]
    }

    /// The reduction of `term`, which is called for every value.
    private static func reduce(
        _ reduction: LossReduction, _ inputs: Inputs, batch: Int, weights: Int, _ term: (Int) -> Double
    ) -> Double {
        var (sum, weightSum) = (0.0, 0.0)
        for i in inputs[0].indices {
            sum += weight(inputs, weights, value: i) * term(i)
            weightSum += weight(inputs, weights, value: i)
        }
        switch reduction {
        case .mean: return weightSum == 0 ? 0 : sum / weightSum
        case .sumPerPicture: return sum / Double(batch)
        }
    }

    static func difference(_ measure: DifferenceLoss.Measure, _ x: Inputs) -> Double {
        reduce(.mean, x, batch: 1, weights: 2) { i in
            let d = abs(x[0][i] - x[1][i])
            switch measure {
            case .l1: return d
            case .l2: return d * d
            case .huber(let delta):
                let delta = Double(delta)
                return d <= delta ? d * d / 2 : delta * (d - delta / 2)
            case .charbonnier(let epsilon): return hypot(d, Double(epsilon))
            case .negativePSNR: preconditionFailure("no sum of terms")
            }
        }
    }

    static func binaryCrossEntropy(_ reduction: LossReduction, _ x: Inputs, batch: Int) -> Double {
        reduce(reduction, x, batch: batch, weights: 2) { i in
            let p = 1 / (1 + exp(-x[0][i]))
            return -x[1][i] * log(p) - (1 - x[1][i]) * log(1 - p)
        }
    }

    static func gaussian(_ loss: GaussianNegativeLogLikelihood, _ x: Inputs, batch: Int) -> Double {
        reduce(loss.reduction, x, batch: batch, weights: 3) { i in
            let deviation = max(exp(x[1][i] / 2), Double(loss.deviationFloor))
            let density = exp(-pow((x[2][i] - x[0][i]) / deviation, 2) / 2) / deviation
            return -log(density) + (loss.includesConstant ? log(2 * Double.pi) / 2 : 0)
        }
    }

    static func divergence(_ x: Inputs, batch: Int, channels: Int, freeBits: Double) -> Double {
        var means = [Double](repeating: 0, count: channels)
        for i in x[0].indices {
            let (m, v) = (x[0][i], exp(x[1][i]))
            let (mp, vp) = x.count == 4 ? (x[2][i], exp(x[3][i])) : (0, 1)
            means[i % channels] += (log(vp / v) + (v + (m - mp) * (m - mp)) / vp - 1) / 2 / Double(batch)
        }
        return means.reduce(0) { $0 + max(freeBits, $1) }
    }

    static func prior(_ loss: PriorRegularization, _ x: Inputs, batch: Int) -> Double {
        var sum = 0.0
        for i in x[0].indices {
            let deviation = exp(x[1][i] / 2)
            sum += pow(x[0][i] / loss.meanDeviation, 2) / 2 - loss.deviationStrength * (log(deviation) - deviation)
        }
        return sum / Double(batch)
    }

    static func sparsity(_ target: Double, _ x: Inputs, channels: Int) -> Double {
        (0..<channels).reduce(0) { sum, c in
            let unit = stride(from: c, to: x[0].count, by: channels).map { x[0][$0] }
            let mean = unit.reduce(0, +) / Double(unit.count)
            return sum + target * log(target / mean) + (1 - target) * log((1 - target) / (1 - mean))
        }
    }

    static func activity(_ reduction: LossReduction, _ x: Inputs, batch: Int) -> Double {
        reduce(reduction, x, batch: batch, weights: 1) { abs(x[0][$0]) }
    }

    static func crossEntropy(_ loss: SoftmaxCrossEntropy, _ x: Inputs, channels: Int, pixels: Int) -> Double {
        let isSparse = loss.targets == .sparseDistributions
        let weights = isSparse ? 3 : 2
        var (sum, weightSum) = (0.0, 0.0)
        for pixel in 0..<pixels {
            // The whole distribution over the classes.
            var distribution: [Int: Double] = [:]
            for k in 0..<(x[1].count / pixels) {
                let place = pixel * (x[1].count / pixels) + k
                guard x[1][place] >= 0, x[1][place] < Double(channels) else { continue }
                distribution[Int(x[1][place]), default: 0] += isSparse ? x[2][place] : 1
            }
            guard let best = distribution.max(by: { $0.value < $1.value }) else { continue }
            let powers = (0..<channels).map { exp(x[0][pixel * channels + $0]) }
            var weight = Double(loss.classWeights?[best.key] ?? 1)
            if x.indices.contains(weights) { weight *= x[weights][pixel] }
            for (place, probability) in distribution {
                sum -= weight * probability * log(powers[place] / powers.reduce(0, +))
            }
            weightSum += weight
        }
        return weightSum == 0 ? 0 : sum / weightSum
    }
}
