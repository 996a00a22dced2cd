import RestoreCharts
import RestoreText

/// A figure of one curve over the steps: lines in SVG, which stretch with the page, and labels in HTML, which do not,
/// so that both are readable on a phone and on a desktop.
struct Chart {
    enum Axis {
        /// Starts at zero.
        case fromZero
        /// As narrow as the values allow; logarithmic if they span decades. If the first values are far from all
        /// others, as those of a loss are, the curve enters from outside the plot.
        case fitted
    }

    let title: String
    let unit: String
    let curve: Curve
    let axis: Axis
    /// The last step on the x axis.
    let lastStep: Double
    /// A curve of few values that matter individually: drawn as dots, with the maximum marked.
    var marksBest = false
    /// Which of the values is the best.
    var direction = Metric.Direction.higherIsBetter
    /// Already smooth, like a schedule.
    var isSmooth = false
    /// The width of the figure, in thirds or halves of the page; see the style sheet.
    var style = "half"

    /// Up to four times as many points are drawn, which is more than a screen has columns.
    private static let columns = 300
    private static let size = (width: 1000.0, height: 400.0)

    /// The figure, or an empty string if there is nothing to draw.
    var html: String {
        guard let vertical = verticalScale else { return "" }
        let horizontal = AxisScale(linear: 0...max(lastStep, 1), endsAtTicks: false, label: stepLabel)
        let smoothed = marksBest || isSmooth ? nil : curve.smoothed
        let legend = legend(isSmoothed: smoothed != nil)
        return """
            <figure class="chart \(style)">
            <figcaption><h3>\(escaped(title))</h3> <span class="unit">\(escaped(unit))</span>\(legend)</figcaption>
            <div class="plot">
            <div class="y" aria-hidden="true">\(labels(vertical) { "bottom:\(percent($0))" })</div>
            <div class="area">\(picture(horizontal, vertical, smoothed))\(marks(horizontal, vertical))</div>
            <div class="x" aria-hidden="true">\(labels(horizontal) { "left:\(percent($0))" })</div>
            <div class="axis">step</div>
            </div>
            </figure>

            """
    }

    private func legend(isSmoothed: Bool) -> String {
        if marksBest, let best {
            return #"<span class="legend best"><i class="dot best"></i>best \#(escaped(remark(best)))</span>"#
        }
        return isSmoothed ? #"<span class="legend"><i class="faint"></i>measured <i></i>smoothed</span>"# : ""
    }

    private var verticalScale: AxisScale? {
        guard let all = curve.range() else { return nil }
        switch axis {
        case .fromZero:
            return AxisScale(linear: min(0, all.lowerBound)...max(all.upperBound, 0), endsAtTicks: true)
        case .fitted:
            let (range, later) = (fittedRange(curve), fittedRange(curve.withoutStart))
            guard let range = range ?? later else { return nil }
            let isSteep = later.map { $0.upperBound - $0.lowerBound < 0.3 * (range.upperBound - range.lowerBound) }
            let shown = isSteep == true ? later ?? range : range
            return AxisScale(logarithmic: shown) ?? AxisScale(linear: shown, endsAtTicks: true)
        }
    }

    /// Among many values, a few outliers would flatten the rest; among few, each matters.
    private func fittedRange(_ curve: Curve) -> ClosedRange<Double>? {
        guard curve.points.count >= 300, let line = curve.smoothed?.range(),
            let range = curve.range(from: 0.003, to: 0.997)
        else { return curve.range() }
        return min(range.lowerBound, line.lowerBound)...max(range.upperBound, line.upperBound)
    }

    private func labels(_ scale: AxisScale, _ place: (Double) -> String) -> String {
        scale.ticks.map { #"<span style="\#(place($0.place))">\#(escaped($0.label))</span>"# }.joined()
    }

    private func picture(_ horizontal: AxisScale, _ vertical: AxisScale, _ smoothed: Curve?) -> String {
        let (width, height) = Self.size
        let lines = vertical.ticks.map { "M0 \(decimals(height * (1 - $0.place), 1))H\(Int(width))" }.joined()
        func path(_ curve: Curve, _ name: String) -> String {
            let points = curve.thinned(columns: Self.columns).points.map { point in
                // Positions far outside are clamped to keep coordinates within a renderer's range.
                let y = min(max(vertical.place(point.y), -9), 9)
                return "\(decimals(width * horizontal.place(point.x), 1)) \(decimals(height * (1 - y), 1))"
            }
            return #"<path class="\#(name)" d="M\#(points.joined(separator: "L"))"/>"#
        }
        let curves = smoothed.map { path(curve, "faint") + path($0, "line") } ?? path(curve, "line")
        return """
            <svg viewBox="0 0 \(Int(width)) \(Int(height))" preserveAspectRatio="none" role="img" \
            aria-label="\(escaped(summary))"><path class="grid" d="\(lines)"/>\(curves)</svg>
            """
    }

    /// The dots of a curve of few values, and the mark for the best one.
    private func marks(_ horizontal: AxisScale, _ vertical: AxisScale) -> String {
        guard let best else { return "" }
        func dot(_ point: Curve.Point, _ style: String) -> String {
            let place = "left:\(percent(horizontal.place(point.x)));bottom:\(percent(vertical.place(point.y)))"
            return #"<i class="\#(style)" style="\#(place)" title="\#(escaped(remark(point)))"></i>"#
        }
        // A line through a single point has no length and would be invisible.
        guard marksBest else { return curve.points.count == 1 ? dot(best, "dot") : "" }
        // More dots than these would overlap on a phone.
        let others = curve.points.count > 40 ? [] : curve.points.filter { vertical.place($0.y) >= 0 }
        return others.map { dot($0, "dot") }.joined() + dot(best, "dot best")
    }

    private func remark(_ point: Curve.Point) -> String {
        "\(decimals(point.y, 2)) \(unit) at step \(grouped(point.x))"
    }

    /// The first occurrence of the maximum.
    private var best: Curve.Point? {
        curve.points.dropFirst().reduce(curve.points.first) { best, point in
            best.map { (direction == .higherIsBetter ? point.y > $0.y : point.y < $0.y) ? point : $0 }
        }
    }

    /// A description of the figure in words.
    private var summary: String {
        guard let last = curve.points.last else { return title }
        let value = decimals(last.y, 4)
        return "\(title): \(grouped(curve.points.count)) values up to step \(grouped(last.x)), the last \(value)"
    }
}

private func percent(_ share: Double) -> String { "\(decimals(100 * share, 2))%" }
