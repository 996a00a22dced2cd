import RestoreLinearAlgebra

/// An operator that can be computed by several algorithms.
protocol AlgorithmChoosing: Operator {
    /// Computes it by this algorithm, where it can be used, instead of the one that the environment or the rule chooses.
    var algorithm: ConvolutionAlgorithm? { get set }
}

extension AlgorithmChoosing {
    fileprivate func computing(by algorithm: ConvolutionAlgorithm?) -> any Operator {
        var copy = self
        copy.algorithm = algorithm
        return copy
    }
}

extension Network {
    /// The same network with every convolution and dense layer, and the gradients of every transposed convolution, computed
    /// by `algorithm` wherever it can be used; by the rule's choice where it is nil.
    package func computing(by algorithm: ConvolutionAlgorithm?) -> Network {
        let forced = nodes.map { node in
            let operation = node.operation.map { operation in
                (operation as? any AlgorithmChoosing)?.computing(by: algorithm) ?? operation
            }
            return node.replacing(operation: operation, inputs: node.inputs)
        }
        return replacingNodes(forced, inputs: inputs, outputs: outputs)
    }

    /// Loads the libraries that the operators need before any of them runs, because kernels cannot report errors.
    ///
    /// - Throws: `NetworkError.library` if one is missing.
    func loadLibraries() throws(NetworkError) {
        let needsOpenBLAS = nodes.contains { node in
            guard let operation = node.operation as? any AlgorithmChoosing else { return false }
            return (operation.algorithm ?? .forced) == .openblas
        }
        guard needsOpenBLAS else { return }
        do {
            _ = try OpenBLAS.load()
        } catch {
            throw .library(error)
        }
    }
}
