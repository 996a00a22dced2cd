import RestoreNN

/// What a denoising autoencoder is to undo (Vincent et al., "Stacked denoising autoencoders", JMLR 11, 2010, section 3.2).
public struct Corruption: Hashable, Sendable {
    public enum Kind: String, CaseIterable, Sendable {
        /// Normal noise is added to each value.
        case gaussian
        /// Values become 0.
        case masking
        /// Values become 0 or 1.
        case saltAndPepper = "salt-and-pepper"
    }

    public let kind: Kind
    /// The standard deviation of the noise, or the fraction of the values that are corrupted.
    public let level: Double

    public init(_ kind: Kind, level: Double) {
        precondition(level >= 0 && level.isFinite, "a level of \(level)")
        (self.kind, self.level) = (kind, level)
    }

    /// Corrupts values in place. Noisy ones are not clipped.
    public func corrupt(_ values: UnsafeMutableBufferPointer<Float>, using generator: inout SeededGenerator) {
        for index in values.indices {
            switch kind {
            case .gaussian: values[index] += Float(level * generator.normal())
            case .masking: if generator.happens(level) { values[index] = 0 }
            case .saltAndPepper: if generator.happens(level) { values[index] = generator.happens(0.5) ? 1 : 0 }
            }
        }
    }
}
