import ArgumentParser
import RestoreTraining

/// Options that are settings of a training run. A property that is declared with a setting's key takes its name, help and
/// default from the settings' table, which also checks the value.
protocol SettingOptions: ParsableArguments {
    associatedtype Configuration: TrainingConfiguration
}

extension SettingOptions {
    /// The settings that were given, by their keys, with their values as text.
    var given: [(key: String, value: String)] {
        Mirror(reflecting: self).children.compactMap { label, value in
            // A property's wrapper is stored under its name with an underscore.
            guard let label, label.hasPrefix("_"), let option = value as? Option<String?>,
                let text = option.wrappedValue
            else { return nil }
            let key = Self.key(label.dropFirst())
            return Configuration.table[key] == nil ? nil : (key, text)
        }
    }

    /// "validationInterval" → "validation-interval"
    private static func key(_ property: Substring) -> String {
        property.map { $0.isUppercase ? "-\($0.lowercased())" : String($0) }.joined()
    }
}

extension Option where Value == String? {
    /// The option of a setting, named like it.
    ///
    /// - Precondition: the task has such a setting.
    init<Configuration: TrainingConfiguration>(setting key: String, of _: Configuration.Type) {
        let help = Configuration.table.help(key, default: Configuration())
        precondition(help != nil, "\(Configuration.task) has no setting \(key)")
        self.init(
            name: .customLong(key), parsing: .unconditional,
            help: ArgumentHelp(help.map { "\($0.text)" } ?? "", valueName: help?.valueName ?? ""))
    }
}
