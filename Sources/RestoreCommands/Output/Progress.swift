import RestoreText
import ArgumentParser

enum ProgressStyle: String, ExpressibleByArgument, CaseIterable {
    case auto, plain, json, none
}

/// Says how far long work on one or more pictures has got: a line that is redrawn on a terminal, one line an interval
/// elsewhere. Work that is done within a second says nothing.
///
/// Used from one thread at a time.
final class Progress {
    private let style: ProgressStyle
    private let pictureCount: Int
    private let clock = ContinuousClock()
    private let start: ContinuousClock.Instant
    private var lastShown: Double = 0
    /// The picture at work: its name, its place from 0, and its size.
    private var (label, index, megapixels) = ("", 0, 0.0)
    /// Of the pictures before it.
    private var megapixelsDone = 0.0

    /// - Parameter pictureCount: how many pictures there are; of a single one its place is not said.
    init(pictureCount: Int, style: ProgressStyle) {
        self.pictureCount = pictureCount
        self.style = style == .auto && !Console.errorIsTerminal ? .plain : style
        start = clock.now
    }

    /// Begins with picture `index`, counted from 0.
    func begin(_ label: String, index: Int, megapixels: Double) {
        megapixelsDone += self.megapixels
        (self.label, self.index, self.megapixels) = (Console.printable(label), index, megapixels)
    }

    /// - Parameter fraction: of the picture that was begun last, 0…1.
    func update(_ fraction: Double) {
        let seconds = (clock.now - start).seconds
        let interval = style == .auto ? 0.1 : 5.0
        let done = (Double(index) + fraction) / Double(pictureCount)
        guard style != .none, seconds >= 1, done > 0, seconds - lastShown >= interval else { return }
        lastShown = seconds
        let rate = (megapixelsDone + fraction * megapixels) / seconds
        let left = seconds * (1 - done) / done
        let percent = Int(fraction * 100)
        let place = pictureCount > 1 ? "\(index + 1) of \(pictureCount), " : ""
        switch style {
        case .none:
            break
        case .json:
            Console.message(
                jsonLine(
                    ProgressRecord(
                        file: label, done: fraction, picture: index + 1, pictures: pictureCount,
                        megapixelsPerSecond: rate, secondsLeft: left)))
        case .plain:
            Console.message(
                "\(place)\(label): \(percent) %, \(decimals(rate, 2)) megapixels/s, \(duration(left)) left")
        case .auto:
            let filled = percent / 5
            let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 20 - filled)
            Console.redraw(
                "\(place)\(label) \(bar) \(percent) %  \(decimals(rate, 2)) megapixels/s  \(duration(left)) left")
        }
    }

    /// Takes the redrawn line away.
    func finish() {
        if style == .auto { Console.redraw("") }
    }
}

private struct ProgressRecord: Encodable {
    let file: String
    let done: Double
    /// Which of how many, from 1.
    let picture: Int
    let pictures: Int
    let megapixelsPerSecond: Double
    let secondsLeft: Double
}
