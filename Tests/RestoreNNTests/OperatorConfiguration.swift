import RestoreNN

/// The configuration of a golden case; which fields there are depends on `op`.
struct OperatorConfiguration: Decodable {
    let op: String
    let stride: [Int]?
    let dilation: [Int]?
    let padding: [Int]?
    let paddingMode: String?
    let outputPadding: [Int]?
    let bias: Bool?
    let slope: Float?
    let beta: Float?
    let threshold: Float?
    let from: Int?
    let to: Int?
    let kernel: [Int]?
    let factor: Int?
    let groups: Int?
    let epsilon: Float?
    let learningRate: Float?
    let beta1: Float?
    let beta2: Float?
    let weightDecay: Float?
    let steps: Int?

    enum Failure: Error {
        case unknownOperator(String)
        case missingField(String)
        case unsupportedValue(String)
    }

    func value<Value>(_ field: KeyPath<Self, Value?>) throws -> Value {
        guard let value = self[keyPath: field] else { throw Failure.missingField("\(op): \(field)") }
        return value
    }

    private func extent(_ field: KeyPath<Self, [Int]?>) throws -> Extent {
        let sides = try value(field)
        return Extent(height: sides[0], width: sides[1])
    }

    /// The operator of the case `name`, whose channels and kernel are read off the tensors.
    func makeOperator(case name: String, _ file: SafetensorsFile) throws -> any Operator {
        switch op {
        case "convolution": return try convolution(weight: file.shape(of: "\(name)/weight") ?? [])
        case "transposedConvolution":
            return try transposedConvolution(weight: file.shape(of: "\(name)/weight") ?? [])
        case "dense":
            let weight = file.shape(of: "\(name)/weight") ?? []
            return Dense(inputFeatures: weight[1], outputFeatures: weight[0], hasBias: try value(\.bias))
        case "groupNormalization":
            let channels = (file.shape(of: "\(name)/weight") ?? [])[0]
            return GroupNormalization(
                channels: channels, groups: try value(\.groups), epsilon: try value(\.epsilon))
        case "add": return Add()
        case "concatenate": return Concatenate()
        case "slice": return Slice(channels: try value(\.from)..<(try value(\.to)))
        case "averagePool":
            return Pooling(.average, kernel: try extent(\.kernel), stride: try extent(\.stride))
        case "maxPool": return Pooling(.max, kernel: try extent(\.kernel), stride: try extent(\.stride))
        case "pixelShuffle": return PixelShuffle(factor: try value(\.factor))
        case "pixelUnshuffle": return PixelUnshuffle(factor: try value(\.factor))
        default: return Activation(try activation())
        }
    }

    private func activation() throws -> ActivationFunction {
        switch op {
        case "relu": return .relu
        case "leakyRelu": return .leakyReLU(slope: try value(\.slope))
        case "silu": return .silu
        case "tanh": return .tanh
        case "sigmoid": return .sigmoid
        case "softplus":
            guard try value(\.beta) == 1, try value(\.threshold) == 20 else {
                throw Failure.unsupportedValue(op)
            }
            return .softplus
        default: throw Failure.unknownOperator(op)
        }
    }

    private func convolution(weight: [Int]) throws -> Convolution {
        let padding = try value(\.padding)
        guard let mode = PaddingMode(rawValue: try value(\.paddingMode)) else {
            throw Failure.unsupportedValue("paddingMode")
        }
        return Convolution(
            inputChannels: weight[1], outputChannels: weight[0],
            kernel: Extent(height: weight[2], width: weight[3]),
            stride: try extent(\.stride), dilation: try extent(\.dilation),
            padding: Padding(top: padding[0], bottom: padding[1], left: padding[2], right: padding[3]),
            paddingMode: mode, hasBias: try value(\.bias))
    }

    private func transposedConvolution(weight: [Int]) throws -> TransposedConvolution {
        TransposedConvolution(
            inputChannels: weight[0], outputChannels: weight[1],
            kernel: Extent(height: weight[2], width: weight[3]),
            stride: try extent(\.stride), dilation: try extent(\.dilation), padding: try extent(\.padding),
            outputPadding: try extent(\.outputPadding), hasBias: try value(\.bias))
    }
}
