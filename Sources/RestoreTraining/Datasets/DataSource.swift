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

/// A path alone where the weight is 1, else a record of `path` and `weight`; either is read.
extension DataSource: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case path, weight
    }

    /// Any key, so that those nobody knows can be refused by name.
    private struct AnyKey: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// - Throws: `DecodingError` for a key that is neither of the two, or a weight that is not positive and finite.
    public init(from decoder: any Decoder) throws {
        if let path = try? decoder.singleValueContainer().decode(String.self) {
            self.init(path: path)
            return
        }
        for key in try decoder.container(keyedBy: AnyKey.self).allKeys
        where CodingKeys(stringValue: key.stringValue) == nil {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: decoder.codingPath,
                    debugDescription: "unknown key \(key.stringValue), expected path and weight"))
        }
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        let weight = try fields.decodeIfPresent(Double.self, forKey: .weight) ?? 1
        guard Self.isWeight(weight) else {
            throw DecodingError.dataCorruptedError(
                forKey: .weight, in: fields, debugDescription: "the weight \(weight) is not positive and finite")
        }
        self.init(path: try fields.decode(String.self, forKey: .path), weight: weight)
    }

    public func encode(to encoder: any Encoder) throws {
        if weight == 1 {
            var value = encoder.singleValueContainer()
            try value.encode(path)
        } else {
            var fields = encoder.container(keyedBy: CodingKeys.self)
            try fields.encode(path, forKey: .path)
            try fields.encode(weight, forKey: .weight)
        }
    }
}
