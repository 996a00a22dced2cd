/// What a pickle is made of. Texts and bytes are ranges of the file, and containers stand in the `PickleStore`, so that
/// no value takes memory of its own and none holds another: cycles and deep nesting cost nothing.
enum PickleValue: Equatable {
    case none
    case bool(Bool)
    case int(Int)
    /// A string of Python 2, or bytes of Python 3.
    case bytes(Range<Int>)
    /// UTF-8, not checked.
    case text(Range<Int>)
    /// The bytes that a UTF-8 text gives in Latin-1: how Python 3 writes bytes for Python 2.
    case latin1(Range<Int>)
    case list(Int)
    case dictionary(Int)
    case tuple(Int)
    case global(PickleGlobal)
    /// A NumPy type, by its code ("u1"), such a range of the file.
    case type(code: Range<Int>)
    case array(Int)

    /// What it is called in error messages.
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

/// The only names of Python modules that a pickle may hold. None is looked up anywhere: they stand for steps of
/// `PickleReader`.
enum PickleGlobal: String {
    /// Makes an empty array, which its state then fills.
    case reconstruct = "numpy.core.multiarray._reconstruct"
    case array = "numpy.ndarray"
    case type = "numpy.dtype"
    /// Makes an array of its bytes (protocol 5).
    case fromBuffer = "numpy.core.numeric._frombuffer"
    /// Makes bytes of a string (Python 3 writing protocol 2).
    case encode = "_codecs.encode"

    /// - Parameter name: module and name; the modules' names since NumPy 2 are known, too.
    init?(name: String) {
        let prefix = "numpy._core."
        self.init(rawValue: name.hasPrefix(prefix) ? "numpy.core." + name.dropFirst(prefix.count) : name)
    }
}

/// A NumPy array, its values still in the file.
struct PickleArray: Equatable {
    var shape: [Int]
    /// The code of its type, such as "u1" for bytes, as a range of the file.
    var typeCode: Range<Int>
    /// Whether the first axis is the fastest.
    var isFortran: Bool
    /// Its values: `.bytes` or `.latin1`.
    var values: PickleValue
}

/// The containers of a pickle.
struct PickleStore {
    var lists: [[PickleValue]] = []
    /// Keys and values in turns.
    var dictionaries: [[PickleValue]] = []
    var tuples: [[PickleValue]] = []
    /// Nil for an array that has no state yet.
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
