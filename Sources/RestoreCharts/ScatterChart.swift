import RestoreText

/// Points of several classes in a plane, as a self-contained SVG picture with axes, ticks and a legend.
public struct ScatterChart: Sendable {
    /// Points that have one color.
    public struct Series: Sendable {
        public let name: String
        public let points: [(x: Double, y: Double)]

        public init(name: String, points: [(x: Double, y: Double)]) {
            (self.name, self.points) = (name, points)
        }
    }

    /// Arrows that have one color, a series of their own after the points.
    public struct Arrows: Sendable {
        public let name: String
        public let arrows: [(from: (x: Double, y: Double), to: (x: Double, y: Double))]

        public init(name: String, arrows: [(from: (x: Double, y: Double), to: (x: Double, y: Double))]) {
            (self.name, self.arrows) = (name, arrows)
        }
    }

    public let title: String
    public let horizontal: String
    public let vertical: String
    public let series: [Series]
    public let arrows: [Arrows]

    /// - Parameters:
    ///   - horizontal: what the axis shows; likewise vertical.
    ///   - series: those without finite points are left out.
    ///   - arrows: those that are not finite are left out.
    public init(title: String, horizontal: String, vertical: String, series: [Series], arrows: [Arrows] = []) {
        (self.title, self.horizontal, self.vertical) = (title, horizontal, vertical)
        self.series = series.map { Series(name: $0.name, points: $0.points.filter { $0.x.isFinite && $0.y.isFinite }) }
            .filter { !$0.points.isEmpty }
        self.arrows = arrows.map { one in
            let finite = one.arrows.filter {
                $0.from.x.isFinite && $0.from.y.isFinite && $0.to.x.isFinite && $0.to.y.isFinite
            }
            return Arrows(name: one.name, arrows: finite)
        }
        .filter { !$0.arrows.isEmpty }
    }

    /// The size of the picture in SVG's units.
    public static let size = (width: 960, height: 720)

    /// Distinct for most kinds of color vision, the first ten of Tableau's palette.
    private static let palette = [
        "#4e79a7", "#f28e2b", "#e15759", "#76b7b2", "#59a14f", "#edc948", "#b07aa1", "#ff9da7", "#9c755f", "#6b6b6b",
    ]
    private static let plot = (left: 86.0, top: 56.0, right: 820.0, bottom: 640.0)

    public var svg: String {
        let (width, height) = Self.size
        let (x, y) = (scale { $0.x }, scale { $0.y })
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(width) \(height)" width="\(width)" \
            height="\(height)" font-family="DejaVu Sans, Liberation Sans, Arial, sans-serif" font-size="16" \
            fill="#222222">
            <rect width="\(width)" height="\(height)" fill="#ffffff"/>
            <text x="\(Self.text(Self.plot.left))" y="34" font-size="20">\(xmlEscaped(title))</text>
            \(axes(x, y))
            \(points(x, y))
            \(arrowPaths(x, y))
            \(legend)
            </svg>

            """
    }

    private func scale(_ value: ((x: Double, y: Double)) -> Double) -> AxisScale {
        let ends = arrows.flatMap { $0.arrows.flatMap { [value($0.from), value($0.to)] } }
        let values = series.flatMap { $0.points.map(value) } + ends
        guard let least = values.min(), let greatest = values.max() else {
            return AxisScale(linear: 0...1, endsAtTicks: true)
        }
        // Dots on the frame would be cut.
        let margin = 0.02 * (greatest - least)
        return AxisScale(linear: least - margin...greatest + margin, endsAtTicks: false)
    }

    private func column(_ place: Double) -> Double { Self.plot.left + place * (Self.plot.right - Self.plot.left) }
    private func row(_ place: Double) -> Double { Self.plot.bottom - place * (Self.plot.bottom - Self.plot.top) }
    private static func text(_ number: Double) -> String { decimals(number, 1) }

    private func axes(_ x: AxisScale, _ y: AxisScale) -> String {
        let plot = Self.plot
        var lines: [String] = []
        for tick in x.ticks {
            let place = Self.text(column(tick.place))
            lines.append(
                #"<path d="M\#(place) \#(Self.text(plot.top))V\#(Self.text(plot.bottom))" stroke="gainsboro"/>"#
                    + #"<text x="\#(place)" y="\#(Self.text(plot.bottom + 24))" text-anchor="middle">"#
                    + "\(tick.label)</text>")
        }
        for tick in y.ticks {
            let place = row(tick.place)
            lines.append(
                #"<path d="M\#(Self.text(plot.left)) \#(Self.text(place))H\#(Self.text(plot.right))" "#
                    + #"stroke="gainsboro"/><text x="\#(Self.text(plot.left - 10))" y="\#(Self.text(place + 6))" "#
                    + #"text-anchor="end">\#(tick.label)</text>"#)
        }
        let middle = (x: (plot.left + plot.right) / 2, y: (plot.top + plot.bottom) / 2)
        lines.append(
            #"<rect x="\#(plot.left)" y="\#(plot.top)" width="\#(plot.right - plot.left)" "#
                + #"height="\#(plot.bottom - plot.top)" fill="none" stroke="dimgray"/>"#)
        lines.append(
            #"<text x="\#(Self.text(middle.x))" y="\#(Self.text(plot.bottom + 54))" text-anchor="middle">"#
                + "\(xmlEscaped(horizontal))</text>")
        lines.append(
            #"<text transform="translate(26 \#(Self.text(middle.y))) rotate(-90)" text-anchor="middle">"#
                + "\(xmlEscaped(vertical))</text>")
        return lines.joined(separator: "\n")
    }

    /// Drawn in turns, so that the last class does not hide the others.
    private func points(_ x: AxisScale, _ y: AxisScale) -> String {
        let count = series.reduce(0) { $0 + $1.points.count }
        let radius = count > 5000 ? 1.6 : count > 1000 ? 2.2 : 3.5
        let turns = 40
        var groups: [String] = []
        for turn in 0..<turns {
            for (index, one) in series.enumerated() {
                let part = stride(from: turn, to: one.points.count, by: turns).map { one.points[$0] }
                guard !part.isEmpty else { continue }
                // Round dots: lines without length with round ends.
                let dots = part.map { "M\(Self.text(column(x.place($0.x)))) \(Self.text(row(y.place($0.y))))h0" }
                groups.append(
                    #"<path d="\#(dots.joined())" stroke="\#(Self.color(index))" stroke-width="\#(2 * radius)" "#
                        + #"stroke-linecap="round" stroke-opacity="0.75"/>"#)
            }
        }
        return groups.joined(separator: "\n")
    }

    /// Lines with heads of two strokes.
    private func arrowPaths(_ x: AxisScale, _ y: AxisScale) -> String {
        arrows.enumerated().map { index, one in
            let path = one.arrows.map { arrow in
                let from = (x: column(x.place(arrow.from.x)), y: row(y.place(arrow.from.y)))
                let to = (x: column(x.place(arrow.to.x)), y: row(y.place(arrow.to.y)))
                let (dx, dy) = (to.x - from.x, to.y - from.y)
                let length = (dx * dx + dy * dy).squareRoot()
                let line = "M\(Self.text(from.x)) \(Self.text(from.y))L\(Self.text(to.x)) \(Self.text(to.y))"
                guard length > 0 else { return line }
                let head = min(7, 0.4 * length) / length
                let sides = [1.0, -1].map { side in
                    let place = (x: to.x - head * (dx - side * 0.6 * dy), y: to.y - head * (dy + side * 0.6 * dx))
                    return "M\(Self.text(to.x)) \(Self.text(to.y))L\(Self.text(place.x)) \(Self.text(place.y))"
                }
                return line + sides.joined()
            }
            return #"<path d="\#(path.joined())" fill="none" stroke="\#(Self.color(series.count + index))" "#
                + #"stroke-width="1.6" stroke-linecap="round"/>"#
        }.joined(separator: "\n")
    }

    private static func color(_ index: Int) -> String { palette[index % palette.count] }

    private var legend: String {
        (series.map(\.name) + arrows.map(\.name)).enumerated().map { index, name in
            let (x, y) = (Self.plot.right + 24, Self.plot.top + 12 + 26 * Double(index))
            return #"<circle cx="\#(x)" cy="\#(y)" r="7" fill="\#(Self.color(index))"/>"#
                + #"<text x="\#(x + 16)" y="\#(y + 6)">\#(xmlEscaped(name))</text>"#
        }.joined(separator: "\n")
    }
}

/// Text as it is written in XML.
func xmlEscaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
}
