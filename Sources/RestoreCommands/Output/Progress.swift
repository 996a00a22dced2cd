import RestoreText
import ArgumentParser

enum ProgressStyle: String, ExpressibleByArgument, CaseIterable {
    case auto, plain, json, none
}

/// Reports the progress of long work on one or more images: a progress line on a terminal, otherwise one line per
/// interval. Work that finishes within a second reports nothing.
///
/// Not thread-safe: use it from one thread at a time.
final class Progress {
    private let style: ProgressStyle
    private let pictureCount: Int
    private let clock = ContinuousClock()
    private let start: ContinuousClock.Instant
    private var lastShown: Double = 0
    /// The image being processed: its name, its index, and its size.
    private var (label, index, megapixels) = ("", 0, 0.0)
    /// Total size of the images before it.
    private var megapixelsDone = 0.0

    /// - Parameter pictureCount: number of images; the index is shown only if there are several.
    init(pictureCount: Int, style: ProgressStyle) {
        self.pictureCount = pictureCount
        self.style = style == .auto && !Console.errorIsTerminal ? .plain : style
        start = clock.now
    }

    /// Starts image `index`, counted from 0.
    func begin(_ label: String, index: Int, megapixels: Double) {
        megapixelsDone += self.megapixels
        (self.label, self.index, self.megapixels) = (Console.printable(label), index, megapixels)
    }

    /// - Parameter fraction: of the current image, 0…1.
    func update(_ fraction: Double) {
        let seconds = (clock.now - start).seconds
        // People read plain lines; records feed the progress bars of other programs.
        let interval: Double =
            switch style {
            case .auto: 0.1
            case .json: 0.25
            case .plain, .none: 5
            }
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

    /// Clears the progress line.
    func finish() {
        if style == .auto { Console.redraw("") }
    }
}

private struct ProgressRecord: Encodable {
    let file: String
    let done: Double
    /// Number of the current image, starting at 1.
    let picture: Int
    let pictures: Int
    let megapixelsPerSecond: Double
    let secondsLeft: Double
}
