import Glibc
import RestoreNN

/// Distributions of points in the plane, on which a denoising autoencoder can be seen to work.
public enum PlaneDensity: String, CaseIterable, Sendable {
    /// Evenly on the unit circle.
    case circle
    /// Evenly along one and a half turns.
    case spiral
    /// Three normal distributions, whose score ∇log p is known.
    case mixture

    /// A component of the mixture; all have the same weight.
    private struct Component {
        let mean: SIMD2<Double>
        let deviation: Double
    }

    private static let components = [
        Component(mean: SIMD2(-0.9, -0.4), deviation: 0.35), Component(mean: SIMD2(0.8, -0.6), deviation: 0.25),
        Component(mean: SIMD2(0.1, 0.9), deviation: 0.3),
    ]

    public func draw(using generator: inout SeededGenerator) -> SIMD2<Double> {
        guard self == .mixture else { return point(generator.uniform()) }
        let component = Self.components[generator.index(below: Self.components.count)]
        return component.mean + component.deviation * SIMD2(generator.normal(), generator.normal())
    }

    /// The manifold at a place in 0…1.
    private func point(_ place: Double) -> SIMD2<Double> {
        guard self == .spiral else { return SIMD2(cos(2 * .pi * place), sin(2 * .pi * place)) }
        // The length along an Archimedean spiral from its middle grows about as the square of the angle.
        let angle = 3 * .pi * (0.08 + 0.92 * place).squareRoot()
        return angle / (3 * .pi) * 1.3 * SIMD2(cos(angle), sin(angle))
    }

    /// How far a point is from the circle or the spiral; nil for the mixture, which is everywhere.
    public func distance(to point: SIMD2<Double>) -> Double? {
        guard self != .mixture else { return nil }
        let squares = (0...2000).map { index in
            let difference = point - self.point(Double(index) / 2000)
            return (difference * difference).sum()
        }
        return squares.min()?.squareRoot()
    }

    /// ∇log of the density with normal noise of deviation `noise` added, in closed form; nil unless it is the mixture.
    public func score(at point: SIMD2<Double>, noise: Double) -> SIMD2<Double>? {
        guard self == .mixture else { return nil }
        var (total, sum) = (0.0, SIMD2<Double>.zero)
        for component in Self.components {
            let variance = component.deviation * component.deviation + noise * noise
            let difference = component.mean - point
            let density = exp(-0.5 * (difference * difference).sum() / variance) / variance
            total += density
            sum += density / variance * difference
        }
        return total > 0 ? sum / total : .zero
    }
}
