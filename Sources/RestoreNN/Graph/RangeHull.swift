extension Range<Int> {
    /// The smallest range that holds both.
    func hull(_ other: Self) -> Self {
        Swift.min(lowerBound, other.lowerBound)..<Swift.max(upperBound, other.upperBound)
    }
}
