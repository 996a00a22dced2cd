import RestoreConcurrency
import RestoreImage
import RestoreTraining
import TestSupport
import Testing

/// The examples of the segmentation kind, from the digits of `Fixtures/mnist`.
@Suite struct DigitSceneTests {
    private let pool = WorkerPool(workerCount: 2)
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func set(_ path: String) throws -> PictureSet {
        try PictureSet(sources: [DataSource(path: path)], minimumSide: 1, pool: pool, logger: LogRecorder().logger)
    }

    private func scenes(over photograph: String, side: Int = 48, channels: Int = 3) throws -> DigitScenes {
        try DigitScenes(
            digits: set(Fixtures.path("mnist")), photographs: set(photograph), side: side, channels: channels)
    }

    @Test func aSceneHasItsTwoDigitsAndTheBackground() throws {
        let scenes = try scenes(over: Fixtures.path("images/astronaut.png"))
        #expect(scenes.count == 150)
        for index in 0..<scenes.count {
            let scene = scenes.scene(index, seed: 1)
            let labels = [2 * index, 2 * index + 1].compactMap { scenes.digits.pictures[$0].label.map { $0 + 1 } }
            #expect(labels.count == 2 && Set(scene.classes) == Set([0] + labels), "scene \(index)")
            #expect(scene.picture.count == 3 * 48 * 48 && scene.picture.allSatisfy { (0...1).contains($0) })
            // The first digit is not hidden: of the ink of all digits, most is visible.
            let ink = [2 * index, 2 * index + 1].map { number in
                scenes.digits.pictures[number].image.colors.enumerated().count {
                    $0.offset % 3 == 0 && $0.element >= 0.5
                }
            }
            let visible = scene.classes.count { $0 > 0 }
            #expect(visible <= ink[0] + ink[1] && Double(visible) >= 0.7 * Double(ink[0] + ink[1]), "scene \(index)")
        }
    }

    @Test func theSameSeedGivesTheSameScenes() throws {
        let scenes = try scenes(over: Fixtures.path("images/astronaut.png"))
        #expect(scenes.scene(3, seed: 1).picture == scenes.scene(3, seed: 1).picture)
        #expect(scenes.scene(3, seed: 1).classes != scenes.scene(3, seed: 2).classes)
        #expect(scenes.scene(3, seed: 1).classes != scenes.scene(4, seed: 1).classes)
    }

    /// Over a flat gray, opacity times contrast is what a pixel differs by.
    @Test(arguments: [1, 3]) func digitsStandOutFromThePhotograph(channels: Int) throws {
        let gray = Image(
            width: 50, height: 50, channelLayout: .gray, samples: .uint8([UInt8](repeating: 102, count: 2500)))
        try folder.write(gray, "gray.png")
        let scenes = try scenes(over: folder("gray.png"), channels: channels)
        var (inked, distinct) = (0, 0)
        for index in 0..<50 {
            let scene = scenes.scene(index, seed: 5)
            #expect(scene.picture.count == channels * 48 * 48)
            for (pixel, label) in scene.classes.enumerated() where label > 0 {
                let values = (0..<3).map { scene.picture[channels * pixel + (channels == 1 ? 0 : $0)] }
                inked += 1
                if abs(Luma.of(values[0], values[1], values[2]) - 0.4) > 0.149 { distinct += 1 }
            }
        }
        // All but a few where both digits overlap.
        #expect(inked > 5000 && Double(distinct) > 0.98 * Double(inked), "\(distinct) of \(inked)")
    }

    @Test func whatIsNoDigitOrDoesNotFitIsRefused() throws {
        let photograph = try set(Fixtures.path("images/astronaut.png"))
        #expect(throws: ConfigurationError.self) {
            try DigitScenes(digits: photograph, photographs: photograph, side: 48, channels: 3)
        }
        let digits = try set(Fixtures.path("mnist"))
        let error = #expect(throws: ConfigurationError.self) {
            try DigitScenes(digits: digits, photographs: photograph, side: 27, channels: 3)
        }
        #expect(error?.reason.contains("28×28 does not fit in 27×27") == true)
    }

    @Test func overlapIsIntersectionOverUnion() {
        var overlap = ClassOverlap(classCount: 4)
        overlap.add(truth: [0, 0, 0, 1, 1, 2], found: [0, 0, 1, 1, 2, 2])
        overlap.add(truth: [0, 1], found: [0, 1])
        // 0: 3 of 4; 1: 2 of 4; 2: 1 of 2; 3: nowhere.
        #expect(overlap.classes == [0.75, 0.5, 0.5, nil])
        #expect(abs(overlap.mean - 1.75 / 3) < 1e-12 && overlap.accuracy == 0.75)
        #expect(ClassOverlap(classCount: 2).mean == 0)
    }
}
