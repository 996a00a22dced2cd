import ArgumentParser
import RestoreCharts
import RestoreModels
import RestoreNN
import RestoreText

extension PlaneDensity: ExpressibleByArgument {}

struct LatentFieldCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "field",
        abstract: "Draws where a denoising autoencoder moves points of a plane.",
        discussion: """
            Trains a small one on points of a known distribution, and draws g(f(x)) - x at the points of a grid: it points back \
            to where points are likely. For the mixture of normal distributions it is drawn beside noise² ∇log p, and the \
            agreement of both is printed. The output is .svg or .png, which needs librsvg. It takes some seconds.
            """)

    @Option(help: "Where the points come from.")
    var density = PlaneDensity.spiral

    @Option(help: "Standard deviation of the noise that it learns to remove.")
    var noise = PlaneDenoiser.Settings().noise

    @Option(help: "Steps of its training.")
    var steps = PlaneDenoiser.Settings().steps

    @Option(help: "The same seed gives the same field.")
    var seed: UInt64 = 1

    @Flag(help: "Print a JSON record to stdout.")
    var json = false

    @OptionGroup var output: LatentOutputOptions
    @OptionGroup var threads: ThreadOptions

    /// Of the plane, from −`reach` to `reach`, and points of the grid.
    private static let reach = 1.6
    private static let side = 21
    private static let shownPoints = 1500
    private static let comparedPoints = 2000

    func validate() throws {
        guard (0.01...1).contains(noise) else { throw ValidationError("--noise takes 0.01 to 1.") }
        guard (1...1_000_000).contains(steps) else { throw ValidationError("--steps takes 1 to 1000000.") }
    }

    func run() throws {
        try reportingFailure {
            try output.check()
            let charts = try ChartOutput(output)
            Interruption.watch()
            var settings = PlaneDenoiser.Settings()
            (settings.noise, settings.steps, settings.seed) = (noise, steps, seed)
            let denoiser = try PlaneDenoiser(density, settings: settings, pool: threads.pool) { _ in
                try Interruption.check()
            }
            try charts.write(chart(denoiser))
            try report(denoiser)
        }
    }

    private func chart(_ denoiser: PlaneDenoiser) throws -> ScatterChart {
        let ticks = (0..<Self.side).map { Self.reach * (2 * Double($0) / Double(Self.side - 1) - 1) }
        let grid = ticks.flatMap { y in ticks.map { SIMD2($0, y) } }
        var generator = SeededGenerator(seed: seed, path: stableHash("shown"))
        let points = (0..<Self.shownPoints).map { _ in density.draw(using: &generator) }
        func arrows(_ name: String, _ field: [SIMD2<Double>]) -> ScatterChart.Arrows {
            .init(
                name: name,
                arrows: zip(grid, field).map { (from: ($0.x, $0.y), to: ($0.x + $1.x, $0.y + $1.y)) })
        }
        var all = [arrows("g(f(x)) − x", try denoiser.field(at: grid))]
        let scores = grid.compactMap { density.score(at: $0, noise: noise) }
        if scores.count == grid.count { all.append(arrows("σ²∇log p", scores.map { noise * noise * $0 })) }
        return ScatterChart(
            title: "Denoising autoencoder, noise \(decimals(noise, 2)), on a \(density.rawValue)", horizontal: "x₁",
            vertical: "x₂", series: [.init(name: "points", points: points.map { ($0.x, $0.y) })], arrows: all)
    }

    private struct Record: Encodable {
        let density: String
        let noise: Double
        let seed: UInt64
        /// Of a manifold: the mean distance of noisy points from it, and after one step along the field.
        var distanceBefore: Double?
        var distanceAfter: Double?
        /// Of a mixture.
        var relativeError: Double?
        var cosine: Double?
    }

    /// Measured at noisy points, as it is trained on.
    private func report(_ denoiser: PlaneDenoiser) throws {
        var generator = SeededGenerator(seed: seed, path: stableHash("compared"))
        let points = (0..<Self.comparedPoints).map { _ in
            density.draw(using: &generator) + noise * SIMD2(generator.normal(), generator.normal())
        }
        let field = try denoiser.field(at: points)
        var record = Record(density: density.rawValue, noise: noise, seed: seed)
        var line = ""
        if let agreement = FieldAgreement(field, points: points, density: density, noise: noise) {
            (record.relativeError, record.cosine) = (agreement.relativeError, agreement.cosine)
            line = """
                g(f(x)) - x and noise² ∇log p at \(points.count) noisy points: relative error \
                \(decimals(agreement.relativeError, 3)), cosine \(decimals(agreement.cosine, 4))
                """
        } else {
            func mean(_ points: [SIMD2<Double>]) -> Double {
                points.reduce(0) { $0 + (density.distance(to: $1) ?? 0) } / Double(points.count)
            }
            let (before, after) = (mean(points), mean(zip(points, field).map { $0 + $1 }))
            (record.distanceBefore, record.distanceAfter) = (before, after)
            line = """
                mean distance of \(points.count) noisy points from the \(density.rawValue): \(decimals(before, 3)), of what \
                they become \(decimals(after, 3))
                """
        }
        try printLines([json ? jsonLine(record) : line])
    }
}
