import RestoreImage
import RestoreModels

/// How `--max-memory` is divided among the program, the pictures that are being read and written, and the network. The one
/// place that adds these up: a task states what its job holds (`Requirement`) and gets what is left for its network.
package struct MemoryBudget {
    /// Of the whole program, in bytes.
    let limit: Int
    /// The width of pieces, if the user sets it instead.
    let tile: TileSide
    /// Of the pool.
    let threads: Int

    /// The program with a network and what that takes for small pictures.
    private static let programWithNetwork = 96 << 20

    /// The program with its threads, without a network or pictures.
    private var program: Int { (22 << 20) + threads * (10 << 10) }

    /// What pictures and the network may take.
    private var available: Int { max(0, limit - Self.programWithNetwork) }

    /// Whether a job is read and written while the network works on others. A large picture would not leave the network
    /// its share, so it is processed alone.
    ///
    /// - Parameter inputBytes: memory of the files and of what is decoded from them; nil if it is not known before they are
    ///   read.
    func overlaps(inputBytes: Int?) -> Bool {
        inputBytes.map { $0 <= available / 20 } ?? false
    }

    /// What the jobs before and after may take while the network works on one: the next one decoded, its file and, for
    /// some JPEG files, its coefficients, which take twice as much; the previous one's result, its coefficients and its file.
    private var neighbors: Int { available / 20 * 7 }

    /// The memory of a job that is processed alone or along with others.
    func job(inputBytes: Int = 0, isAlone: Bool) -> JobMemory {
        JobMemory(budget: self, inputBytes: inputBytes, neighborBytes: isAlone ? 0 : neighbors)
    }

    /// What is left beside so many bytes, for work outside of a picture run.
    func share(besides bytes: Int) -> MemoryShare {
        MemoryShare(limit: limit, tile: tile, others: program + bytes)
    }
}

/// The memory of one job, before its task has said what it makes of the inputs.
package struct JobMemory {
    fileprivate let budget: MemoryBudget
    /// The decoded inputs.
    fileprivate let inputBytes: Int
    /// What other jobs may take meanwhile.
    fileprivate let neighborBytes: Int

    /// What is left for a network whose results will be these.
    package func share(for requirement: Requirement) -> MemoryShare {
        budget.share(besides: neighborBytes + inputBytes + requirement.bytes)
    }

    /// What a task holds besides the inputs of a job and its network: all results until the last one is written, and one
    /// encoded file at a time.
    package struct Requirement {
        private var resultBytes = 0
        private var writingBytes = 0

        package init() {}

        /// Bytes besides the inputs.
        var bytes: Int { resultBytes + writingBytes }

        /// Adds a result of the form of `image`.
        package mutating func add(resultLike image: Image, encoding: ImageEncoding) {
            resultBytes += image.byteCount
            write(bytes: image.byteCount, encoding.workingBytes(for: image))
        }

        /// Adds a comparison of `count` pictures of the form of `image` side by side, which is made when the results are
        /// written.
        package mutating func add(comparisonOf count: Int, like image: Image, encoding: ImageEncoding) {
            let bytes = count * image.byteCount
            let working = encoding.workingBytes(
                width: count * image.width, height: image.height, channelLayout: image.channelLayout)
            write(bytes: 2 * bytes, working)
        }

        /// - Parameter bytes: of the file, first in strips and then in one piece, which together take about as much as a
        ///   restored picture.
        private mutating func write(bytes: Int, _ workingBytes: Int) {
            writingBytes = max(writingBytes, bytes + workingBytes)
        }
    }
}

/// What is left of the memory for a network.
package struct MemoryShare {
    fileprivate let limit: Int
    fileprivate let tile: TileSide
    /// Taken by everything else.
    fileprivate let others: Int

    /// How the network may divide a picture.
    package var tiling: Tiling {
        switch tile {
        case .side(let side): .side(side)
        case .auto: .memory(max(0, limit - others))
        }
    }

    /// A line for the user if the network needs more than is left.
    func warning(for layout: PictureLayout) -> String? {
        // With pieces of a given size, the limit only decides which pictures are processed at the same time.
        guard tile == .auto, others + layout.memory > limit else { return nil }
        let reason =
            if others + layout.fixedMemory > limit {
                "\(mebibytes(others + layout.fixedMemory)) of them whatever it is cut into"
            } else if layout.canBeCutFurther {
                "narrower pieces would more than double the work"
            } else {
                "it cannot be cut any further"
            }
        return "it takes about \(mebibytes(others + layout.memory)), more than --max-memory: \(reason)"
    }

    private func mebibytes(_ bytes: Int) -> String { "\((bytes >> 20) + 1) MiB" }
}
