import FoundationEssentials
import RestoreTraining
import Testing

@Suite struct RunReportTests {
    private func row(
        _ step: Int, loss: Double = 0.02, score: Double? = nil, seconds: Double? = nil
    ) -> MetricsRow {
        MetricsRow(
            step: step, loss: loss, learningRate: 0.001, gradientNorm: 0.5, validation: score.map { [$0] },
            seconds: seconds ?? Double(step), work: 2 * Double(step))
    }

    private func report(
        _ rows: [MetricsRow], state: RunReport.State = .running, plannedSteps: Int? = nil
    ) -> RunReport {
        RunReport(title: "run", state: state, plannedSteps: plannedSteps, configuration: "seed: 1\n",
            measures: RunMeasures(terms: ["loss"], metrics: [.psnr], workUnit: "megapixels"), rows: rows)
    }

    /// What stands between the tags of each `<name …>…</name>`.
    private func contents(_ name: String, in html: String) -> [String] {
        html.split(separator: "<\(name)").dropFirst().compactMap { part in
            part.split(separator: ">", maxSplits: 1, omittingEmptySubsequences: false).last.map {
                String($0.prefix(upTo: $0.firstRange(of: "</\(name)>")?.lowerBound ?? $0.endIndex))
            }
        }
    }

    /// The points of each line drawn, in the units of its picture.
    private func lines(_ html: String, title: String) -> [[(x: Double, y: Double)]] {
        guard let figure = contents("figure", in: html).first(where: { $0.contains("<h3>\(title)</h3>") }) else {
            return []
        }
        return figure.split(separator: " d=\"M").dropFirst(2).map { path in
            path.prefix { $0 != "\"" }.split(separator: "L").map { point in
                let numbers = point.split(separator: " ").compactMap { Double($0) }
                return (numbers[0], numbers[1])
            }
        }
    }

    /// Every tag that opens is closed, in the right order; nothing of HTML's forgiveness is needed.
    private func expectBalanced(_ html: String, _ location: SourceLocation = #_sourceLocation) {
        var open: [Substring] = []
        for part in html.split(separator: "<").dropFirst() where !part.hasPrefix("!") {
            let name = part.prefix { $0.isLetter || $0.isNumber || $0 == "/" }
            if name.hasPrefix("/") {
                #expect(open.popLast() == name.dropFirst(), sourceLocation: location)
            } else if !["meta", "img", "path"].contains(name) {
                open.append(name)
            }
        }
        #expect(open.isEmpty, sourceLocation: location)
    }

    private static let png: [UInt8] =
        [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13] + Array("IHDR".utf8)
        + [0, 0, 2, 0, 0, 0, 1, 0, 8, 2, 0, 0, 0]

    private var full: RunReport {
        var report = report((1...400).map { row($0, loss: 1 / Double($0), score: $0 % 20 == 0 ? 30 : nil) })
        report.samples = [RunReport.Sample(name: "coast", png: Self.png)]
        report.dataSets = [
            RunReport.DataSet(name: "photos", role: "training", pictureCount: 1234, skipped: ["photos/a.png: broken"])
        ]
        report.facts = [RunReport.Fact("Threads", "4")]
        return report
    }

    // MARK: The page as a whole

    @Test func thePageLoadsNothingAndRunsNothing() {
        let html = full.html()
        expectBalanced(html)
        #expect(html.contains("default-src 'none'; style-src 'unsafe-inline'; img-src data:"))
        for word in ["http:", "https:", "<script", "<link", "@import", "url(", " on"] {
            let found = html.ranges(of: word).filter { range in
                // Handlers such as onload="…", not words.
                word != " on" || html[range.upperBound...].prefix(20).contains("=\"")
            }
            #expect(found.isEmpty, "\(word)")
        }
        #expect(html.contains("prefers-color-scheme: dark") && html.contains("width=device-width"))
        #expect(full.html() == html)
    }

    @Test func everyTextIsEscaped() {
        let evil = "<script>alert(\"1\")</script> & 'x' \u{0}\u{1B}"
        let shown = "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;x&#39; \u{FFFD}\u{FFFD}"
        var report = full
        report.title = evil
        report.state = .failed(reason: evil)
        report.configuration = evil
        report.samples = [RunReport.Sample(name: evil, png: Self.png)]
        report.dataSets = [RunReport.DataSet(name: evil, role: evil, pictureCount: 1, skipped: [evil])]
        report.facts = [RunReport.Fact(evil, evil)]
        let html = report.html()
        expectBalanced(html)
        #expect(!html.contains("<script") && !html.contains("\u{0}"))
        // Title twice, reason, configuration, sample twice, data set twice, skipped file, fact twice.
        #expect(html.ranges(of: shown).count == 11)
    }

    @Test(arguments: [
        (RunReport.State.running, "Running", ""), (.finished(), "Finished", ""),
        (.finished(reason: "time limit"), "Finished", "time limit"), (.stopped(reason: "SIGINT"), "Stopped", "SIGINT"),
        (.failed(reason: "disk full"), "Failed", "disk full"),
    ])
    func theStateAndItsReasonAreSaid(state: RunReport.State, name: String, reason: String) throws {
        let header = try #require(contents("header", in: report([row(5)], state: state).html()).first)
        #expect(header.contains(">\(name)</span>"))
        #expect(contents("p", in: header).first == (reason.isEmpty ? "<span>Step 5</span>" : reason))
    }

    @Test func progressCountsWhatIsLeft() throws {
        var report = report([row(1000, seconds: 100), row(2000, seconds: 300)], plannedSteps: 12000)
        report.timestamp = 1_769_850_300
        let html = report.html()
        let parts = [
            "Step 2\u{202F}000 of 12\u{202F}000", "about 33 min 20 s left", "as of 2026-01-31 09:05 UTC",
        ]
        #expect(html.contains(parts.map { "<span>\($0)</span>" }.joined(separator: " · ")))
        #expect(html.contains("width:16.67%"))
        report.state = .finished()
        #expect(!report.html().contains(" left<"))
    }

    @Test func aRunWithoutAStepIsAPageToo() {
        let html = report([]).html()
        expectBalanced(html)
        #expect(html.contains("No step has been reported yet") && !html.contains("<svg"))
    }

    @Test func numbersThatAreNotFiniteAreLeftOut() {
        let rows = [
            row(1, loss: .nan, score: .nan), row(2, loss: .infinity, score: 30), row(3, loss: 0.5, seconds: .nan),
            row(4, loss: 0.25, score: .infinity, seconds: .infinity),
        ]
        let html = report(rows).html()
        expectBalanced(html)
        let drawn = ["Validation PSNR", "Training loss", "Speed", "Gradient norm"].map { lines(html, title: $0) }
        #expect(drawn[1].first?.count == 2)
        #expect(drawn.joined().joined().allSatisfy { $0.x.isFinite && $0.y.isFinite })
    }

    /// What a damaged `metrics.csv` may hold.
    @Test(arguments: [
        Double.nan, .infinity, -.infinity, 1e308, -1e308, .leastNonzeroMagnitude, -.leastNonzeroMagnitude, 0, -1, 1e99,
        1e18,
    ])
    func noNumberEndsTheProgram(number: Double) {
        for step in [0, 2, Int.max] {
            let extreme = MetricsRow(
                step: step, loss: number, learningRate: number, gradientNorm: number, validation: [number],
                seconds: number, work: number)
            for rows in [[extreme], [row(1), extreme], [extreme, row(Int.max - 1)], [row(1), extreme, row(3)]] {
                var report = report(rows, plannedSteps: 10)
                expectBalanced(report.html())
                report.plannedSteps = .max
                expectBalanced(report.html())
            }
        }
    }

    // MARK: Curves

    @Test func aCurveGoesThroughItsValues() throws {
        let losses = [0.1, 0.3, 0.2, 0.5]
        let html = report(losses.enumerated().map { row(100 * ($0 + 1), loss: $1) }).html()
        let line = try #require(lines(html, title: "Training loss").first)
        // 0…400 steps over 1000 units; 0.1…0.5 over 400 units, downwards.
        #expect(line.map(\.x) == [250, 500, 750, 1000])
        #expect(line.map(\.y) == [400, 200, 300, 0])
    }

    @Test func oneValueIsADot() {
        let html = report([row(5, score: 30)]).html()
        // Not for the speed, which takes two rows.
        #expect(contents("figure", in: html).map { $0.contains("<i class=\"dot") } == [true, true, true, true])
    }

    @Test func theFirstOfTheBestIsMarked() {
        let scores = [29.5, 31.25, 30, 31.25]
        var rows = scores.enumerated().map { row(1000 * ($0 + 1), score: $1) }
        rows.append(row(4500))
        let html = report(rows).html()
        #expect(html.contains("best 31.25 dB at step 2\u{202F}000"))
        #expect(html.contains("<dd>31.25 dB <small>at step 2\u{202F}000</small></dd>"))
        let table = contents("tbody", in: html)[0]
        #expect(contents("tr", in: table).count == 4)
        let best = table.split(separator: "<tr").filter { $0.contains("class=\"best\"") }
        #expect(best.count == 1 && best[0].contains("31.250 <b>best</b>") && best[0].contains("2\u{202F}000"))
        #expect(html.ranges(of: "class=\"dot best\" style").count == 1)
    }

    @Test func aLongRunIsThinnedAndKeepsItsPeaks() throws {
        var rows = (1...100_000).map { row($0, loss: 0.5 + 0.1 * Double($0 * 7919 % 101) / 100) }
        rows[60_000].gradientNorm = 0.9
        let html = report(rows).html()
        #expect(html.utf8.count < 200_000)
        let norms = lines(html, title: "Gradient norm")
        let peak = try #require(norms.first?.min { $0.y < $1.y })
        #expect(abs(peak.x - 600) < 4)
        let losses = lines(html, title: "Training loss")
        #expect(losses.count == 2 && losses.allSatisfy { $0.count <= 1200 })
        // Smoothed, what jumps up and down is nearly level.
        let levels = losses[1].dropFirst(10).map(\.y)
        let spread = try #require(levels.max()) - #require(levels.min())
        #expect(spread < 20, "\(spread)")
    }

    @Test func theSmoothedCurveBeginsWithTheFirstValueAndFollows() throws {
        let html = report((1...1000).map { row($0, loss: $0 <= 500 ? 2 : 1) }).html()
        let smoothed = try #require(lines(html, title: "Training loss").last)
        #expect(smoothed[0].y == 0 && smoothed.last.map { $0.y } == 400)
        // A time constant, 20 steps, after the change 1/e of it is left.
        let point = try #require(smoothed.first { $0.x >= 520 })
        #expect(abs(point.y - 400 * (1 - 1 / 2.718)) < 12, "\(point)")
    }

    /// A start far from all that follows would leave the rest of the curve without height.
    @Test func aSteepStartEntersFromOutside() throws {
        let rows = (1...100).map { row($0, loss: $0 < 5 ? 1 : 0.02 + 0.0001 * Double($0)) }
        let line = try #require(lines(report(rows).html(), title: "Training loss").first)
        #expect(line[0].y < -400)
        let later = line.dropFirst(20).map(\.y)
        #expect(try #require(later.max()) - #require(later.min()) > 200)
    }

    @Test func speedIsThatOfEachInterval() throws {
        let rows = [row(1, seconds: 1), row(2, seconds: 2), row(3, seconds: 6), row(4, seconds: 6)]
        let line = try #require(lines(report(rows).html(), title: "Speed").first)
        // 2 and 0.5 megapixels a second on an axis of 0…2; the interval without time has no speed.
        #expect(line.map(\.x) == [500, 750])
        #expect(line.map(\.y) == [0, 300])
    }

    // MARK: Parts

    @Test func samplesAreEmbedded() throws {
        let html = full.html()
        let address = "data:image/png;base64," + Data(Self.png).base64EncodedString()
        #expect(html.contains("<img src=\"\(address)\" width=\"512\" height=\"256\" alt=\"coast\">"))
        #expect(html.contains("<h2>Samples</h2>") && !html.contains("class=\"samples small\""))
        var report = full
        report.sampleStep = 4000
        report.samples = [RunReport.Sample(name: "no picture", png: [1, 2, 3])]
        #expect(report.html().contains("<h2>Samples at step 4\u{202F}000</h2>"))
        #expect(report.html().contains("<img src=\"data:image/png;base64,AQID\" alt"))
    }

    @Test func tooManySamplesAreCounted() {
        var report = full
        let large = Self.png + [UInt8](repeating: 0, count: RunReport.maximumSampleBytes / 2 - Self.png.count)
        report.samples = (0..<5).map { RunReport.Sample(name: "\($0)", png: large) }
        let html = report.html()
        #expect(html.ranges(of: "<img").count == 2 && html.contains("3 more in the folder <code>samples</code>"))
    }

    @Test func skippedFilesAreNamed() {
        var report = full
        #expect(report.html().contains("<td class=\"number\">1\u{202F}234</td><td class=\"number\">1</td>"))
        #expect(report.html().contains("<li>photos/a.png: broken</li>"))
        report.dataSets[0] = RunReport.DataSet(
            name: "x", role: "y", pictureCount: 0, skipped: (0..<250).map { "file \($0)" })
        let html = report.html()
        #expect(html.contains("Skipped files (250)") && html.contains("<li>file 199</li>"))
        #expect(html.contains("<li>and 50 more</li>") && !html.contains("<li>file 200</li>"))
    }
}
