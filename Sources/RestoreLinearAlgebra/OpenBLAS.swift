import CKernels
import Glibc

/// The system's OpenBLAS: matrix products (CBLAS) and symmetric eigensystems (LAPACK).
///
/// It is loaded by the first call of `load`, not with the program: most commands never need it, and would pay for its
/// address space and threads. Every function computes on the caller's thread alone; work is shared out by the caller.
/// Results are the same in every run on one processor but may differ in the last bits between processors, and, within a
/// matrix, between positions. See `docs/decisions/0011-openblas-on-demand.md`.
public struct OpenBLAS: Sendable {
    /// The name under which every build of the Debian package (pthread, OpenMP, serial) installs it.
    package static let libraryName = "libopenblas.so.0"

    private static let shared = Result { () throws(LinearAlgebraError) in try OpenBLAS(library: libraryName) }

    private let functions: OpenBLASFunctions

    /// The library, loaded once per process.
    ///
    /// - Throws: `LinearAlgebraError.libraryMissing` or `.functionMissing`, which name the Debian package.
    public static func load() throws(LinearAlgebraError) -> OpenBLAS { try shared.get() }

    package init(library name: String) throws(LinearAlgebraError) {
        // OpenBLAS starts a thread per processor as it is loaded, each with a large stack and buffer, which it would never
        // use here. It counts the processors of the thread that loads it.
        guard let handle = rk_load_library_on_one_processor(name) else {
            throw .libraryMissing(reason: dlerror().map { String(cString: $0) } ?? name)
        }
        functions = try OpenBLASFunctions(handle, library: name)
        functions.setThreadCount(1)
    }

    /// Version and build options, as the library states them.
    public var configuration: String { String(cString: functions.configuration()) }

    /// The processor whose kernels it uses, in its own words: "Haswell", "SkylakeX".
    public var kernels: String { String(cString: functions.kernels()) }

    // MARK: BLAS

    /// One side of a product, stored row by row.
    public struct Operand {
        let base: UnsafePointer<Float>
        let stride: Int
        let isTransposed: Bool

        /// - Parameters:
        ///   - stride: floats from one stored row to the next.
        ///   - isTransposed: whether the product takes its transpose.
        public init(_ base: UnsafePointer<Float>, stride: Int, isTransposed: Bool = false) {
            self.base = base
            self.stride = stride
            self.isTransposed = isTransposed
        }
    }

    /// C ← A · B, or C + A · B where `accumulates`: C is `rows × columns`, A `rows × depth` and B `depth × columns` (each
    /// after its transposition). BLAS's SGEMM.
    ///
    /// - Parameter stride: floats from one row of C to the next.
    public func multiply(
        _ a: Operand, _ b: Operand, into c: UnsafeMutablePointer<Float>, stride: Int, rows: Int, columns: Int,
        depth: Int, accumulates: Bool = false
    ) {
        functions.sgemm(
            rowMajor, a.isTransposed ? transposed : notTransposed, b.isTransposed ? transposed : notTransposed,
            Int32(rows), Int32(columns), Int32(depth), 1, a.base, Int32(a.stride), b.base, Int32(b.stride),
            accumulates ? 1 : 0, c, Int32(stride))
    }

    /// The upper triangle of C ← C + Aᵀ · A, in double precision: A is `rows × columns`, C `columns × columns`. BLAS's
    /// DSYRK.
    package func addGram(_ a: UnsafePointer<Double>, rows: Int, columns: Int, onto c: UnsafeMutablePointer<Double>) {
        let (n, k) = (Int32(columns), Int32(rows))
        functions.dsyrk(rowMajor, upper, transposed, n, k, 1, a, n, 1, c, n)
    }

    // MARK: LAPACK

    /// Eigenvalues, ascending, and eigenvectors of the symmetric matrix whose upper triangle is in `matrix` (row by row),
    /// which is overwritten with the eigenvectors: row i belongs to value i. LAPACK's DSYEVD, the divide and conquer method
    /// of Cuppen (Numer. Math. 36, 1981).
    ///
    /// - Throws: `LinearAlgebraError.noConvergence`.
    package func symmetricEigensystem(_ matrix: inout [Double], order: Int) throws(LinearAlgebraError) -> [Double] {
        guard order > 0 else { return [] }
        var n = Int32(order)
        var values = [Double](repeating: 0, count: order)
        var status: Int32 = 0
        // A first call with −1 asks for the sizes of the working memory.
        var work = [0.0]
        var integerWork: [Int32] = [0]
        for query in [true, false] {
            var (workCount, integerCount) = query ? (-1, -1) : (Int32(work.count), Int32(integerWork.count))
            // LAPACK counts columns first: the upper triangle is its lower one, and its columns are our rows.
            functions.dsyevd(
                "V", "L", &n, &matrix, &n, &values, &work, &workCount, &integerWork, &integerCount, &status, 1, 1)
            guard status == 0 else { throw .noConvergence(routine: "dsyevd", status: Int(status)) }
            if query {
                work = [Double](repeating: 0, count: max(1, Int(work[0])))
                integerWork = [Int32](repeating: 0, count: max(1, Int(integerWork[0])))
            }
        }
        return values
    }
}

// The values of cblas.h.
private let rowMajor: Int32 = 101
private let notTransposed: Int32 = 111
private let transposed: Int32 = 112
private let upper: Int32 = 121

/// The functions that are used, with the signatures of cblas.h, openblas_config.h and LAPACK.
private struct OpenBLASFunctions: Sendable {
    /// cblas_sgemm: order, transpositions of A and B; rows, columns, depth; α, A, lda, B, ldb, β, C, ldc.
    typealias SGEMM =
        @Sendable @convention(c) (
            Int32, Int32, Int32, Int32, Int32, Int32, Float, UnsafePointer<Float>, Int32, UnsafePointer<Float>, Int32,
            Float, UnsafeMutablePointer<Float>, Int32
        ) -> Void
    /// cblas_dsyrk: order, triangle, transposition; order of C, depth; α, A, lda, β, C, ldc.
    typealias DSYRK =
        @Sendable @convention(c) (
            Int32, Int32, Int32, Int32, Int32, Double, UnsafePointer<Double>, Int32, Double,
            UnsafeMutablePointer<Double>, Int32
        ) -> Void
    /// dsyevd_: jobz, uplo, n, a, lda, w, work, lwork, iwork, liwork, info; and the lengths of the two strings, which
    /// Fortran passes last.
    typealias DSYEVD =
        @Sendable @convention(c) (
            UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafePointer<Int32>, UnsafeMutablePointer<Double>,
            UnsafePointer<Int32>, UnsafeMutablePointer<Double>, UnsafeMutablePointer<Double>, UnsafePointer<Int32>,
            UnsafeMutablePointer<Int32>, UnsafePointer<Int32>, UnsafeMutablePointer<Int32>, Int, Int
        ) -> Void
    typealias Setter = @Sendable @convention(c) (Int32) -> Void
    typealias Text = @Sendable @convention(c) () -> UnsafePointer<CChar>

    let sgemm: SGEMM
    let dsyrk: DSYRK
    let dsyevd: DSYEVD
    let setThreadCount: Setter
    let configuration: Text
    let kernels: Text

    init(_ handle: UnsafeMutableRawPointer, library: String) throws(LinearAlgebraError) {
        func find<Function>(_ name: String, as type: Function.Type) throws(LinearAlgebraError) -> Function {
            guard let address = dlsym(handle, name) else {
                throw .functionMissing(library: library, function: name)
            }
            return unsafeBitCast(address, to: type)
        }
        sgemm = try find("cblas_sgemm", as: SGEMM.self)
        dsyrk = try find("cblas_dsyrk", as: DSYRK.self)
        dsyevd = try find("dsyevd_", as: DSYEVD.self)
        setThreadCount = try find("openblas_set_num_threads", as: Setter.self)
        configuration = try find("openblas_get_config", as: Text.self)
        kernels = try find("openblas_get_corename", as: Text.self)
    }
}
