import CKernels
import COpenBLAS
import Glibc

/// The instruction set of the matrix product for packed right sides.
package enum KernelVariant: String, CaseIterable, Sendable {
    case generic
    case avx2
    case avx512

    package var isSupported: Bool { rk_is_supported(raw) != 0 }

    var raw: rk_variant {
        switch self {
        case .generic: RK_GENERIC
        case .avx2: RK_AVX2
        case .avx512: RK_AVX512
        }
    }

    /// The best that this processor has, or the one that the environment variable `RESTORE_KERNELS` names.
    package static let selected: KernelVariant = {
        let supported = allCases.filter(\.isSupported)
        if let name = getenv("RESTORE_KERNELS"),
            let forced = supported.first(where: { $0.rawValue == String(cString: name) })
        {
            return forced
        }
        return supported.last ?? .generic
    }()
}

/// The instruction set that the matrix products of this process use: "generic", "avx2" or "avx512".
public var kernelDescription: String { KernelVariant.selected.rawValue }

/// Floats that a matrix of `depth × columns` takes once packed into panels.
package func panelCount(depth: Int, columns: Int) -> Int {
    depth * ((columns + panelWidth - 1) / panelWidth * panelWidth)
}

package let panelWidth = Int(RK_PANEL)

/// C ← A · B, row-major, with B packed into panels. Every element is one chain of fused multiply-adds over the depth, in
/// order, so its bits depend on nothing but its row of A and its column of B.
@inline(__always)
package func multiply(
    _ a: UnsafePointer<Float>, packed b: UnsafePointer<Float>, into c: UnsafeMutablePointer<Float>, rows: Int,
    columns: Int, depth: Int, variant: KernelVariant = .selected
) {
    rk_gemm(variant.raw, a, depth, b, c, columns, rows, columns, depth)
}

/// C ← Aᵀ · B + `accumulate` · C, row-major, with A stored as `depth × rows` and B as `depth × columns`: OpenBLAS, on the
/// caller's thread alone.
@inline(__always)
func multiplyTransposed(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into c: UnsafeMutablePointer<Float>, rows: Int,
    columns: Int, depth: Int, accumulate: Bool
) {
    cblas_sgemm(
        CblasRowMajor, CblasTrans, CblasNoTrans, blasint(rows), blasint(columns), blasint(depth), 1,
        a, blasint(rows), b, blasint(columns), accumulate ? 1 : 0, c, blasint(columns))
}
