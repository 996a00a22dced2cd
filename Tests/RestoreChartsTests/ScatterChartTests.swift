import RestoreCharts
import RestoreImage
import Testing

@Suite struct ScatterChartTests {
    private let chart = ScatterChart(
        title: "A & B", horizontal: "first <unit>", vertical: "second",
        series: [
            .init(name: "0", points: [(x: -10, y: 0), (x: 10, y: 100)]),
            .init(name: "none", points: [(x: .nan, y: 1)]),
            .init(name: "7", points: [(x: 0, y: 50)]),
        ])

    @Test func itNamesItsAxesTicksAndClasses() {
        let svg = chart.svg
        #expect(svg.hasPrefix("<svg xmlns=") && svg.contains("A &amp; B</text>"))
        #expect(svg.contains("first &lt;unit&gt;</text>") && svg.contains(">second</text>"))
        for tick in ["-10", "-5", "0", "5", "10", "50", "100"] { #expect(svg.contains(">\(tick)</text>"), "\(tick)") }
        // Classes without a point that can be drawn have no entry.
        #expect(svg.contains(">7</text>") && !svg.contains(">none</text>") && chart.series.count == 2)
        #expect(svg.split(separator: "<circle").count == 3)
    }

    @Test func aChartWithoutPointsHasAxes() {
        let svg = ScatterChart(title: "", horizontal: "x", vertical: "y", series: []).svg
        #expect(svg.contains(">0.5</text>") && !svg.contains("<circle"))
    }

    @Test func arrowsHaveHeadsAColorAndAnEntry() {
        let svg = ScatterChart(
            title: "", horizontal: "x", vertical: "y", series: [.init(name: "points", points: [(x: 0, y: 0)])],
            arrows: [
                .init(
                    name: "field",
                    arrows: [
                        (from: (x: 0, y: 0), to: (x: 10, y: 10)), (from: (x: .nan, y: 0), to: (x: 1, y: 1)),
                        (from: (x: 5, y: 5), to: (x: 5, y: 5)),
                    ]), .init(name: "none", arrows: []),
            ]
        ).svg
        #expect(svg.contains(">field</text>") && !svg.contains(">none</text>"))
        // The second color: a line with two strokes for the head, and one without length.
        let path = svg.split(separator: "\n").first { $0.contains(##"fill="none" stroke="#f28e2b""##) }
        #expect(path?.count { $0 == "M" } == 4 && svg.contains(">10</text>"), "the axes hold the ends")
    }

    private static let canRender = (try? SVGRenderer()) != nil

    @Test(.enabled(if: canRender, "librsvg is not installed")) func itIsRendered() throws {
        let size = ScatterChart.size
        let image = try SVGRenderer().image(chart.svg, width: size.width, height: size.height, scale: 0.5)
        #expect((image.width, image.height) == (480, 360))
        guard case .uint8(let samples) = image.samples else {
            Issue.record("not of 8 bits")
            return
        }
        #expect(samples[0...2].allSatisfy { $0 == 255 }, "the background is white")
        // The middle of the plot holds the dot of class 7, in the palette's second color: more red than blue.
        let place = 3 * (174 * 480 + 226)
        let near = (-4...4).flatMap { y in (-4...4).map { x in place + 3 * (y * 480 + x) } }
        #expect(near.contains { Int(samples[$0]) - Int(samples[$0 + 2]) > 60 }, "no orange dot")
    }

    @Test(.enabled(if: canRender, "librsvg is not installed")) func whatIsNoSVGIsRefused() throws {
        #expect(throws: SVGRendererError.notRendered(reason: "librsvg does not read it")) {
            try SVGRenderer().image("no picture", width: 10, height: 10, scale: 1)
        }
    }
}
