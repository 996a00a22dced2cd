import RestoreImage
import RestoreModels
import RestoreText
import RestoreTraining

/// Finds the classes of the pixels of digits over photographs.
struct SegmentationEvaluator: Evaluator {
    let items: [Item]
    let summary: [Evaluation.Fact]
    let metrics = [Metric.pixelAccuracy]
    let listsItems = false
    let remarks: [String]
    /// A scene, its true classes and those found.
    let rows: [[Image]]

    /// A scene with what was found in it.
    struct Item {
        let index: Int
        let accuracy: Double
        let overlap: Double
        let seconds: Double
    }

    /// Of the scenes: figures remain comparable.
    private static let seed: UInt64 = 1
    /// Scenes that pass the network together.
    private static let chunk = 50

    /// - Throws: `NetworkError` if the machine has too little memory, `Interrupted` after a signal.
    init(_ segmenter: Segmenter, name: String, scenes: DigitScenes, count: Int, sheetRows: Int) throws {
        var all = ClassOverlap(classCount: DigitScene.classCount)
        var items: [Item] = []
        var rows: [[Image]] = []
        let clock = ContinuousClock()
        for start in stride(from: 0, to: count, by: Self.chunk) {
            try Interruption.check()
            let range = start..<min(start + Self.chunk, count)
            let part = range.map { scenes.scene($0, seed: Self.seed) }
            let begin = clock.now
            let found = try segmenter.classes(of: part.map(\.picture))
            let seconds = roundedToMicroseconds((clock.now - begin).seconds / Double(part.count))
            for ((index, scene), found) in zip(zip(range, part), found) {
                var own = ClassOverlap(classCount: DigitScene.classCount)
                own.add(truth: scene.classes, found: found)
                all.add(truth: scene.classes, found: found)
                items.append(Item(index: index, accuracy: own.accuracy, overlap: own.mean, seconds: seconds))
                if rows.count < sheetRows { rows.append(segmenter.architecture.segmentationRow(scene, found: found)) }
            }
        }
        (self.items, self.rows) = (items, rows)
        let names = ["background"] + (0...9).map { "digit \($0)" }
        remarks =
            ["mean IoU \(Metric.meanOverlap.text(all.mean))"]
            + zip(names, all.classes).map { "\($0)  \($1.map { "IoU \(Metric.meanOverlap.text($0))" } ?? "nowhere")" }
        summary = [
            .init(key: "model", value: .text(name)),
            .init(key: "meanIou", value: .number(all.mean)),
            .init(key: "classIou", value: .numbers(all.classes.map { $0 ?? .nan })),
            .init(key: "seed", value: .seed(Self.seed)),
        ]
    }

    func name(of item: Item) -> String { "scene \(item.index)" }

    func evaluate(_ item: Item) throws -> Evaluation {
        Evaluation(
            file: name(of: item), values: [item.accuracy], seconds: item.seconds,
            facts: [.init(key: "iou", value: .number(item.overlap))])
    }
}
