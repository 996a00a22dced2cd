import ArgumentParser
import RestoreTraining

enum ProgressStyle: String, ExpressibleByArgument, CaseIterable {
    case auto, plain, json, none
}

/// Says how far long work has got: a line that is redrawn on a terminal, one line an interval elsewhere. Work that is done
/// within a second says nothing.
final class Progress {
    private let label: String
    private let style: ProgressStyle
    /// Megapixels of the whole, for the rate.
    private let megapixels: Double
    private let clock = ContinuousClock()
    private let start: ContinuousClock.Instant
    private var lastShown: Double = 0
    private var isLineOpen = false

    init(_ label: String, megapixels: Double, style: ProgressStyle) {
        self.label = Console.printable(label)
        self.megapixels = megapixels
        self.style = style == .auto && !Console.errorIsTerminal ? .plain : style
        start = clock.now
    }

    /// - Parameter fraction: 0…1.
    func update(_ fraction: Double) {
        let seconds = (clock.now - start).seconds
        let interval = style == .auto ? 0.1 : 5.0
        guard style != .none, seconds >= 1, fraction > 0, seconds - lastShown >= interval else { return }
        lastShown = seconds
        let rate = fraction * megapixels / seconds
        let left = seconds * (1 - fraction) / fraction
        let percent = Int(fraction * 100)
        switch style {
        case .none:
            break
        case .json:
            Console.message(
                jsonLine(ProgressRecord(file: label, done: fraction, megapixelsPerSecond: rate, secondsLeft: left)))
        case .plain:
            Console.message(
                "\(label): \(percent) %, \(decimals(rate, 2)) megapixels/s, \(duration(left)) left")
        case .auto:
            let filled = percent / 5
            let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 20 - filled)
            Console.control(
                "\r\u{1B}[K\(label) \(bar) \(percent) %  \(decimals(rate, 2)) megapixels/s  \(duration(left)) left")
            isLineOpen = true
        }
    }

    /// Takes the redrawn line away.
    func finish() {
        if isLineOpen { Console.control("\r\u{1B}[K") }
        isLineOpen = false
    }
}

private struct ProgressRecord: Encodable {
    let file: String
    let done: Double
    let megapixelsPerSecond: Double
    let secondsLeft: Double
}
