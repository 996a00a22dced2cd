import TestSupport

extension TemporaryFolder {
    /// Writes pictures in MNIST's format: the four files of a data set.
    ///
    /// - Parameters:
    ///   - label: the class of picture `index`.
    ///   - pixels: its side × side values.
    func writeDigits(
        _ name: String, training: Int = 120, test: Int = 30, side: Int, label: (_ index: Int) -> UInt8,
        pixels: (_ part: Int, _ index: Int) -> [UInt8]
    ) throws {
        func header(_ axes: Int, _ sides: [Int]) -> [UInt8] {
            [0, 0, 8, UInt8(axes)] + sides.flatMap { [0, 0, UInt8($0 >> 8), UInt8($0 & 255)] }
        }
        for (part, count) in [("train", training), ("t10k", test)] {
            let images = (0..<count).flatMap { pixels(count, $0) }
            try write(header(3, [count, side, side]) + images, "\(name)/\(part)-images-idx3-ubyte")
            try write(header(1, [count]) + (0..<count).map(label), "\(name)/\(part)-labels-idx1-ubyte")
        }
    }
}
