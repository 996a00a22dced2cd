import RestoreConcurrency
import RestoreModels
import RestoreNN
import TestSupport

/// An inpainter of random weights.
package struct TinyInpainter: Sendable {
    package let architecture: InpainterArchitecture
    package let model: Model<InpainterArchitecture>

    /// Three levels of 8 channels, one block each, and a code of 4 values unless told otherwise.
    package init(
        _ architecture: InpainterArchitecture = InpainterArchitecture(
            widths: [8, 8, 8], blocks: [1, 1, 1], latentChannels: 4), seed: UInt64 = 1
    ) {
        self.architecture = architecture
        let network = architecture.network
        let parameters = Parameters(
            layout: ParameterLayout(network), values: randomParameters(network, seed: seed).map { $0 * 0.5 })
        model = Model(architecture: architecture, parameters: parameters, notes: ["license": "none"])
    }

    package func inpainter(workers: Int = 1) -> Inpainter {
        Inpainter(model, pool: WorkerPool(workerCount: workers))
    }

    /// A model file.
    package func file() -> [UInt8] {
        SafetensorsFile.serialize(SafetensorsFile.tensors(model.parameters), metadata: model.metadata.dictionary)
    }
}
