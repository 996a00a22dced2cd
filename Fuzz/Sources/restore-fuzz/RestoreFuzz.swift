import Glibc

// libFuzzer provides the main function (https://llvm.org/docs/LibFuzzer.html) and calls these. The environment variable
// RESTORE_FUZZ_TARGET selects the target.

private let target: @Sendable ([UInt8]) -> Void = {
    guard let name = getenv("RESTORE_FUZZ_TARGET").map({ String(cString: $0) }), let found = targets[name] else {
        print("RESTORE_FUZZ_TARGET is one of \(targets.keys.sorted().joined(separator: ", "))")
        exit(64)
    }
    return found
}()

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    target(Array(UnsafeBufferPointer(start: bytes, count: count)))
    return 0
}
