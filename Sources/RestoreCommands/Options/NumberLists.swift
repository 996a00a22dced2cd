/// The numbers of a list with commas; nil if it is none.
func integers(_ text: String) -> [Int]? {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { Int($0) }
    return numbers.count == parts.count ? numbers : nil
}

/// The numbers of a list with commas; nil if it is none.
func floats(_ text: String) -> [Float]? {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { Float($0) }.filter(\.isFinite)
    return numbers.count == parts.count ? numbers : nil
}
