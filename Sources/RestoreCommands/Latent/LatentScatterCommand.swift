import ArgumentParser
import RestoreCharts
import RestoreFiles
import RestoreImage
import RestoreLinearAlgebra
import RestoreText

/// A file for a chart: .svg, or .png by librsvg, which is loaded before the work starts.
struct ChartOutput {
    private let output: LatentOutputOptions
    private let renderer: SVGRenderer?

    /// - Throws: `SVGRendererError` if a PNG is asked for and librsvg is not installed.
    init(_ output: LatentOutputOptions) throws {
        self.output = output
        renderer = pathExtension(of: output.output).lowercased() == "svg" ? nil : try SVGRenderer()
    }

    func write(_ chart: ScatterChart) throws {
        guard let renderer else { return try output.write(Array(chart.svg.utf8)) }
        let size = ScatterChart.size
        try output.write(renderer.image(chart.svg, width: size.width, height: size.height, scale: 1.5))
    }
}

struct LatentScatterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scatter",
        abstract: "Draws the codes of pictures in a plane, colored by class.",
        discussion: """
            Codes of more than two units are shown by their first two principal components. The output is .svg or .png; a \
            PNG needs librsvg (Debian's librsvg2-2).
            """)

    @OptionGroup var model: LatentModelOptions
    @OptionGroup var data: LatentDataOptions
    @OptionGroup var output: LatentOutputOptions

    func run() throws {
        try reportingFailure {
            try output.check()
            let charts = try ChartOutput(output)
            let autoencoder = try model.load()
            let coded = try CodedPictures(data.pictures(model, for: autoencoder), by: autoencoder)
            let (points, axes) = try plane(coded.codes)
            let groups = Dictionary(grouping: points.indices) { coded.pictures[$0].label }
            let series = groups.sorted { ($0.key ?? -1) < ($1.key ?? -1) }.map { label, indices in
                ScatterChart.Series(name: label.map { "\($0)" } ?? "pictures", points: indices.map { points[$0] })
            }
            let chart = ScatterChart(
                title: "Codes of \(coded.codes.count) pictures by \(model.title)", horizontal: axes.0, vertical: axes.1,
                series: series)
            try charts.write(chart)
        }
    }

    private typealias Points = [(x: Double, y: Double)]

    private func plane(_ codes: [[Float]]) throws -> (points: Points, axes: (String, String)) {
        guard let size = codes.first?.count else { return ([], ("", "")) }
        if size == 1 { return (codes.map { (Double($0[0]), 0) }, ("code", "")) }
        if size == 2 { return (codes.map { (Double($0[0]), Double($0[1])) }, ("code 1", "code 2")) }
        let flat = codes.flatMap { $0 }
        let found = try flat.withUnsafeBufferPointer { try principalComponents($0, featureCount: size, count: 2) }
        let points: Points = codes.map { code in
            func coordinate(_ index: Int) -> Double {
                zip(zip(code, found.mean), found.component(index)).reduce(0) {
                    $0 + (Double($1.0.0) - Double($1.0.1)) * Double($1.1)
                }
            }
            return (coordinate(0), coordinate(1))
        }
        let names = found.explainedVariance.prefix(2).enumerated().map { index, variance in
            "principal component \(index + 1) (\(decimals(100 * variance / found.totalVariance, 0)) % of the variance)"
        }
        return (points, (names[0], names[1]))
    }
}
