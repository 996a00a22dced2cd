import CImageCodecs

/// The coding parameters of a JPEG file, sufficient to write another file with no greater loss.
public struct JPEGParameters: Sendable, Equatable {
    /// The parameters of one color component, in the file's order.
    public struct Component: Sendable, Equatable {
        /// Horizontal sampling factor relative to the other components: 1…4.
        public var horizontalSampling: Int
        /// Vertical sampling factor relative to the other components: 1…4.
        public var verticalSampling: Int
        /// Index into `quantizationTables` of the table for its coefficients.
        public var tableIndex: Int

        public init(horizontalSampling: Int, verticalSampling: Int, tableIndex: Int) {
            self.horizontalSampling = horizontalSampling
            self.verticalSampling = verticalSampling
            self.tableIndex = tableIndex
        }
    }

    /// 64 divisors each, row by row from the lowest frequency.
    public var quantizationTables: [[UInt16]]
    public var components: [Component]
    /// Whether the image is progressive (ITU-T T.81, Annex G) or stored from top to bottom.
    public var isProgressive: Bool
    /// Whether Huffman codes are optimized for the image, as they always are in progressive files, instead of being the
    /// generic ones (ITU-T T.81, annex K.3). This saves 0.5 to 4% of the bytes, but needs memory for the coefficients
    /// during encoding.
    public var optimizesCodes: Bool
    /// Whether three components are red, green and blue, which is rare, instead of YCbCr.
    public var storesRGB: Bool

    public init(
        quantizationTables: [[UInt16]], components: [Component], isProgressive: Bool = false,
        optimizesCodes: Bool = false, storesRGB: Bool = false
    ) {
        self.quantizationTables = quantizationTables
        self.components = components
        self.isProgressive = isProgressive
        self.optimizesCodes = optimizesCodes
        self.storesRGB = storesRGB
    }
}

extension JPEGParameters {
    /// The parameters for the transposed image, with horizontal and vertical exchanged.
    var transposed: JPEGParameters {
        var result = self
        result.quantizationTables = quantizationTables.map { table in
            (0..<table.count).map { table[$0 % 8 * 8 + $0 / 8] }
        }
        result.components = components.map {
            Component(
                horizontalSampling: $0.verticalSampling, verticalSampling: $0.horizontalSampling,
                tableIndex: $0.tableIndex)
        }
        return result
    }

    /// Nil if a component has no table, as in a partially read file.
    init?(_ parameters: RestoreJPEGParameters) {
        let count = Int(parameters.component_count)
        guard count > 0 else { return nil }
        let tables = withUnsafeBytes(of: parameters.tables) { Array($0.bindMemory(to: UInt16.self)) }
        let size = Int(RESTORE_JPEG_TABLE_SIZE)
        quantizationTables = (0..<Int(parameters.table_count)).map { Array(tables[$0 * size..<($0 + 1) * size]) }
        let (horizontal, vertical, indices) = (
            elements(parameters.horizontal), elements(parameters.vertical), elements(parameters.table_index)
        )
        components = (0..<count).map {
            Component(
                horizontalSampling: Int(horizontal[$0]), verticalSampling: Int(vertical[$0]),
                tableIndex: Int(indices[$0]))
        }
        isProgressive = parameters.is_progressive != 0
        optimizesCodes = parameters.optimizes_codes != 0
        storesRGB = parameters.stores_rgb != 0
    }

    /// The parameters for the codec, or nil if libjpeg cannot write an image with this number of channels using them.
    ///
    /// libjpeg reads more than it writes. It writes at most 10 blocks per MCU, sampling factors that divide the largest
    /// one, and divisors of up to 8191.
    func storable(channelCount: Int) -> RestoreJPEGParameters? {
        guard components.count == channelCount, hasWritableSampling,
            quantizationTables.count <= Int(RESTORE_JPEG_COMPONENTS),
            components.allSatisfy({ quantizationTables.indices.contains($0.tableIndex) }),
            quantizationTables.allSatisfy({ table in
                table.count == Int(RESTORE_JPEG_TABLE_SIZE) && table.allSatisfy { (1...8191).contains($0) }
            })
        else { return nil }
        var result = RestoreJPEGParameters()
        result.component_count = UInt32(components.count)
        result.table_count = UInt32(quantizationTables.count)
        withUnsafeMutableBytes(of: &result.tables) { $0.copyBytes(from: joinedTables) }
        withUnsafeMutableBytes(of: &result.horizontal) { bytes in
            bytes.copyBytes(from: components.map { UInt8($0.horizontalSampling) })
        }
        withUnsafeMutableBytes(of: &result.vertical) { bytes in
            bytes.copyBytes(from: components.map { UInt8($0.verticalSampling) })
        }
        withUnsafeMutableBytes(of: &result.table_index) { bytes in
            bytes.copyBytes(from: components.map { UInt8($0.tableIndex) })
        }
        result.is_progressive = isProgressive ? 1 : 0
        result.optimizes_codes = optimizesCodes ? 1 : 0
        result.stores_rgb = storesRGB && components.count == 3 ? 1 : 0
        return result
    }

    /// In native byte order.
    private var joinedTables: [UInt8] {
        Array(quantizationTables.joined()).withUnsafeBytes { Array($0) }
    }

    private var hasWritableSampling: Bool {
        let factors = components.flatMap { [$0.horizontalSampling, $0.verticalSampling] }
        guard factors.allSatisfy({ (1...4).contains($0) }) else { return false }
        let widest = components.map { $0.horizontalSampling }.max() ?? 1
        let tallest = components.map { $0.verticalSampling }.max() ?? 1
        let blocks = components.reduce(0) { $0 + $1.horizontalSampling * $1.verticalSampling }
        return components.allSatisfy { widest % $0.horizontalSampling == 0 && tallest % $0.verticalSampling == 0 }
            && (components.count == 1 || blocks <= 10)
    }
}

/// The elements of a C array of four bytes, as imported by Swift.
private func elements(_ array: (UInt8, UInt8, UInt8, UInt8)) -> [UInt8] { [array.0, array.1, array.2, array.3] }
