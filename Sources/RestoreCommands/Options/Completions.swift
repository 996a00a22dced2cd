import ArgumentParser
import RestoreImage

/// What shells complete the arguments of options to.
extension CompletionKind {
    /// Pictures that the program reads, and folders on the way to them. Shells compare extensions exactly, and cameras
    /// write capitals.
    package static var pictures: CompletionKind {
        let extensions = ImageFormat.allCases.flatMap(\.fileExtensions)
        return .file(extensions: extensions + extensions.map { $0.uppercased() })
    }

    /// Model files. Names of installed models are not offered: shells would have to run the program.
    package static var models: CompletionKind { .file(extensions: ["safetensors"]) }
}
