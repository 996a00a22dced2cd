import RestoreConcurrency
import RestoreModels
import RestoreNN
import TestSupport

/// A denoiser of random weights, small enough that a test can afford it.
package struct TinyModel: Sendable {
    package let architecture: DenoiserArchitecture
    package var parameters: Parameters

    /// Two levels of 4 and 8 channels with one block each unless told otherwise.
    package init(_ architecture: DenoiserArchitecture? = nil, seed: UInt64 = 1) {
        let architecture = architecture ?? DenoiserArchitecture(checking: [4, 8], blocksPerLevel: 1)
        self.architecture = architecture ?? DenoiserArchitecture()
        let network = self.architecture.network
        parameters = Parameters(
            layout: ParameterLayout(network), values: randomParameters(network, seed: seed).map { $0 * 0.5 })
    }

    package var model: Model<DenoiserArchitecture> {
        Model(architecture: architecture, parameters: parameters, notes: ["license": "none"])
    }

    package var metadata: ModelMetadata { model.metadata }

    package func denoiser(workers: Int = 1) -> Denoiser {
        Denoiser(model, pool: WorkerPool(workerCount: workers))
    }

    /// The network alone, applied to pictures as the denoiser applies it.
    package func inference(workers: Int = 1) -> TiledInference {
        TiledInference(
            network: architecture.network, parameters: parameters, inputChannels: architecture.inputChannels,
            alignment: architecture.alignment, pool: WorkerPool(workerCount: workers))
    }

    /// A model file.
    ///
    /// - Parameter metadata: instead of its own.
    package func file(metadata: [String: String]? = nil) -> [UInt8] {
        SafetensorsFile.serialize(
            SafetensorsFile.tensors(parameters), metadata: metadata ?? self.metadata.dictionary)
    }
}
