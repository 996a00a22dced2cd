import Glibc

/// Values over steps, as drawn by a chart.
struct Curve {
    struct Point: Equatable {
        let x: Double
        let y: Double
    }

    /// Finite, in ascending order of x.
    let points: [Point]

    init(_ points: [Point]) {
        // Far below the limits of the format, so that differences between values, and fractions of them, are finite
        // too.
        self.points = points.filter { abs($0.x) < 1e100 && abs($0.y) < 1e100 }
            .map { abs($0.y) < 1e-100 ? Point(x: $0.x, y: 0) : $0 }
    }

    init(_ rows: [MetricsRow], _ value: (MetricsRow) -> Double?) {
        self.init(rows.compactMap { row in value(row).map { Point(x: Double(row.step), y: $0) } })
    }

    /// Work per second between each row and the previous one.
    static func speed(_ rows: [MetricsRow]) -> Curve {
        Curve(
            zip(rows, rows.dropFirst()).compactMap { previous, row in
                let seconds = row.seconds - previous.seconds
                guard seconds > 0 else { return nil }
                return Point(x: Double(row.step), y: (row.work - previous.work) / seconds)
            })
    }

    /// The exponential moving average with a time constant of 2% of the steps, in which the first values have no more
    /// weight than others (divided by the sum of the weights, as in Adam: Kingma and Ba 2015, section 3).
    ///
    /// Nil for fewer than thirty points, which are few enough to be seen individually.
    var smoothed: Curve? {
        guard points.count >= 30, let first = points.first, let last = points.last else { return nil }
        let constant = max(0.02 * (last.x - first.x), 2 * (last.x - first.x) / Double(points.count))
        guard constant > 0 else { return nil }
        var (sum, weight, previous) = (0.0, 0.0, first.x)
        return Curve(
            points.map { point in
                let kept = exp((previous - point.x) / constant)
                previous = point.x
                sum = kept * sum + point.y
                weight = kept * weight + 1
                return Point(x: point.x, y: sum / weight)
            })
    }

    /// At most four points in each of `columns` equal parts of the x axis, which look the same when drawn: the first,
    /// the minimum, the maximum and the last (Jugel et al., "M4", VLDB 2014).
    func thinned(columns: Int) -> Curve {
        guard points.count > 4 * columns, let first = points.first, let last = points.last, last.x > first.x else {
            return self
        }
        var kept: [Point] = []
        var start = 0
        while start < points.count {
            let column = Self.column(points[start].x, first.x, last.x, columns)
            var end = start + 1
            while end < points.count, Self.column(points[end].x, first.x, last.x, columns) == column { end += 1 }
            let part = start..<end
            let extremes = [
                part.min { points[$0].y < points[$1].y } ?? start, part.max { points[$0].y < points[$1].y } ?? start,
            ]
            kept += Set([start, end - 1] + extremes).sorted().map { points[$0] }
            start = end
        }
        return Curve(kept)
    }

    private static func column(_ x: Double, _ first: Double, _ last: Double, _ columns: Int) -> Int {
        min(columns - 1, Int((x - first) / (last - first) * Double(columns)))
    }

    /// Everything after the first tenth of the steps.
    var withoutStart: Curve {
        guard let first = points.first, let last = points.last else { return self }
        return Curve(points.filter { $0.x >= first.x + 0.1 * (last.x - first.x) })
    }

    /// The values between two quantiles; nil if there are none.
    func range(from low: Double = 0, to high: Double = 1) -> ClosedRange<Double>? {
        guard !points.isEmpty else { return nil }
        let sorted = points.map(\.y).sorted()
        func value(_ share: Double) -> Double { sorted[Int((share * Double(sorted.count - 1)).rounded())] }
        return value(low)...value(high)
    }
}
