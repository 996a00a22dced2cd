import CZlib
import RestoreImage
import Testing

/// A PNG file read without libpng, straight from the specification, by loops that are in no hurry.
/// https://www.w3.org/TR/png-3/
struct PNGFile {
    /// The names of the chunks, in the file's order.
    private(set) var names: [String] = []
    /// The data of all IDAT chunks.
    private var stream: [UInt8] = []
    private var header: [UInt8] = []

    private var width: Int { number(header, at: 0) }
    private var height: Int { number(header, at: 4) }
    private var bytesPerSample = 0
    private var channels = 0
    private var rowBytes: Int { width * channels * bytesPerSample }

    /// Reads the chunks and checks their sums.
    init(_ bytes: [UInt8]) throws {
        #expect(Array(bytes[..<8]) == [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
        var place = 8
        while place < bytes.count {
            let count = number(bytes, at: place)
            let contents = Array(bytes[(place + 8)..<(place + 8 + count)])
            let name = String(decoding: bytes[(place + 4)..<(place + 8)], as: UTF8.self)
            let sum = crc32(0, Array(bytes[(place + 4)..<(place + 8 + count)]), UInt32(4 + count))
            #expect(Int(sum) == number(bytes, at: place + 8 + count), "the sum of \(name)")
            names.append(name)
            if name == "IHDR" { header = contents }
            if name == "IDAT" { stream += contents }
            place += 12 + count
        }
        try #require(header.count == 13 && header[10...] == [0, 0, 0])
        bytesPerSample = Int(header[8]) / 8
        // By color type: gray, RGB, gray and alpha, RGB and alpha.
        channels = [0: 1, 2: 3, 4: 2, 6: 4][header[9]] ?? 0
    }

    /// All samples, whatever the depth.
    func samples() throws -> [Int] {
        let filtered = try inflated(count: height * (rowBytes + 1))
        var above = [UInt8](repeating: 0, count: rowBytes)
        var bytes: [UInt8] = []
        for y in 0..<height {
            let row = filtered[(y * (rowBytes + 1))..<((y + 1) * (rowBytes + 1))]
            above = try unfiltered(Array(row.dropFirst()), above: above, filter: Int(row[row.startIndex]))
            bytes += above
        }
        guard bytesPerSample == 2 else { return bytes.map { Int($0) } }
        return stride(from: 0, to: bytes.count, by: 2).map { Int(bytes[$0]) << 8 + Int(bytes[$0 + 1]) }
    }

    /// What the stream holds; it must end where the data end, with the Adler-32 that zlib finds.
    private func inflated(count: Int) throws -> [UInt8] {
        var input = stream
        var output = [UInt8](repeating: 0, count: count)
        var state = z_stream()
        try #require(inflateInit_(&state, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK)
        defer { inflateEnd(&state) }
        let status = input.withUnsafeMutableBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                state.next_in = input.baseAddress
                state.avail_in = UInt32(input.count)
                state.next_out = output.baseAddress
                state.avail_out = UInt32(output.count)
                return inflate(&state, Z_FINISH)
            }
        }
        try #require(status == Z_STREAM_END, "inflate ended with \(status)")
        #expect(state.avail_in == 0 && state.avail_out == 0)
        return output
    }

    private func unfiltered(_ row: [UInt8], above: [UInt8], filter: Int) throws -> [UInt8] {
        try #require((0...4).contains(filter), "filter \(filter)")
        var row = row
        let step = channels * bytesPerSample
        for i in 0..<row.count {
            let (a, b, c) = (i < step ? 0 : Int(row[i - step]), Int(above[i]), i < step ? 0 : Int(above[i - step]))
            let guess =
                switch filter {
                case 0: 0
                case 1: a
                case 2: b
                case 3: (a + b) / 2
                default: paeth(a, b, c)
                }
            row[i] = UInt8((Int(row[i]) + guess) % 256)
        }
        return row
    }

    private func paeth(_ a: Int, _ b: Int, _ c: Int) -> Int {
        let (fromA, fromB, fromC) = (abs(b - c), abs(a - c), abs(a + b - 2 * c))
        return fromA <= fromB && fromA <= fromC ? a : fromB <= fromC ? b : c
    }
}

private func number(_ bytes: [UInt8], at place: Int) -> Int {
    (0..<4).reduce(0) { $0 << 8 + Int(bytes[place + $1]) }
}
