/// A learnable tensor: its name, its shape in PyTorch, and its initialization.
public struct ParameterSpecification: Hashable, Sendable {
    public enum Initialization: Hashable, Sendable {
        case zeros
        case ones
        /// Uniform in ±1 / √`fanIn`, as PyTorch initializes convolutions and dense layers: a third of the variance that
        /// preserves a signal's magnitude (LeCun et al., "Efficient BackProp", 1998, eq. 16), so that residual blocks
        /// start close to the identity.
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
