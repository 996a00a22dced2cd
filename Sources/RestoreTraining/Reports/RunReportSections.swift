import RestoreText

extension RunReport {
    // MARK: The head of the page

    var header: String {
        let (name, style, reason): (String, String, String?) =
            switch state {
            case .running: ("Running", "running", nil)
            case .finished(let reason): ("Finished", "finished", reason)
            case .stopped(let reason): ("Stopped", "stopped", reason)
            case .failed(let reason): ("Failed", "failed", reason)
            }
        let pill = #"<span class="state \#(style)">\#(name)</span>"#
        let because = reason.map { #"<p class="reason">\#(escaped($0))</p>\#n"# } ?? ""
        return """
            <header>
            <div class="title"><h1>\(escaped(title))</h1> \(pill)</div>
            \(because)<p class="progress">\(progress.map { "<span>\(escaped($0))</span>" }.joined(separator: " · "))</p>
            \(progressBar)</header>

            """
    }

    private var step: Int { rows.last?.step ?? 0 }

    private var progress: [String] {
        var parts = ["Step " + grouped(step) + (plannedSteps.map { " of " + grouped($0) } ?? "")]
        if let secondsLeft { parts.append("about \(duration(secondsLeft)) left") }
        if let timestamp { parts.append("as of " + universalTime(timestamp)) }
        return parts
    }

    /// At the speed of the most recent rows.
    private var secondsLeft: Double? {
        guard state == .running, let plannedSteps, let (first, last) = newestRows, last.step > first.step else {
            return nil
        }
        return (last.seconds - first.seconds) / Double(last.step - first.step) * Double(max(0, plannedSteps - step))
    }

    private var newestRows: (first: MetricsRow, last: MetricsRow)? {
        let newest = rows.suffix(20)
        guard let first = newest.first, let last = newest.last, last.seconds > first.seconds else { return nil }
        return (first, last)
    }

    private var progressBar: String {
        guard let plannedSteps, plannedSteps > 0 else { return "" }
        let share = decimals(min(100, 100 * Double(step) / Double(plannedSteps)), 2)
        return #"<div class="bar"><i style="width:\#(share)%"></i></div>\#n"#
    }

    var tiles: String {
        guard let last = rows.last else { return #"<p class="empty">No step has been reported yet.</p>\#n"# }
        var tiles: [(label: String, value: String, remark: String)] = []
        if let best = bestRow, let score = best.validation?.first, let metric = measures.score {
            tiles.append(("Best validation", metric.text(score), "at step \(grouped(best.step))"))
        }
        let loss = Curve(rows) { $0.loss }
        let smoothed = loss.smoothed?.points.last?.y
        tiles.append(("Training loss", significant(smoothed ?? last.loss), smoothed == nil ? "" : "smoothed"))
        tiles.append(("Time trained", duration(last.seconds), ""))
        tiles.append(("Trained on", grouped(last.work), measures.workUnit))
        if let (first, last) = newestRows {
            let rate = (last.work - first.work) / (last.seconds - first.seconds)
            tiles.append(("Speed", significant(rate, digits: 3), "\(measures.workUnit) per second"))
        }
        let html = tiles.map { tile in
            let remark = tile.remark.isEmpty ? "" : " <small>\(escaped(tile.remark))</small>"
            return "<div><dt>\(escaped(tile.label))</dt><dd>\(escaped(tile.value))\(remark)</dd></div>\n"
        }
        return "<dl class=\"tiles\">\n\(html.joined())</dl>\n"
    }

    // MARK: Curves

    var charts: String {
        guard !rows.isEmpty else { return "" }
        let steps = Double(step)
        let validations = measures.metrics.enumerated().map { index, metric in
            Chart(
                title: "Validation \(metric.title)", unit: metric.unit, curve: Curve(rows) { $0.validation?[index] },
                axis: .fitted, lastStep: steps, marksBest: true, direction: metric.direction)
        }
        let terms = measures.listedTerms.enumerated().map { index, name in
            Chart(
                title: "Training \(name)", unit: "", curve: Curve(rows) { $0.terms[index] }, axis: .fitted,
                lastStep: steps)
        }
        let loss = Chart(
            title: "Training loss", unit: "", curve: Curve(rows) { $0.loss }, axis: .fitted, lastStep: steps)
        let others = [
            Chart(
                title: "Learning rate", unit: "", curve: Curve(rows) { $0.learningRate }, axis: .fromZero,
                lastStep: steps, isSmooth: true, style: "third"),
            Chart(
                title: "Gradient norm", unit: "before clipping", curve: Curve(rows) { $0.gradientNorm }, axis: .fitted,
                lastStep: steps, style: "third"),
            Chart(
                title: "Speed", unit: "\(measures.workUnit) per second", curve: .speed(rows), axis: .fromZero,
                lastStep: steps,
                style: "third"),
        ]
        let figures = validations + [loss] + terms + others
        return "<section class=\"charts\">\n\(figures.map(\.html).joined())</section>\n"
    }

    // MARK: Images

    var sampleSection: String {
        guard !samples.isEmpty else { return "" }
        var bytes = 0
        let shown = samples.prefix { sample in
            bytes += sample.png.count
            return bytes <= Self.maximumSampleBytes
        }
        let left = samples.count - shown.count
        let more = "<p class=\"remark\">\(grouped(left)) more in the folder <code>samples</code>.</p>\n"
        // Small images such as CIFAR's are easier to judge when enlarged pixel by pixel.
        let areSmall = shown.allSatisfy { sample in
            pngSize(sample.png).map { max($0.width, $0.height) <= 128 } ?? false
        }
        let heading = "Samples" + (sampleStep.map { " at step " + grouped($0) } ?? "")
        return section(
            heading,
            "<div class=\"\(areSmall ? "samples small" : "samples")\">\n\(shown.map { figure($0) }.joined())</div>\n"
                + (left == 0 ? "" : more))
    }

    private func figure(_ sample: Sample) -> String {
        let sides = pngSize(sample.png).map { #" width="\#($0.width)" height="\#($0.height)""# } ?? ""
        let name = escaped(sample.name)
        return """
            <figure><img src="\(pngAddress(sample.png))"\(sides) alt="\(name)">
            <figcaption>\(name)</figcaption></figure>

            """
    }

    // MARK: Tables

    /// The first row with the best score.
    private var bestRow: MetricsRow? {
        guard let metric = measures.score else { return nil }
        return rows.reduce(nil) { best, row in
            guard let score = row.validation?.first, !score.isNaN else { return best }
            return best?.validation?.first.map { metric.isBetter(score, than: $0) } ?? true ? row : best
        }
    }

    var validationSection: String {
        let validated = rows.filter { $0.validation != nil }
        guard !validated.isEmpty else { return "" }
        let best = bestRow?.step
        // Newest first, which is what matters while a run is active.
        let lines = validated.reversed().map { row in
            let isBest = row.step == best
            let scores = zip(measures.metrics, row.validation ?? []).enumerated().map { index, measured in
                decimals(measured.1, measured.0.decimals + 1) + (isBest && index == 0 ? " <b>best</b>" : "")
            }
            let cells =
                [grouped(row.step)] + scores
                + [significant(row.loss), significant(row.learningRate), duration(row.seconds)]
            return "<tr\(isBest ? " class=\"best\"" : "")><td>\(cells.joined(separator: "</td><td>"))</td></tr>\n"
        }
        let scores = measures.metrics.map { $0.unit.isEmpty ? $0.title : "\($0.title), \($0.unit)" }
        let names = ["Step"] + scores + ["Loss", "Learning rate", "Time"]
        return section("Validations", table(names, lines, style: "numbers"))
    }

    var dataSection: String {
        guard !dataSets.isEmpty else { return "" }
        let lines = dataSets.map { set in
            """
            <tr><td class="path">\(escaped(set.name))</td><td>\(escaped(set.role))</td>\
            <td class="number">\(grouped(set.pictureCount))</td>\
            <td class="number">\(grouped(set.skipped.count))</td></tr>

            """
        }
        let skipped = dataSets.flatMap(\.skipped)
        // A folder of broken files must not fill the page.
        let named = skipped.prefix(200).map { "<li>\(escaped($0))</li>\n" }.joined()
        let more = skipped.count > 200 ? "<li>and \(grouped(skipped.count - 200)) more</li>\n" : ""
        let list = """
            <details><summary>Skipped files (\(grouped(skipped.count)))</summary>
            <ul class="path">
            \(named)\(more)</ul>
            </details>

            """
        let sets = table(["Data set", "Use", "Pictures", "Skipped"], lines, style: "sets")
        return section("Data", sets + (skipped.isEmpty ? "" : list))
    }

    var factSection: String {
        guard !facts.isEmpty else { return "" }
        let lines = facts.map { "<div><dt>\(escaped($0.label))</dt><dd>\(escaped($0.value))</dd></div>\n" }
        return section("Facts", "<dl class=\"facts\">\n\(lines.joined())</dl>\n")
    }

    var configurationSection: String {
        guard !configuration.isEmpty else { return "" }
        return section(
            "Configuration",
            "<details><summary>Every setting</summary>\n<pre><code>\(escaped(configuration))</code></pre>\n</details>\n"
        )
    }

    private func section(_ heading: String, _ content: String) -> String {
        "<section>\n<h2>\(escaped(heading))</h2>\n\(content)</section>\n"
    }

    private func table(_ names: [String], _ lines: [String], style: String) -> String {
        let head = names.map { "<th scope=\"col\">\(escaped($0))</th>" }.joined()
        return """
            <div class="scroll" tabindex="0">
            <table class="\(style)">
            <thead><tr>\(head)</tr></thead>
            <tbody>
            \(lines.joined())</tbody>
            </table>
            </div>

            """
    }
}
