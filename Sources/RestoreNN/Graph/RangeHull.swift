extension Range<Int> {
    /// The smallest range that contains both.
    func hull(_ other: Self) -> Self {
        Swift.min(lowerBound, other.lowerBound)..<Swift.max(upperBound, other.upperBound)
    }
}
