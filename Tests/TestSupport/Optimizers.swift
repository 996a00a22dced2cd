import RestoreNN

extension ParameterLayout {
    /// Parameters of these shapes, named "0", "1", …
    package init(shapes: [[Int]]) {
        self.init(
            shapes.enumerated().map { index, shape in
                ParameterSpecification(name: "\(index)", shape: shape, initialization: .zeros)
            })
    }
}

extension Optimizer {
    /// AdamW of parameters that all decay.
    package static func adamW(
        parameterCount: Int, weightDecay: Float = 0.01, settings: Settings = Settings()
    ) -> Optimizer {
        let layout = ParameterLayout(shapes: [[parameterCount]])
        return Optimizer(ParameterGroups(layout) { _ in .init(.adamW, weightDecay: weightDecay) }, settings: settings)
    }
}
