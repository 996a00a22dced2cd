import RestoreConcurrency
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN
import TestSupport
import Testing

/// What fast convolution does to the pictures of the model that comes with the program.
@Suite struct FastConvolutionTests {
    private static let path = joinPath(parentFolder(of: Fixtures.folder), "Models/denoise-color/model.safetensors")

    /// A noisy piece of a photograph, and the noise level.
    private func input(sigma: Double) throws -> Tensor {
        let region = ImageRegion(x: 200, y: 100, width: 120, height: 88)
        let image = try readImage(Fixtures.path("images/dandelion.jpg")).image.cropped(to: region)
        var generator = SeededGenerator(seed: 14)
        var input = Tensor(zeros: Shape(batch: 1, height: image.height, width: image.width, channels: 4))
        input.values.withUnsafeMutableBufferPointer { values in
            guard let base = values.baseAddress else { return }
            for y in 0..<image.height {
                let row = ImageRegion(x: 0, y: y, width: image.width, height: 1)
                image.copyColors(of: row, to: base + y * image.width * 4, pixelStride: 4)
            }
        }
        for index in input.values.indices {
            if index % 4 == 3 {
                input.values[index] = Float(sigma / 255)
            } else {
                input.values[index] += Float(generator.normal() * sigma / 255)
            }
        }
        return input
    }

    /// Less than a 39th of a step of 8 bits.
    @Test(arguments: [5.0, 25, 75]) func theShippedModelDiffersByLessThanATenThousandth(sigma: Double) throws {
        let file = try SafetensorsFile(path: Self.path)
        let metadata = try ModelMetadata(file, expectedTask: DenoiserArchitecture.task)
        let architecture = try DenoiserArchitecture(json: metadata.architecture, path: Self.path)
        let parameters = try file.parameters(for: architecture.network).values
        let (pool, input) = (WorkerPool(workerCount: 2), try input(sigma: sigma))
        func output(_ algorithm: ConvolutionAlgorithm?) throws -> [Float] {
            try infer(architecture.network.computing(by: algorithm), [input], parameters: parameters, pool: pool)[0]
                .values
        }
        let plain = try output(.im2col)
        #expect(plain.allSatisfy { (-0.5...1.5).contains($0) })
        for algorithm in [ConvolutionAlgorithm.implicit, .winograd2, .winograd4, nil] {
            let difference = zip(try output(algorithm), plain).map { abs($0 - $1) }.max() ?? .nan
            #expect(difference < 1e-4, "\(algorithm?.rawValue ?? "chosen")")
            if algorithm == .implicit { #expect(difference == 0) } else { #expect(difference > 0) }
        }
    }
}
