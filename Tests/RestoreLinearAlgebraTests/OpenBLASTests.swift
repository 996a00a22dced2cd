import CKernels
import RestoreLinearAlgebra
import RestoreNN
import TestSupport
import Testing

/// These tests need OpenBLAS, which `make deps` installs; without it they fail with the message of `load`.
@Suite struct OpenBLASTests {
    @Test func saysWhatItIs() throws {
        let library = try OpenBLAS.load()
        #expect(library.configuration.contains("OpenBLAS"))
        #expect(!library.kernels.isEmpty)
    }

    @Test func aLibraryThatIsNotThere() throws {
        let error = #expect(throws: LinearAlgebraError.self) { try OpenBLAS(library: "libopenblas-of-nobody.so.0") }
        let text = try #require(error).description
        #expect(
            text == "OpenBLAS cannot be loaded (libopenblas-of-nobody.so.0: cannot open shared object file: "
                + "No such file or directory); it is in the Debian package libopenblas0")
    }

    @Test func aLibraryWithoutTheFunctions() {
        #expect(throws: LinearAlgebraError.functionMissing(library: "libm.so.6", function: "cblas_sgemm")) {
            try OpenBLAS(library: "libm.so.6")
        }
    }

    /// The thread that loads it may use all its processors afterwards.
    @Test func leavesThreadsAlone() throws {
        let processors = rk_available_processors()
        _ = try OpenBLAS(library: OpenBLAS.libraryName)
        #expect(rk_available_processors() == processors)
    }

    /// Every combination of transpositions, with rows further apart than they are long.
    @Test func products() throws {
        let library = try OpenBLAS.load()
        for (rows, columns, depth) in [(1, 1, 1), (2, 3, 5), (17, 9, 33), (64, 48, 100)] {
            for choice in 0..<8 {
                let (turnsA, turnsB, adds) = (choice & 1 != 0, choice & 2 != 0, choice & 4 != 0)
                var generator = SeededGenerator(seed: 1, path: UInt64(rows), UInt64(choice))
                let (aStride, bStride) = ((turnsA ? rows : depth) + 2, (turnsB ? depth : columns) + 3)
                let a = generator.values((turnsA ? depth : rows) * aStride)
                let b = generator.values((turnsB ? columns : depth) * bStride)
                let before = generator.values(rows * (columns + 1))
                var expected = before
                for row in 0..<rows {
                    for column in 0..<columns {
                        let sum = (0..<depth).reduce(0.0) { sum, k in
                            let left = a[turnsA ? k * aStride + row : row * aStride + k]
                            let right = b[turnsB ? column * bStride + k : k * bStride + column]
                            return sum + Double(left) * Double(right)
                        }
                        let place = row * (columns + 1) + column
                        expected[place] = Float(sum + (adds ? Double(before[place]) : 0))
                    }
                }
                var found = before
                library.multiply(
                    OpenBLAS.Operand(a, stride: aStride, isTransposed: turnsA),
                    OpenBLAS.Operand(b, stride: bStride, isTransposed: turnsB), into: &found, stride: columns + 1,
                    rows: rows, columns: columns, depth: depth, accumulates: adds)
                expectClose(found, expected, "\(rows)×\(depth)×\(columns), \(choice)", seed: 1)
            }
        }
    }

    @Test func gramMatrices() throws {
        let library = try OpenBLAS.load()
        var generator = SeededGenerator(seed: 2)
        let a = (0..<7 * 3).map { _ in generator.normal() }
        var found = [Double](repeating: 10, count: 9)
        library.addGram(a, rows: 7, columns: 3, onto: &found)
        for i in 0..<3 {
            for j in 0..<3 {
                let product = (0..<7).reduce(0) { $0 + a[3 * $1 + i] * a[3 * $1 + j] }
                #expect(abs(found[3 * i + j] - (i <= j ? 10 + product : 10)) < 1e-13)
            }
        }
    }

    /// LAPACK against Jacobi.
    @Test(arguments: [0, 1, 2, 3, 10, 60]) func eigensystems(order: Int) throws {
        let library = try OpenBLAS.load()
        let matrix = Matrix.symmetric(order: order, seed: 6)
        var vectors = matrix.elements
        let values = try library.symmetricEigensystem(&vectors, order: order)
        let expected = SymmetricEigensystem(matrix.elements, order: order)
        #expect(zip(values, expected.values).allSatisfy { abs($0 - $1) < 1e-13 * matrix.norm })
        for i in 0..<order {
            // Random values lie apart, so a vector is the same but for its sign.
            let product = zip(vectors[i * order..<(i + 1) * order], expected.vector(i)).reduce(0) { $0 + $1.0 * $1.1 }
            #expect(abs(abs(product) - 1) < 1e-10, "vector \(i) of \(order)")
        }
    }
}
