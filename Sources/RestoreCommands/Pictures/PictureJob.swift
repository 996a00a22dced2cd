import Logging
import RestoreFiles
import RestoreImage

/// What an input is to a task.
package enum InputRole: String, Hashable, CaseIterable {
    /// What is restored; every job has one.
    case picture
    /// White where the picture is to be filled in.
    case mask
    /// Colors that the user gives, transparent elsewhere.
    case hints
}

/// The files that become a result, and the files that it is written to.
package struct PictureJob: Equatable {
    package struct Companion: Equatable {
        let role: InputRole
        let path: String
    }

    /// By its path the job is known to the user.
    package let picture: String
    /// Inputs of other roles; several jobs may share one.
    var companions: [Companion] = []
    /// At least one; more if the task makes several versions of a picture.
    package let outputs: [String]

    /// All inputs, the picture first.
    var inputs: [Companion] { [Companion(role: .picture, path: picture)] + companions }

    /// Whether the result goes to stdout.
    var isStreamed: Bool { outputs.contains(OutputPlan.stream) }

    /// The outputs that may be replaced because they exist.
    ///
    /// - Throws: `FileError.cannotWrite` if something else than a file is there.
    func existingOutputs() throws(FileError) -> [String] {
        var existing: [String] = []
        for output in outputs where output != OutputPlan.stream {
            if try OutputPlan.isReplaceable(output) { existing.append(output) }
        }
        return existing
    }

    /// Whether all outputs are regular files that exist.
    var isDone: Bool {
        outputs.allSatisfy { $0 != OutputPlan.stream && pathKind($0) == .regularFile }
    }
}

/// The names of `count` versions of an output: `out.png`, or `out-1.png` … `out-N.png`.
func numberedOutputs(_ output: String, count: Int) -> [String] {
    guard count > 1 else { return [output] }
    let stem = removingPathExtension(output)
    // By bytes: with some letters a dot makes one character.
    let ending = output[output.utf8.index(output.startIndex, offsetBy: stem.utf8.count)...]
    return (1...count).map { "\(stem)-\($0)\(ending)" }
}

/// A job whose inputs have been read.
package struct LoadedJob {
    package let job: PictureJob
    /// The picture; inputs of other roles are in `companions`.
    package let decoded: DecodedImage
    package let companions: [InputRole: DecodedImage]
    /// What the job may take of the memory.
    package let memory: JobMemory
    /// To be called with the fraction done, 0…1; throws if the work is to be abandoned.
    package let progress: (Double) throws -> Void
}

/// What a task has made of a job.
package struct RestoredPicture {
    package struct Version {
        let image: Image
        /// What its file says besides the pixels.
        let metadata: ImageMetadata
        let encoding: ImageEncoding
        /// `image` as it is coded in the input's file, if the output is to have it from there, pixels and kind alike.
        let coded: CodedImage?

        package init(image: Image, metadata: ImageMetadata, encoding: ImageEncoding, coded: CodedImage? = nil) {
            (self.image, self.metadata, self.encoding, self.coded) = (image, metadata, encoding, coded)
        }
    }

    /// The picture as it was and how it is stored side by side with the results.
    package struct Comparison {
        let original: Image
        let path: String
        package let encoding: ImageEncoding
    }

    /// How it came about.
    package struct Circumstances {
        /// Time for reading, restoring and writing.
        package let seconds: Double
        /// What was damaged or unusual in the inputs, and what the output cannot hold of it, a line each.
        package let warnings: [String]
    }

    /// One for each output of the job, in the same order.
    let versions: [Version]
    /// What the user should know of the work, a line each.
    let warnings: [String]
    /// If `--compare` was given.
    let comparison: Comparison?
    /// The record and the messages once it is written.
    let report: (Circumstances) -> Report

    package typealias Report = (record: any Encodable, lines: [(level: Logger.Level, text: String)])

    package init(
        versions: [Version], warnings: [String] = [], comparison: Comparison? = nil,
        report: @escaping (Circumstances) -> Report
    ) {
        (self.versions, self.warnings, self.comparison) = (versions, warnings, comparison)
        self.report = report
    }
}
