import RestoreFiles
import RestoreNN

/// A run's state as a file: safetensors with four values per parameter (`weights/…`, `average/…`, `moment1/…`,
/// `moment2/…`) and the rest as metadata. Numbers are written so that reading them back gives the same bits.
struct Checkpoint {
    let state: TrainingState
    /// The parameters the run was started with: the schedule's length and the data.
    let identity: RunIdentity

    private static let task = "training-checkpoint"
    private static let groups = ["weights", "average", "moment1", "moment2"]

    init(state: TrainingState, identity: RunIdentity) {
        self.state = state
        self.identity = identity
    }

    var bytes: [UInt8] {
        let values = [
            state.parameters.values, state.average.values, state.optimizer.firstMoments, state.optimizer.secondMoments,
        ]
        let tensors = zip(Self.groups, values).flatMap { group, values in
            state.parameters.layout.entries.map { entry in
                SafetensorsFile.NamedTensor(
                    name: "\(group)/\(entry.specification.name)", shape: entry.specification.shape,
                    values: Array(values[entry.range]))
            }
        }
        return SafetensorsFile.serialize(tensors, metadata: metadata)
    }

    private var metadata: [String: String] {
        var fields = [
            "task": Self.task, "step": "\(state.step)", "seconds": "\(state.seconds)", "loss_sum": "\(state.lossSum)",
            "loss_count": "\(state.lossCount)", "optimizer_step": "\(state.optimizer.step)",
            "average_step": "\(state.average.step)", "validations_without_gain": "\(state.validationsWithoutGain)",
            "total_steps": identity.totalSteps.map { "\($0)" } ?? "none", "seed": "\(identity.seed)",
            "data": identity.data, "settings": identity.settings,
        ]
        // With a single term, the loss is sufficient.
        if state.termSums.count > 1 { fields["term_sums"] = state.termSums.map { "\($0)" }.joined(separator: " ") }
        if let score = state.bestScore { fields["best_score"] = "\(score)" }
        if let score = state.lastScore { fields["last_score"] = "\(score)" }
        return Dictionary(uniqueKeysWithValues: fields.map { ("restore.\($0.key)", $0.value) })
    }

    /// Reads a checkpoint of a network with this parameter layout.
    ///
    /// - Parameter termCount: number of terms in the objective.
    /// - Throws: `TrainingError.weights` naming the file and the reason.
    init(path: String, layout: ParameterLayout, termCount: Int, settings: TrainerSettings) throws(TrainingError) {
        do throws(WeightsError) {
            let file = try SafetensorsFile(path: path)
            let fields = CheckpointFields(metadata: file.metadata)
            guard fields.text("task") == Self.task else {
                throw WeightsError.damaged(path: path, reason: "it is not a checkpoint of a training run")
            }
            let values = try Self.groups.map { (group) throws(WeightsError) in
                try Self.values(of: group, file: file, layout: layout)
            }
            guard let step = fields.integer("step"), let optimizerStep = fields.integer("optimizer_step"),
                let averageStep = fields.integer("average_step"), let lossCount = fields.integer("loss_count"),
                let validations = fields.integer("validations_without_gain"), let seconds = fields.number("seconds"),
                let lossSum = fields.number("loss_sum"), let seed = fields.text("seed").flatMap({ UInt64($0) }),
                let data = fields.text("data"), let settingsDigest = fields.text("settings"),
                let total = fields.text("total_steps"), total == "none" || Int(total) != nil,
                let termSums = fields.termSums(count: termCount, lossSum: lossSum)
            else {
                throw WeightsError.damaged(path: path, reason: "a field of the checkpoint is missing or not a number")
            }
            var state = TrainingState(
                parameters: Parameters(layout: layout, values: values[0]), termCount: termCount, settings: settings)
            state.average = ExponentialMovingAverage(
                decay: settings.averageDecay, values: values[1], step: averageStep)
            state.optimizer = settings.makeOptimizer(
                layout, firstMoments: values[2], secondMoments: values[3], step: optimizerStep)
            (state.step, state.seconds) = (step, seconds)
            (state.lossSum, state.termSums, state.lossCount) = (lossSum, termSums, lossCount)
            (state.bestScore, state.lastScore) = (fields.number("best_score"), fields.number("last_score"))
            state.validationsWithoutGain = validations
            self.init(
                state: state,
                identity: RunIdentity(totalSteps: Int(total), seed: seed, data: data, settings: settingsDigest))
        } catch {
            throw .weights(error)
        }
    }

    private static func values(
        of group: String, file: SafetensorsFile, layout: ParameterLayout
    ) throws(WeightsError) -> [Float] {
        var values: [Float] = []
        values.reserveCapacity(layout.count)
        for entry in layout.entries {
            let name = "\(group)/\(entry.specification.name)"
            let shape = file.shape(of: name) ?? []
            guard shape == entry.specification.shape else {
                throw .wrongShape(path: file.path, tensor: name, expected: entry.specification.shape, found: shape)
            }
            values += try file.values(of: name)
        }
        return values
    }
}

/// What must match for a run to be resumed: a checkpoint of another run would silently train something else.
struct RunIdentity: Equatable {
    /// The schedule's length; nil if only a time limit ends the run.
    var totalSteps: Int?
    var seed: UInt64
    /// Digests of the data and of all settings.
    var data: String
    var settings: String
}

private struct CheckpointFields {
    let metadata: [String: String]

    func text(_ key: String) -> String? { metadata["restore.\(key)"] }

    func integer(_ key: String) -> Int? {
        text(key).flatMap { Int($0) }.flatMap { $0 >= 0 ? $0 : nil }
    }

    func number(_ key: String) -> Double? {
        text(key).flatMap { Double($0) }.flatMap { $0.isFinite ? $0 : nil }
    }

    /// The sums of the terms. A single term's sum is not stored; its weight is then 1, or the sum is not shown.
    func termSums(count: Int, lossSum: Double) -> [Double]? {
        guard count > 1 else { return [Double](repeating: lossSum, count: count) }
        let sums = (text("term_sums") ?? "").split(separator: " ").map { Double($0) }
        let numbers = sums.compactMap { $0 }.filter(\.isFinite)
        return numbers.count == count && sums.count == count ? numbers : nil
    }
}
