import RestoreModels
import RestoreText
import RestoreTraining

/// Reconstructs pictures from their codes.
struct AutoencoderEvaluator: Evaluator {
    let items: [Item]
    let summary: [Evaluation.Fact]
    let metrics = [Metric.meanSquaredError]
    /// Thousands of small pictures: their lines would hide the result.
    let listsItems = false

    /// A picture with what became of it.
    struct Item {
        let name: String
        let label: Int?
        let code: [Float]
        let error: Double
        /// Of the mean of all pictures as its reconstruction.
        let errorOfMean: Double
        /// Of as many principal components, if they were asked for.
        let errorOfComponents: Double?
        let seconds: Double
    }

    /// Lines after the means, before those of the classes.
    private let notes: [String]

    /// Pictures that pass the network together.
    private static let chunk = 250

    /// - Throws: `NetworkError` if the machine has too little memory, `Interrupted` after a signal.
    init(
        _ autoencoder: Autoencoder, name: String, pictures: [PictureSet.Picture], subspace: PrincipalSubspace? = nil,
        notes: [String] = []
    ) throws {
        self.notes = notes
        let mean = Self.mean(of: pictures, autoencoder)
        var items: [Item] = []
        let clock = ContinuousClock()
        for start in stride(from: 0, to: pictures.count, by: Self.chunk) {
            try Interruption.check()
            let chunk = pictures[start...].prefix(Self.chunk)
            let inputs = chunk.map { autoencoder.input(of: $0.image) }
            let begin = clock.now
            let results = try autoencoder.apply(inputs, labels: chunk.map(\.label))
            let seconds = roundedToMicroseconds((clock.now - begin).seconds / Double(chunk.count))
            for ((picture, input), result) in zip(zip(chunk, inputs), results) {
                items.append(
                    Item(
                        name: picture.path, label: picture.label, code: result.code,
                        error: meanSquaredError(result.reconstruction, input),
                        errorOfMean: meanSquaredError(mean, input),
                        errorOfComponents: subspace.map { meanSquaredError($0.reconstruction(of: input), input) },
                        seconds: seconds))
            }
        }
        self.items = items
        let architecture = autoencoder.architecture
        summary = [
            .init(key: "model", value: .text(name)),
            .init(key: "codeSize", value: .integer(architecture.codeSize)),
            .init(
                key: "valuesAPicture", value: .integer(architecture.height * architecture.width * architecture.channels)
            ),
        ]
    }

    private static func mean(of pictures: [PictureSet.Picture], _ autoencoder: Autoencoder) -> [Float] {
        var sums: [Double] = []
        for picture in pictures {
            let values = autoencoder.input(of: picture.image)
            if sums.isEmpty { sums = [Double](repeating: 0, count: values.count) }
            for index in values.indices { sums[index] += Double(values[index]) }
        }
        return sums.map { Float($0 / Double(pictures.count)) }
    }

    func name(of item: Item) -> String { item.name }

    func evaluate(_ item: Item) throws -> Evaluation {
        var facts = [Evaluation.Fact(key: "code", value: .numbers(item.code.map { Double($0) }))]
        if let label = item.label { facts.append(.init(key: "label", value: .integer(label))) }
        var baselines = [Evaluation.Baseline(name: "mean picture", values: [item.errorOfMean])]
        if let error = item.errorOfComponents { baselines.append(.init(name: "principal components", values: [error])) }
        return Evaluation(
            file: item.name, values: [item.error], seconds: item.seconds, facts: facts, baselines: baselines)
    }

    /// Each class with its error, and the mean and spread of its codes if they can be drawn.
    var remarks: [String] {
        notes
            + Dictionary(grouping: items) { $0.label }.sorted { ($0.key ?? -1) < ($1.key ?? -1) }.map { label, items in
                let count = Double(items.count)
                let error = items.reduce(0) { $0 + $1.error } / count
                let name = label.map { "class \($0)" } ?? "no class"
                let line = "\(name)  \(items.count) pictures  MSE \(metrics[0].text(error))"
                guard let size = items.first?.code.count, size <= 3 else { return line }
                let codes = (0..<size).map { axis in
                    let mean = items.reduce(0) { $0 + Double($1.code[axis]) } / count
                    let variance = items.reduce(0) {
                        $0 + (Double($1.code[axis]) - mean) * (Double($1.code[axis]) - mean)
                    }
                    return "\(decimals(mean, 2)) ± \(decimals((variance / count).squareRoot(), 2))"
                }
                return "\(line)  code (\(codes.joined(separator: ", ")))"
            }
    }

    /// The classes and codes as `codesTable` writes them.
    var table: [UInt8] { codesTable(labels: items.map(\.label), codes: items.map(\.code)) }
}
