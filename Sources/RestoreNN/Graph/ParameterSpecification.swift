/// A learnable tensor: its name, PyTorch's shape, and how it starts.
public struct ParameterSpecification: Hashable, Sendable {
    public enum Initialization: Hashable, Sendable {
        case zeros
        case ones
        /// Uniform in ±1 / √`fanIn`, as PyTorch starts convolutions and dense layers: a third of the variance that keeps a
        /// signal's strength (LeCun et al., "Efficient BackProp", 1998, eq. 16), which leaves residual blocks close to
        /// the identity at first.
        case uniform(fanIn: Int)
        /// Normal with mean 0 and this standard deviation.
        case normal(standardDeviation: Float)
    }

    public let name: String
    public let shape: [Int]
    public let initialization: Initialization

    public init(name: String, shape: [Int], initialization: Initialization) {
        self.name = name
        self.shape = shape
        self.initialization = initialization
    }

    public var count: Int { shape.reduce(1, *) }

    func prefixed(by path: String) -> ParameterSpecification { named("\(path).\(name)") }

    func named(_ name: String) -> ParameterSpecification {
        ParameterSpecification(name: name, shape: shape, initialization: initialization)
    }
}
