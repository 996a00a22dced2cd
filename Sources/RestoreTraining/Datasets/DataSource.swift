import RestoreFiles

/// A source of training images and its sampling weight.
public struct DataSource: Hashable, Sendable {
    /// A folder, an image, a batch of CIFAR-10 or an IDX file.
    public var path: String
    /// The probability of drawing an image of this source relative to an image of a source with weight 1. Positive and
    /// finite. If all weights are equal, all images are equally likely.
    public var weight: Double

    /// - Precondition: `weight` is positive and finite.
    public init(path: String, weight: Double = 1) {
        precondition(Self.isWeight(weight), "the weight \(weight) of \(path) is not positive and finite")
        self.path = path
        self.weight = weight
    }

    /// Parses `PATH=WEIGHT`, or a path alone, which gets weight 1.
    ///
    /// The part after the last `=` is a weight if it is a positive finite number, unless a file or folder exists whose
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

    /// Why an argument that names nothing looks like a path with a weight, and is none; nil if it does not.
    public static func weightProblem(of argument: String) -> String? {
        guard let sign = argument.utf8.lastIndex(of: UInt8(ascii: "=")), sign != argument.startIndex,
            pathKind(argument) == .missing, pathKind(String(argument[..<sign])) != .missing
        else { return nil }
        let text = argument[argument.utf8.index(after: sign)...]
        if let weight = Double(text), isWeight(weight) { return nil }
        return "a weight is a number above 0, found \"\(text)\"; leave the path out to train without it"
    }

    private static func isWeight(_ value: Double) -> Bool { value > 0 && value.isFinite }
}
