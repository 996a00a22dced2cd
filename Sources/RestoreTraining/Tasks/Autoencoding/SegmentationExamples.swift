import RestoreConcurrency
import RestoreImage
import RestoreModels
import RestoreNN

/// Digits over photographs, whose pixels get classes.
struct SegmentationExamples: AutoencoderExamples {
    let trainingScenes: DigitScenes
    let validationScenes: DigitScenes
    let seed: UInt64

    let metrics = [Metric.meanOverlap, .pixelAccuracy]

    /// Scenes that are shown.
    private static let sampleCount = 10
    /// Scenes that pass the network together.
    private static let chunk = 50

    var training: PictureSet { trainingScenes.digits }
    var validation: PictureSet { validationScenes.digits }
    var validationCount: Int { validationScenes.count }

    var dataDigest: String {
        let photographs = [trainingScenes, validationScenes].map(\.photographs.digest)
        return ([training.digest, validation.digest] + photographs).joined(separator: "-")
    }

    var furtherDataSets: [RunReport.DataSet] {
        [
            RunReport.DataSet(
                name: "photographs", role: "behind the digits", pictureCount: trainingScenes.photographs.pictures.count),
            RunReport.DataSet(
                name: "photographs held out", role: "validation",
                pictureCount: validationScenes.photographs.pictures.count),
        ]
    }

    var furtherData: String { " over \(trainingScenes.photographs.pictures.count) photographs" }

    private struct Example: AutoencoderExample {
        let path: String
        let scene: DigitScene

        func values(_ input: String) -> [Float] {
            input == "classes" ? scene.classes.map { Float($0) } : scene.picture
        }
    }

    func draw(using generator: inout SeededGenerator) -> any AutoencoderExample {
        let (scene, path) = trainingScenes.draw(using: &generator)
        return Example(path: path, scene: scene)
    }

    func validate(_ model: Model<AutoencoderArchitecture>, pool: WorkerPool) throws -> [Double] {
        let segmenter = Segmenter(model, pool: pool)
        var overlap = ClassOverlap(classCount: DigitScene.classCount)
        for start in stride(from: 0, to: validationScenes.count, by: Self.chunk) {
            let scenes = (start..<min(start + Self.chunk, validationScenes.count)).map {
                validationScenes.scene($0, seed: seed)
            }
            for (scene, found) in zip(scenes, try segmenter.classes(of: scenes.map(\.picture))) {
                overlap.add(truth: scene.classes, found: found)
            }
        }
        return [overlap.mean, overlap.accuracy]
    }

    /// Pictures, their true classes and those found.
    func samples(_ model: Model<AutoencoderArchitecture>, pool: WorkerPool) throws -> [[Image]] {
        let scenes = (0..<min(Self.sampleCount, validationScenes.count)).map { validationScenes.scene($0, seed: seed) }
        let found = try Segmenter(model, pool: pool).classes(of: scenes.map(\.picture))
        return zip(scenes, found).map { model.architecture.segmentationRow($0, found: $1) }
    }
}

extension AutoencoderArchitecture {
    /// A picture, its true classes and those found, as pictures.
    public func segmentationRow(_ scene: DigitScene, found: [Int]) -> [Image] {
        let picture = image(of: scene.picture)
        return [picture.inColor]
            + [scene.classes, found].map { classes in
                let samples = classes.flatMap { Self.classColors[$0 % Self.classColors.count] }
                return Image(width: width, height: height, channelLayout: .rgb, samples: .uint8(samples))
            }
    }

    /// Black for the background, and the ten colors of the charts.
    private static let classColors: [[UInt8]] = [
        [0, 0, 0], [78, 121, 167], [242, 142, 43], [225, 87, 89], [118, 183, 178], [89, 161, 79], [237, 201, 72],
        [176, 122, 161], [255, 157, 167], [156, 117, 95], [186, 186, 186],
    ]
}

extension Image {
    /// With three channels.
    fileprivate var inColor: Image {
        guard channelLayout == .gray else { return self }
        let samples = colors.map { UInt8(max(0, min(255, $0 * 255 + 0.5))) }
        return Image(width: width, height: height, channelLayout: .rgb, samples: .uint8(samples))
    }
}
