/// A learnable tensor: its name, PyTorch's shape, and how it starts.
public struct ParameterSpecification: Hashable, Sendable {
    public enum Initialization: Hashable, Sendable {
        case zeros
        case ones
        /// Uniform in ±1 / √`fanIn`, as PyTorch starts convolutions and dense layers: a third of the variance that keeps a
        /// signal's strength (LeCun et al., "Efficient BackProp", 1998, eq. 16), which leaves residual blocks close to
        /// the identity at first.
        case uniform(fanIn: Int)
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

    func prefixed(by path: String) -> ParameterSpecification {
        ParameterSpecification(name: "\(path).\(name)", shape: shape, initialization: initialization)
    }
}
