extension SafetensorsFile {
    /// The bytes of a file with the same tensors, in the same order, and the same metadata, but with another element
    /// type; only the checksum is new.
    ///
    /// Values are rounded to nearest, ties to even. Values too small for the type become subnormal or 0.
    ///
    /// - Throws: `WeightsError.overflow` if a value would become infinite, `.unsupportedElementType` or `.notFinite`,
    ///   naming the tensor.
    public func converted(to type: ElementType) throws(WeightsError) -> [UInt8] {
        var tensors: [NamedTensor] = []
        for name in tensorNames {
            let values = try values(of: name)
            if let value = values.first(where: { !type.rounded($0).isFinite }) {
                throw .overflow(path: path, tensor: name, value: value, type: type)
            }
            tensors.append(NamedTensor(name: name, shape: shape(of: name) ?? [], values: values))
        }
        return Self.serialize(tensors, metadata: metadata, as: type)
    }
}
