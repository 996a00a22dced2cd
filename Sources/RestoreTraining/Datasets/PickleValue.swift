/// The values in a pickle. Strings and bytes are ranges of the file, and containers are stored in the `PickleStore`, so
/// that no value allocates memory or contains another one: cycles and deep nesting cost nothing.
enum PickleValue: Equatable {
    case none
    case bool(Bool)
    case int(Int)
    /// A Python 2 string, or Python 3 bytes.
    case bytes(Range<Int>)
    /// UTF-8, not validated.
    case text(Range<Int>)
    /// The Latin-1 bytes of a UTF-8 string, which is how Python 3 stores bytes for Python 2.
    case latin1(Range<Int>)
    case list(Int)
    case dictionary(Int)
    case tuple(Int)
    case global(PickleGlobal)
    /// A NumPy type, given by its code ("u1") as a range of the file.
    case type(code: Range<Int>)
    case array(Int)

    /// The name used in error messages.
    var name: String {
        switch self {
        case .none: "None"
        case .bool: "a bool"
        case .int(let value): "the number \(value)"
        case .bytes, .latin1: "bytes"
        case .text: "a string"
        case .list: "a list"
        case .dictionary: "a dictionary"
        case .tuple: "a tuple"
        case .global(let global): global.rawValue
        case .type: "a NumPy type"
        case .array: "a NumPy array"
        }
    }
}

/// The only Python globals a pickle may contain. They are never looked up; each one corresponds to an operation of
/// `PickleReader`.
enum PickleGlobal: String {
    /// Creates an empty array, to be filled by setting its state.
    case reconstruct = "numpy.core.multiarray._reconstruct"
    case array = "numpy.ndarray"
    case type = "numpy.dtype"
    /// Creates an array from its bytes (protocol 5).
    case fromBuffer = "numpy.core.numeric._frombuffer"
    /// Creates bytes from a string (Python 3 writing protocol 2).
    case encode = "_codecs.encode"

    /// - Parameter name: module and name; the module names used since NumPy 2 are also accepted.
    init?(name: String) {
        let prefix = "numpy._core."
        self.init(rawValue: name.hasPrefix(prefix) ? "numpy.core." + name.dropFirst(prefix.count) : name)
    }
}

/// A NumPy array whose values are still in the file.
struct PickleArray: Equatable {
    var shape: [Int]
    /// Its type code, such as "u1" for bytes, as a range of the file.
    var typeCode: Range<Int>
    /// Whether the first axis varies fastest (column-major order).
    var isFortran: Bool
    /// Its values: `.bytes` or `.latin1`.
    var values: PickleValue
}

/// The containers of a pickle.
struct PickleStore {
    var lists: [[PickleValue]] = []
    /// Alternating keys and values.
    var dictionaries: [[PickleValue]] = []
    var tuples: [[PickleValue]] = []
    /// Nil for an array whose state has not been set.
    var arrays: [PickleArray?] = []

    mutating func list() -> PickleValue {
        lists.append([])
        return .list(lists.count - 1)
    }

    mutating func dictionary() -> PickleValue {
        dictionaries.append([])
        return .dictionary(dictionaries.count - 1)
    }

    mutating func tuple(_ values: [PickleValue]) -> PickleValue {
        tuples.append(values)
        return .tuple(tuples.count - 1)
    }

    mutating func array(_ array: PickleArray?) -> PickleValue {
        arrays.append(array)
        return .array(arrays.count - 1)
    }
}
