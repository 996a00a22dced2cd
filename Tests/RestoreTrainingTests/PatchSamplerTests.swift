import RestoreConcurrency
import Logging
import ModelTestSupport
import RestoreImage
import RestoreTraining
import Synchronization
import TestSupport
import Testing

@Suite struct PatchSamplerTests {
    private let folder: TemporaryFolder
    private let sampler: PatchSampler
    private static let side = 8
    private static let sizes = [(8, 8), (9, 30), (40, 8), (23, 17)]

    /// Pictures whose pixels say where they are: R the column, G the row, B the picture.
    init() throws {
        folder = try TemporaryFolder()
        for (index, size) in Self.sizes.enumerated() {
            let samples = (0..<(size.0 * size.1)).flatMap { pixel in
                [UInt8(pixel % size.0), UInt8(pixel / size.0), UInt8(index)]
            }
            try folder.write(
                Image(width: size.0, height: size.1, channelLayout: .rgb, samples: .uint8(samples)), "\(index).png")
        }
        let set = try PictureSet(
            sources: [DataSource(path: folder.path)], minimumSide: Self.side, pool: WorkerPool(workerCount: 1),
            logger: LogRecorder().logger)
        sampler = PatchSampler(pictures: set, side: Self.side, seed: 9)
    }

    private func draw(step: Int, slot: Int) -> (path: String, colors: [Float]) {
        var generator = sampler.generator(step: step, slot: slot)
        var colors = [Float](repeating: -1, count: 3 * Self.side * Self.side)
        let path = colors.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.map { sampler.draw(&generator, into: $0) } ?? ""
        }
        return (path, colors)
    }

    /// Where a patch came from.
    private struct Origin: Hashable {
        let picture: Int
        let x: Int
        let y: Int
        /// How the patch is turned: what a step to the right and a step down mean in the picture.
        let right: [Int]
        let down: [Int]
    }

    /// Finds a patch's origin and checks every pixel of it.
    private func origin(_ colors: [Float]) -> Origin {
        let values = colors.map { Int(($0 * 255).rounded()) }
        func place(_ x: Int, _ y: Int) -> [Int] {
            let start = 3 * (y * Self.side + x)
            return [values[start], values[start + 1]]
        }
        let (corner, last) = (place(0, 0), Self.side - 1)
        let right = zip(place(1, 0), corner).map { $0 - $1 }
        let down = zip(place(0, 1), corner).map { $0 - $1 }
        for y in 0..<Self.side {
            for x in 0..<Self.side {
                let expected = (0..<2).map { corner[$0] + x * right[$0] + y * down[$0] }
                #expect(place(x, y) == expected)
            }
        }
        let far = place(last, last)
        return Origin(
            picture: values[2], x: min(corner[0], far[0]), y: min(corner[1], far[1]), right: right, down: down)
    }

    @Test func whatIsDrawnDependsOnStepAndSlotAlone() {
        let places = (0..<60).map { ($0 / 6, $0 % 6) }
        let inOrder = places.map { draw(step: $0.0, slot: $0.1) }
        let backwards = places.reversed().map { draw(step: $0.0, slot: $0.1) }.reversed()
        #expect(inOrder.map(\.path) == backwards.map(\.path))
        #expect(inOrder.map(\.colors) == backwards.map(\.colors))
        let threaded = Mutex([[Float]](repeating: [], count: places.count))
        WorkerPool(workerCount: 3).run(taskCount: places.count) { index, _ in
            let colors = draw(step: places[index].0, slot: places[index].1).colors
            threaded.withLock { $0[index] = colors }
        }
        #expect(threaded.withLock { $0 } == inOrder.map(\.colors))
        #expect(Set(inOrder.map(\.colors)).count > 30, "they differ from one another")
    }

    @Test func anotherSeedDrawsOtherPatches() {
        let other = PatchSampler(pictures: sampler.pictures, side: Self.side, seed: 10)
        var generator = other.generator(step: 0, slot: 0)
        var mine = sampler.generator(step: 0, slot: 0)
        #expect(generator.next() != mine.next())
    }

    @Test func patchesAreInsideAndCoverEveryPlaceInEverySymmetry() {
        let origins = (0..<4000).map { origin(draw(step: $0, slot: 0).colors) }
        for (picture, size) in Self.sizes.enumerated() {
            let own = origins.filter { $0.picture == picture }
            // Pictures are drawn evenly: a quarter each, within five standard deviations.
            #expect(abs(own.count - 1000) < 140, "picture \(picture)")
            #expect(Set(own.map(\.x)) == Set(0...(size.0 - Self.side)))
            #expect(Set(own.map(\.y)) == Set(0...(size.1 - Self.side)))
        }
        let symmetries = Dictionary(grouping: origins) { [$0.right, $0.down] }
        #expect(symmetries.count == 8)
        for (axes, group) in symmetries {
            #expect(abs(group.count - 500) < 105, "\(axes)")
            // One axis of the picture each, by one pixel.
            #expect(axes.allSatisfy { abs($0[0]) + abs($0[1]) == 1 } && axes[0].map(abs) != axes[1].map(abs))
        }
    }

    @Test func thePathIsThatOfThePicture() {
        for step in 0..<50 {
            let (path, colors) = draw(step: step, slot: 3)
            #expect(path == folder("\(origin(colors).picture).png"))
        }
    }
}
