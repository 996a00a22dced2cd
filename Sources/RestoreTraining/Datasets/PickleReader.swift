/// Reads the pickles used by CIFAR-10: dictionaries, lists, tuples, numbers, strings and NumPy arrays.
///
/// A pickle is a program for a stack machine (Python's `pickletools` lists its instructions), so in Python an untrusted
/// pickle may execute arbitrary code. This reader supports only the instructions that create plain values, and the five
/// global names that NumPy arrays need (`PickleGlobal`); any other is an error that names it. Protocols 2 to 5.
struct PickleReader {
    private var input: PickleInput
    private var stack: [PickleValue] = []
    /// Stack positions of the open marks.
    private var marks: [Int] = []
    private var memo: [Int: PickleValue] = [:]
    private var store = PickleStore()

    /// Limit on the number of instructions: a batch of 10,000 images takes about 60,000, and each takes at most some
    /// tens of bytes of memory.
    private static let maximumInstructions = 1 << 22

    /// Whether a file starts as a pickle of protocol 2 or later.
    static func isPickle(_ bytes: [UInt8]) -> Bool { bytes.count > 2 && bytes[0] == 0x80 && (2...5).contains(bytes[1]) }

    /// The value of the pickle `bytes`, and the containers it refers to.
    static func read(_ bytes: [UInt8]) throws(FormatProblem) -> (value: PickleValue, store: PickleStore) {
        var reader = PickleReader(input: PickleInput(bytes: bytes))
        for _ in 0..<maximumInstructions {
            if let value = try reader.step() { return (value, reader.store) }
        }
        throw .unsupported("it has more than \(maximumInstructions) instructions")
    }

    private init(input: PickleInput) {
        self.input = input
    }

    /// Executes one instruction. The last one returns the value of the pickle.
    private mutating func step() throws(FormatProblem) -> PickleValue? {
        let start = input.position
        let code = try input.byte("an instruction")
        guard let instruction = PickleInstruction(rawValue: code) else {
            let name = PickleInstruction.refusedNames[code]
            throw .unsupported(
                name.map { "it has the instruction \($0) at byte \(start), which no batch needs" }
                    ?? "byte \(start) is not an instruction: \(code)")
        }
        switch instruction {
        case .stop: return try pop()
        case .protocolVersion: try checkProtocol()
        case .frame: try skipFrame()
        case .mark: marks.append(stack.count)
        case .none, .newTrue, .newFalse, .int, .int1, .int2, .long1: stack.append(try scalar(instruction))
        case .shortString, .string, .shortBytes, .bytes, .bytes8, .byteArray8, .shortText, .text, .text8:
            stack.append(try run(instruction))
        case .emptyList: stack.append(store.list())
        case .emptyDictionary: stack.append(store.dictionary())
        case .emptyTuple, .tuple1, .tuple2, .tuple3, .tuple: try makeTuple(instruction)
        case .append, .appends: try appendToList(instruction == .append ? [pop()] : popToMark())
        case .setItem, .setItems: try addToDictionary(instruction == .setItem ? popLast(2) : popToMark())
        case .put, .longPut, .memoize, .get, .longGet: try useMemo(instruction)
        case .global, .stackGlobal: try pushGlobal(instruction)
        case .reduce: try reduce()
        case .build: try build()
        }
        return nil
    }

    // MARK: Stack

    private mutating func pop() throws(FormatProblem) -> PickleValue {
        try popLast(1)[0]
    }

    private mutating func popLast(_ count: Int) throws(FormatProblem) -> [PickleValue] {
        guard stack.count - (marks.last ?? 0) >= count else {
            throw .damage("the instruction before byte \(input.position) has too few values on the stack")
        }
        defer { stack.removeLast(count) }
        return Array(stack.suffix(count))
    }

    private mutating func popToMark() throws(FormatProblem) -> [PickleValue] {
        guard let mark = marks.popLast() else {
            throw .damage("the instruction before byte \(input.position) has no mark on the stack")
        }
        defer { stack.removeLast(stack.count - mark) }
        return Array(stack[mark...])
    }

    private func top() throws(FormatProblem) -> PickleValue {
        guard let value = stack.last, stack.count > marks.last ?? 0 else {
            throw .damage("the instruction before byte \(input.position) has too few values on the stack")
        }
        return value
    }

    // MARK: Plain values

    private mutating func checkProtocol() throws(FormatProblem) {
        let version = try input.byte("the protocol")
        guard (2...5).contains(version) else { throw .unsupported("its protocol is \(version), expected 2 to 5") }
    }

    private mutating func skipFrame() throws(FormatProblem) {
        let count = try input.length(bytes: 8)
        guard count <= input.remaining else {
            throw .damage("it ends early: expected a frame of \(count) bytes, found \(input.remaining)")
        }
    }

    private mutating func scalar(_ instruction: PickleInstruction) throws(FormatProblem) -> PickleValue {
        switch instruction {
        case .newTrue: .bool(true)
        case .newFalse: .bool(false)
        case .int: .int(try input.signed(bytes: 4))
        case .int1: .int(try input.length(bytes: 1))
        case .int2: .int(try input.length(bytes: 2))
        case .long1: .int(try input.signed(bytes: try input.length(bytes: 1)))
        default: .none
        }
    }

    /// Strings and bytes: a length followed by that many bytes.
    private mutating func run(_ instruction: PickleInstruction) throws(FormatProblem) -> PickleValue {
        let lengthBytes =
            switch instruction {
            case .shortString, .shortBytes, .shortText: 1
            case .string, .bytes, .text: 4
            default: 8
            }
        let range = try input.run(try input.length(bytes: lengthBytes))
        return [.shortText, .text, .text8].contains(instruction) ? .text(range) : .bytes(range)
    }

    // MARK: Containers

    private mutating func makeTuple(_ instruction: PickleInstruction) throws(FormatProblem) {
        let values =
            switch instruction {
            case .emptyTuple: [PickleValue]()
            case .tuple1: try popLast(1)
            case .tuple2: try popLast(2)
            case .tuple3: try popLast(3)
            default: try popToMark()
            }
        stack.append(store.tuple(values))
    }

    private mutating func appendToList(_ values: [PickleValue]) throws(FormatProblem) {
        guard case .list(let index) = try top() else { throw misplaced("is appended to", try top()) }
        store.lists[index] += values
    }

    private mutating func addToDictionary(_ pairs: [PickleValue]) throws(FormatProblem) {
        guard case .dictionary(let index) = try top() else { throw misplaced("gets keys", try top()) }
        guard pairs.count.isMultiple(of: 2) else { throw .damage("a dictionary gets a key without a value") }
        store.dictionaries[index] += pairs
    }

    private func misplaced(_ what: String, _ value: PickleValue) -> FormatProblem {
        .damage("\(value.name) \(what) before byte \(input.position)")
    }

    private mutating func useMemo(_ instruction: PickleInstruction) throws(FormatProblem) {
        switch instruction {
        case .memoize:
            memo[memo.count] = try top()
        case .put, .longPut:
            memo[try input.length(bytes: instruction == .put ? 1 : 4)] = try top()
        default:
            let key = try input.length(bytes: instruction == .get ? 1 : 4)
            guard let value = memo[key] else {
                throw .damage("it refers to memo entry \(key), which it has not stored")
            }
            stack.append(value)
        }
    }

    // MARK: NumPy

    private mutating func pushGlobal(_ instruction: PickleInstruction) throws(FormatProblem) {
        let parts: [String]
        if instruction == .global {
            parts = [try input.line(), try input.line()]
        } else {
            parts = try popLast(2).map { (value) throws(FormatProblem) in
                guard case .text(let range) = value else { throw misplaced("is used as a name", value) }
                return input.shortText(range)
            }
        }
        let name = parts.joined(separator: ".")
        guard let global = PickleGlobal(name: name) else {
            throw .unsupported("it refers to \(name), which no batch needs; nothing of it was executed")
        }
        stack.append(.global(global))
    }

    private mutating func reduce() throws(FormatProblem) {
        let parts = try popLast(2)
        guard case .global(let global) = parts[0], case .tuple(let index) = parts[1] else {
            throw misplaced("is called", parts[0])
        }
        let arguments = store.tuples[index]
        guard let result = try call(global, arguments) else {
            let kinds = arguments.prefix(8).map(\.name).joined(separator: ", ")
            throw .unsupported("it calls \(global.rawValue) with (\(kinds))")
        }
        stack.append(result)
    }

    /// The result of calling one of the supported globals; nil if the arguments are not those used by NumPy.
    private mutating func call(
        _ global: PickleGlobal, _ arguments: [PickleValue]
    ) throws(FormatProblem) -> PickleValue? {
        switch (global, arguments.count) {
        case (.reconstruct, 3) where arguments[0] == .global(.array):
            return store.array(nil)
        case (.type, 1...3):
            return range(arguments[0]).map { .type(code: $0) }
        case (.fromBuffer, 4):
            guard let order = range(arguments[3]) else { return nil }
            let isFortran = input.shortText(order) == "F"
            return store.array(try array(arguments[2], arguments[1], isFortran, arguments[0]))
        case (.encode, 2):
            guard case .text(let text) = arguments[0], let codec = range(arguments[1]) else { return nil }
            return input.shortText(codec) == "latin1" ? .latin1(text) : nil
        default:
            return nil
        }
    }

    /// Sets the values of an array, or the byte order of a type, which does not matter for bytes.
    private mutating func build() throws(FormatProblem) {
        let state = try pop()
        guard case .tuple(let index) = state else { throw misplaced("is the state of a value", state) }
        let fields = store.tuples[index]
        switch try top() {
        case .array(let target) where fields.count == 5:
            guard case .bool(let isFortran) = flag(fields[3]) else { throw misplaced("is a flag", fields[3]) }
            store.arrays[target] = try array(fields[1], fields[2], isFortran, fields[4])
        case .type where fields.count >= 5:
            guard fields[2...4].allSatisfy({ $0 == .none }) else {
                throw .unsupported("the element type of its array is structured")
            }
        case let other:
            throw misplaced("gets a state of \(fields.count) fields", other)
        }
    }

    /// Python 2 stores flags as numbers.
    private func flag(_ value: PickleValue) -> PickleValue {
        switch value {
        case .int(0): .bool(false)
        case .int(1): .bool(true)
        default: value
        }
    }

    private func array(
        _ shape: PickleValue, _ type: PickleValue, _ isFortran: Bool, _ values: PickleValue
    ) throws(FormatProblem) -> PickleArray {
        guard case .tuple(let index) = shape else { throw misplaced("is a shape", shape) }
        // NumPy's own limit. Without it, one long tuple referenced by many arrays would be copied for each.
        guard store.tuples[index].count <= 64 else {
            throw .damage("an array has \(store.tuples[index].count) axes before byte \(input.position)")
        }
        let sides = try store.tuples[index].map { (side) throws(FormatProblem) in
            guard case .int(let count) = side else { throw misplaced("is a side of an array", side) }
            return count
        }
        guard case .type(let code) = type else { throw misplaced("is the type of an array", type) }
        switch values {
        case .bytes, .latin1:
            return PickleArray(shape: sides, typeCode: code, isFortran: isFortran, values: values)
        default:
            throw misplaced("is the content of an array", values)
        }
    }

    private func range(_ value: PickleValue) -> Range<Int>? {
        switch value {
        case .bytes(let range), .text(let range): range
        default: nil
        }
    }
}
