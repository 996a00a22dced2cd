/// The supported pickle instructions, named as in Python's `pickletools`.
enum PickleInstruction: UInt8 {
    case protocolVersion = 0x80
    case frame = 0x95
    case stop = 0x2E  // .
    case mark = 0x28  // (
    case none = 0x4E  // N
    case newTrue = 0x88
    case newFalse = 0x89
    case int = 0x4A  // J BININT
    case int1 = 0x4B  // K BININT1
    case int2 = 0x4D  // M BININT2
    case long1 = 0x8A
    case shortString = 0x55  // U SHORT_BINSTRING
    case string = 0x54  // T BINSTRING
    case shortBytes = 0x43  // C SHORT_BINBYTES
    case bytes = 0x42  // B BINBYTES
    case bytes8 = 0x8E
    case byteArray8 = 0x96
    case shortText = 0x8C  // SHORT_BINUNICODE
    case text = 0x58  // X BINUNICODE
    case text8 = 0x8D
    case emptyList = 0x5D  // ]
    case append = 0x61  // a
    case appends = 0x65  // e
    case emptyDictionary = 0x7D  // }
    case setItem = 0x73  // s
    case setItems = 0x75  // u
    case emptyTuple = 0x29  // )
    case tuple1 = 0x85
    case tuple2 = 0x86
    case tuple3 = 0x87
    case tuple = 0x74  // t
    case put = 0x71  // q BINPUT
    case longPut = 0x72  // r LONG_BINPUT
    case memoize = 0x94
    case get = 0x68  // h BINGET
    case longGet = 0x6A  // j LONG_BINGET
    case global = 0x63  // c
    case stackGlobal = 0x93
    case reduce = 0x52  // R
    case build = 0x62  // b

    /// Names of all other instructions, for messages.
    static let refusedNames: [UInt8: String] = [
        0x49: "INT", 0x4C: "LONG", 0x8B: "LONG4", 0x53: "STRING", 0x97: "NEXT_BUFFER", 0x98: "READONLY_BUFFER",
        0x56: "UNICODE", 0x46: "FLOAT", 0x47: "BINFLOAT", 0x6C: "LIST", 0x64: "DICT", 0x8F: "EMPTY_SET",
        0x90: "ADDITEMS", 0x91: "FROZENSET", 0x30: "POP", 0x32: "DUP", 0x31: "POP_MARK", 0x67: "GET", 0x70: "PUT",
        0x82: "EXT1", 0x83: "EXT2", 0x84: "EXT4", 0x69: "INST", 0x6F: "OBJ", 0x81: "NEWOBJ", 0x92: "NEWOBJ_EX",
        0x50: "PERSID", 0x51: "BINPERSID",
    ]
}
