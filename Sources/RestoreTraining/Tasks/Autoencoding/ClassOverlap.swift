/// How well the classes of pixels are found: the intersection of what is a class and what is called so, over their union
/// (Everingham et al., "The PASCAL visual object classes (VOC) challenge", IJCV 88, 2010, sec. 4.1.3), over all pixels of
/// all pictures.
public struct ClassOverlap: Sendable {
    private var intersections: [Int]
    private var truths: [Int]
    private var answers: [Int]

    public init(classCount: Int) {
        let zeros = [Int](repeating: 0, count: classCount)
        (intersections, truths, answers) = (zeros, zeros, zeros)
    }

    /// Counts the pixels of a picture.
    ///
    /// - Precondition: as many of each, all classes below the count.
    public mutating func add(truth: [Int], found: [Int]) {
        precondition(truth.count == found.count, "\(truth.count) and \(found.count) pixels")
        for (truth, found) in zip(truth, found) {
            truths[truth] += 1
            answers[found] += 1
            if truth == found { intersections[truth] += 1 }
        }
    }

    /// Intersection over union of each class; nil for a class that is nowhere.
    public var classes: [Double?] {
        intersections.indices.map { index in
            let union = truths[index] + answers[index] - intersections[index]
            return union == 0 ? nil : Double(intersections[index]) / Double(union)
        }
    }

    /// The mean over the classes that are anywhere, 0 if none is.
    public var mean: Double {
        let found = classes.compactMap { $0 }
        return found.reduce(0, +) / Double(max(1, found.count))
    }

    /// The share of the pixels whose class is right.
    public var accuracy: Double { Double(intersections.reduce(0, +)) / Double(max(1, truths.reduce(0, +))) }
}

extension Metric {
    /// Intersection over union, averaged over the classes.
    public static let meanOverlap = Metric("mean_iou", title: "mean IoU", decimals: 4, direction: .higherIsBetter)
    /// The share of pixels whose class is right.
    public static let pixelAccuracy = Metric(
        "pixel_accuracy", title: "pixel accuracy", decimals: 4, direction: .higherIsBetter)
}
