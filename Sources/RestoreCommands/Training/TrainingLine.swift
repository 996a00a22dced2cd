import RestoreText
import RestoreTraining
import Synchronization

/// The line on a terminal that says how far a training run is, redrawn a few times a second; or, with `--progress json`,
/// records on stderr.
final class TrainingLine: TrainingObserver {
    private let style: ProgressStyle
    private let clock = ContinuousClock()
    /// When it was drawn last, and whether it stands there.
    private let drawn: Mutex<(at: ContinuousClock.Instant?, isOpen: Bool)> = Mutex((nil, false))

    /// Nil where there is no line to draw: elsewhere than on a terminal the log says enough.
    init?(style: ProgressStyle) {
        guard style == .json || (style == .auto && Console.errorIsTerminal) else { return nil }
        self.style = style
    }

    func step(_ progress: TrainingProgress) {
        let now = clock.now
        let interval = style == .auto ? 0.2 : 5.0
        let isDue = drawn.withLock { drawn in
            let isLast = progress.step == progress.totalSteps
            if let last = drawn.at, !isLast, (now - last).seconds < interval { return false }
            drawn = (now, style == .auto)
            return true
        }
        guard isDue else { return }
        if style == .json {
            Console.message(jsonLine(TrainingRecord(progress)))
        } else {
            Console.control("\r\u{1B}[K" + Self.text(progress))
        }
    }

    func clear() {
        let wasOpen = drawn.withLock { drawn in
            defer { drawn.isOpen = false }
            return drawn.isOpen
        }
        if wasOpen { Console.control("\r\u{1B}[K") }
    }

    private static func text(_ progress: TrainingProgress) -> String {
        var parts = [
            "loss \(decimals(progress.loss, 5))",
            "learning rate \(decimals(progress.learningRate * 1e3, 3))e-3",
            "\(decimals(progress.workPerSecond, 2)) \(progress.workUnit)/s",
        ]
        if let left = progress.secondsLeft { parts.append("\(duration(left)) left") }
        guard let fraction = progress.fraction else { return "step \(progress.step)  " + parts.joined(separator: "  ") }
        let filled = Int(fraction * 20)
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 20 - filled)
        let steps = progress.totalSteps.map { "\(progress.step)/\($0)" } ?? "\(progress.step)"
        return "\(bar) step \(steps)  " + parts.joined(separator: "  ")
    }
}

private struct TrainingRecord: Encodable {
    let progress: TrainingProgress

    init(_ progress: TrainingProgress) {
        self.progress = progress
    }

    func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: RecordKey.self)
        try fields.encode(progress.step, forKey: "step")
        try fields.encodeIfPresent(progress.totalSteps, forKey: "steps")
        try fields.encode(progress.loss, forKey: "loss")
        try fields.encode(progress.learningRate, forKey: "learningRate")
        try fields.encode(progress.workPerSecond, forKey: RecordKey("\(progress.workUnit)PerSecond"))
        try fields.encodeIfPresent(progress.secondsLeft, forKey: "secondsLeft")
    }
}
