import RestoreConcurrency

/// Reads, restores and writes pictures, each stage on a thread of its own: the next picture is read and the previous one
/// written while one is restored. The order is always that of their numbers, and each stage holds one picture at most.
struct PicturePipeline<Source, Product> {
    let pictureCount: Int
    /// Whether picture `index` may be under way together with others; asked by the reading stage, once each.
    let overlaps: (_ index: Int) -> Bool
    let read: (_ index: Int) -> Source
    /// Nil ends the work: pictures before are still written. `isAlone` says that no other picture is under way.
    let restore: (_ index: Int, _ source: Source, _ isAlone: Bool) -> Product?
    /// Returns whether to continue. `isAlone` says that nothing is being restored meanwhile.
    let write: (_ index: Int, _ product: Product, _ isAlone: Bool) -> Bool

    /// Work for the restoring stage before its first picture, while that is read; the run continues if it returns true.
    let prepare: () -> Bool

    /// - Parameter overlapping: false to do one thing after the other, on the caller's thread.
    func run(overlapping: Bool) {
        if overlapping {
            let stages = WorkerPool(workerCount: 3)
            // The system may refuse threads; stages wait for each other and each need one.
            if stages.workerCount == 3 { return run(on: stages) }
        }
        guard prepare() else { return }
        for index in 0..<pictureCount {
            guard let product = restore(index, read(index), true), write(index, product, true) else { return }
        }
    }

    private func run(on stages: WorkerPool) {
        let desk = Monitor(Desk<Source, Product>())
        stages.run(taskCount: 3) { stage, _ in
            switch stage {
            case 0: readAll(desk)
            case 1: restoreAll(desk)
            default: writeAll(desk)
            }
        }
    }

    private func readAll(_ desk: Monitor<Desk<Source, Product>>) {
        var previousOverlaps = true
        for index in 0..<pictureCount {
            let overlapping = overlaps(index)
            // A picture that passes alone is read when those before are written, and the next one after it.
            let mayOverlap = overlapping && previousOverlaps
            guard desk.waitToGoOn(until: { $0.taken == index && (mayOverlap || $0.written == index) }) else { return }
            previousOverlaps = overlapping
            let source = read(index)
            desk.change {
                $0.source = source
                $0.isSourceAlone = !overlapping
            }
        }
    }

    private func restoreAll(_ desk: Monitor<Desk<Source, Product>>) {
        defer { desk.change { $0.isRestored = true } }
        guard prepare() else { return desk.change { $0.isStopping = true } }
        for index in 0..<pictureCount {
            guard desk.waitToGoOn(until: { $0.source != nil }),
                let (source, isAlone) = desk.change({ $0.takeSource() })
            else { return }
            let product = restore(index, source, isAlone || pictureCount == 1)
            guard let product else { return desk.change { $0.isStopping = true } }
            // Nobody else puts products there; a stage that stops meanwhile leaves this one unwritten.
            guard desk.waitToGoOn(until: { $0.written == index }) else { return }
            desk.change {
                $0.product = product
                $0.isProductAlone = isAlone || index == pictureCount - 1
            }
        }
    }

    private func writeAll(_ desk: Monitor<Desk<Source, Product>>) {
        for index in 0..<pictureCount {
            // A product that lies there is taken even where the work stops.
            let taken = desk.wait(until: { $0.product != nil || $0.isRestored }, then: { $0.takeProduct() })
            guard let (product, isAlone) = taken else { return }
            let goesOn = write(index, product, isAlone)
            desk.change {
                $0.written += 1
                if !goesOn { $0.isStopping = true }
            }
        }
    }
}

/// What lies between the stages.
private struct Desk<Source, Product> {
    var source: Source?
    var isSourceAlone = false
    var product: Product?
    var isProductAlone = false
    /// How many pictures the restoring stage has taken, and how many are written.
    var (taken, written) = (0, 0)
    /// No product comes after those that lie there.
    var isRestored = false
    /// No picture is begun any more.
    var isStopping = false

    mutating func takeSource() -> (Source, isAlone: Bool)? {
        guard let source else { return nil }
        self.source = nil
        taken += 1
        return (source, isSourceAlone)
    }

    mutating func takeProduct() -> (Product, isAlone: Bool)? {
        guard let product else { return nil }
        self.product = nil
        return (product, isProductAlone)
    }
}

extension Monitor {
    /// Returns false where the work stops first.
    fileprivate func waitToGoOn<Source, Product>(until condition: (State) -> Bool) -> Bool
    where State == Desk<Source, Product> {
        wait(until: { $0.isStopping || condition($0) }, then: { !$0.isStopping })
    }
}
