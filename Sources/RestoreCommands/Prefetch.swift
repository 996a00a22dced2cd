import RestoreImage
import RestoreNN

/// A picture that has been read, or why it could not be, and how long that took.
struct ReadPicture {
    let result: Result<DecodedImage, any Error>
    let seconds: Double

    init(_ path: String, limits: ImageLimits) {
        let clock = ContinuousClock()
        let start = clock.now
        result = Result { try readImage(path, limits: limits) }
        seconds = (clock.now - start).seconds
    }
}

extension WorkerPool {
    /// Both results, computed at the same time where there are two workers. Neither may use the pool.
    func together<First, Second>(_ first: () -> First, _ second: () -> Second) -> (First, Second) {
        var results: (First?, Second?)
        // Each task writes a place of its own, and the pool returns when both are done.
        withUnsafeMutablePointer(to: &results.0) { firstPlace in
            withUnsafeMutablePointer(to: &results.1) { secondPlace in
                run(taskCount: 2) { task, _ in
                    if task == 0 { firstPlace.pointee = first() } else { secondPlace.pointee = second() }
                }
            }
        }
        guard let one = results.0, let two = results.1 else { return (first(), second()) }
        return (one, two)
    }
}
