public struct NoiseEstimator: Sendable {
    public init() {}
    public func estimate(_ pixels: UnsafeBufferPointer<Float>, width: Int, height: Int, channels: Int) -> Double { 0 }
}
