// Removes the noise of a picture: denoise-example MODEL INPUT OUTPUT
import RestoreConcurrency
import RestoreImage
import RestoreModels

let arguments = CommandLine.arguments
guard arguments.count == 4 else { throw Usage() }
let denoiser = try Denoiser(path: arguments[1], pool: WorkerPool())
let picture = try readImage(arguments[2])
let result = try denoiser.denoise(picture.image)
try writeImage(result.image, metadata: picture.metadata, to: arguments[3], overwrite: false)
print("noise level: \(result.sigma ?? 0) of 255")

struct Usage: Error, CustomStringConvertible {
    let description = "usage: denoise-example MODEL INPUT OUTPUT"
}
