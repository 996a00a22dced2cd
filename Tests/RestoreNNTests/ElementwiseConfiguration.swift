import RestoreNN

/// The configuration of a case of `Fixtures/golden/elementwise.safetensors`; which fields there are depends on `op`.
struct ElementwiseConfiguration: Decodable {
    let op: String
    let scale: Float?
    let epsilon: Float?
    let height: Int?
    let width: Int?
    let channels: Int?
    let factor: Int?
    let mode: String?
    let alignCorners: Bool?
    let temperature: Float?
    let k: Int?
    let order: String?

    enum Failure: Error {
        case unknownOperator(String)
        case missingField(String)
    }

    private func value<Value>(_ field: KeyPath<Self, Value?>) throws -> Value {
        guard let value = self[keyPath: field] else { throw Failure.missingField("\(op): \(field)") }
        return value
    }

    func makeOperator() throws -> any Operator {
        switch op {
        case "multiply": return Multiply()
        case "exponential": return Exponential(scale: try value(\.scale))
        case "logarithm": return Logarithm(epsilon: try value(\.epsilon))
        case "reshape":
            return Reshape(height: try value(\.height), width: try value(\.width), channels: try value(\.channels))
        case "broadcastPixels":
            guard let height, let width else { return BroadcastPixels() }
            return BroadcastPixels(height: height, width: width)
        case "globalAverage": return GlobalAveragePooling()
        case "batchMean": return BatchMean()
        case "upsampling":
            let isNearest = try value(\.mode) == "nearest"
            return Upsampling(
                factor: try value(\.factor),
                isNearest ? .nearest : .bilinear(alignsCorners: try value(\.alignCorners)))
        case "softmax": return Softmax(temperature: try value(\.temperature))
        case "topK": return TopK(k: try value(\.k), by: try value(\.order) == "value" ? .value : .magnitude)
        default: throw Failure.unknownOperator(op)
        }
    }
}
