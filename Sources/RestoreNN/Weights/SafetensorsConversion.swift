extension SafetensorsFile {
    /// The bytes of a file with the same tensors, in the same order, and the same metadata, its elements of another type; only
    /// the checksum is new.
    ///
    /// Values are rounded to the nearest, ties to even. Those that are too small for the type become subnormal or 0.
    ///
    /// - Throws: `WeightsError.overflow` for a value that would become infinite, `.unsupportedElementType` or `.notFinite`,
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
