import RestoreConcurrency
import RestoreModels
import RestoreNN
import TestSupport

/// A colorizer of random weights.
package struct TinyColorizer: Sendable {
    package let architecture: ColorizerArchitecture
    package let model: Model<ColorizerArchitecture>

    /// Two levels of 16 channels with one block each unless told otherwise; takes hints.
    package init(
        _ architecture: ColorizerArchitecture = ColorizerArchitecture(
            widths: [16, 16], blocks: [1, 1], takesHints: true), seed: UInt64 = 1
    ) {
        self.architecture = architecture
        let network = architecture.network
        let parameters = Parameters(
            layout: ParameterLayout(network), values: randomParameters(network, seed: seed).map { $0 * 0.3 })
        model = Model(architecture: architecture, parameters: parameters, notes: ["license": "none"])
    }

    package func colorizer(workers: Int = 1) -> Colorizer {
        Colorizer(model, pool: WorkerPool(workerCount: workers))
    }

    /// A model file.
    package func file() -> [UInt8] {
        SafetensorsFile.serialize(SafetensorsFile.tensors(model.parameters), metadata: model.metadata.dictionary)
    }
}
