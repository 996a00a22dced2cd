/// 0 if both are 0.
func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
    b == 0 ? a : greatestCommonDivisor(b, a % b)
}

/// The smallest multiple of `step` that is not below `value`.
func roundedUp(_ value: Int, _ step: Int) -> Int { (value + step - 1) / step * step }
