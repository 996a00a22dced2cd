import ArgumentParser

/// `restore latent`: the code space of autoencoders.
struct LatentCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "latent",
        abstract: "Explores the code space of an autoencoder.",
        discussion: """
            Try it, with a model from restore train autoencoder: restore latent scatter run/best.safetensors -o codes.png

            Pictures come from --data or, without it, from MNIST where restore train autoencoder finds it.
            """,
        subcommands: [
            LatentScatterCommand.self, LatentInterpolateCommand.self, LatentGenerateCommand.self,
            LatentSampleCommand.self, LatentGridCommand.self, LatentTraverseCommand.self, LatentFeaturesCommand.self,
            LatentClusterCommand.self, LatentProbeCommand.self, LatentCompressCommand.self,
            LatentDecompressCommand.self, LatentFiltersCommand.self, LatentJacobianCommand.self,
            LatentTangentsCommand.self, LatentFieldCommand.self,
        ])
}
