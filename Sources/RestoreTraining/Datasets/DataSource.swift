import RestoreFiles

/// Where pictures come from, and how often one of them is drawn.
public struct DataSource: Hashable, Sendable {
    /// A folder, a picture, a batch of CIFAR-10 or an IDX file.
    public var path: String
    /// The chance that a picture of this source is drawn, relative to a picture of a source of weight 1. Positive and
    /// finite; with all weights equal, every picture is as likely as any other.
    public var weight: Double

    /// - Precondition: `weight` is positive and finite.
    public init(path: String, weight: Double = 1) {
        precondition(Self.isWeight(weight), "the weight \(weight) of \(path) is not positive and finite")
        self.path = path
        self.weight = weight
    }

    /// `PATH=WEIGHT` or a path alone, whose weight is 1.
    ///
    /// What stands after the last `=` is a weight where it is a positive finite number, unless something exists whose
    /// path is the whole argument.
    public init(argument: String) {
        guard let sign = argument.utf8.lastIndex(of: UInt8(ascii: "=")), sign != argument.startIndex,
            let weight = Double(argument[argument.utf8.index(after: sign)...]), Self.isWeight(weight),
            pathKind(argument) == .missing
        else {
            self.init(path: argument)
            return
        }
        self.init(path: String(argument[..<sign]), weight: weight)
    }

    private static func isWeight(_ value: Double) -> Bool { value > 0 && value.isFinite }
}
