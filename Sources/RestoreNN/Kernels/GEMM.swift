import CKernels
import Glibc

/// The instruction set of the matrix product with a packed right side.
package enum KernelVariant: String, CaseIterable, Sendable {
    case generic
    case avx2
    case avx512
    case neon

    package var isSupported: Bool { rk_is_supported(raw) != 0 }

    var raw: rk_variant {
        switch self {
        case .generic: RK_GENERIC
        case .avx2: RK_AVX2
        case .avx512: RK_AVX512
        case .neon: RK_NEON
        }
    }

    /// Floats of a vector.
    var lanes: Int {
        switch self {
        case .generic, .neon: 4
        case .avx2: 8
        case .avx512: 16
        }
    }

    /// The best one this processor supports, or the one named by the environment variable `RESTORE_KERNELS`.
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

/// The matrix products that this process uses: "openblas" where the environment asks for it, else the instruction set of the
/// engine's own, "generic", "avx2", "avx512" or "neon".
public var kernelDescription: String {
    ConvolutionAlgorithm.forced == .openblas ? ConvolutionAlgorithm.openblas.rawValue : KernelVariant.selected.rawValue
}

/// Floats that a matrix of `depth × columns` takes when packed into panels.
package func panelCount(depth: Int, columns: Int) -> Int {
    depth * ((columns + panelWidth - 1) / panelWidth * panelWidth)
}

package let panelWidth = Int(RK_PANEL)

/// C ← epilogue(A · B), row-major, with B packed into panels of `depth` rows. Every element is one chain of fused
/// multiply-adds over the depth, in order, so its bits depend only on its row of A and its column of B.
@inline(__always)
package func multiply(
    _ a: UnsafePointer<Float>, packed b: UnsafePointer<Float>, into c: UnsafeMutablePointer<Float>, rows: Int,
    columns: Int, depth: Int, variant: KernelVariant = .selected
) {
    multiply(
        LeftRows(base: a, stride: depth, depth: depth), packed: b, panelDepth: depth, into: c, stride: columns,
        rows: rows, columns: columns, epilogue: rk_epilogue(), variant: variant)
}

/// The addresses of the rows on the left side of a product: each row consists of `segments` pieces of `depth` floats.
struct LeftRows {
    var base: UnsafePointer<Float>
    /// Distance between rows.
    var stride: Int
    var segments = 1
    var segmentStride = 0
    var depth: Int
}

/// The same with rows of A in pieces and rows of C `stride` floats apart.
///
/// - Parameter panelDepth: rows of a panel of B. The product may use only some of them.
@inline(__always)
func multiply(
    _ a: LeftRows, packed b: UnsafePointer<Float>, panelDepth: Int, into c: UnsafeMutablePointer<Float>, stride: Int,
    rows: Int, columns: Int, epilogue: rk_epilogue, variant: KernelVariant = .selected
) {
    var product = rk_product(
        a: a.base, a_stride: a.stride, segments: a.segments, segment_stride: a.segmentStride, segment_depth: a.depth,
        b: b, panel_stride: panelDepth * panelWidth, c: c, c_stride: stride, rows: rows, columns: columns,
        epilogue: epilogue)
    rk_multiply(variant.raw, &product)
}

/// C ← Aᵀ · B + `accumulate` · C, row-major, with A stored as `depth × rows` and B as `depth × columns`. Every element is
/// one chain of fused multiply-adds over the depth, in order.
@inline(__always)
package func multiplyTransposed(
    _ a: UnsafePointer<Float>, stride aStride: Int, _ b: UnsafePointer<Float>, stride bStride: Int,
    into c: UnsafeMutablePointer<Float>, stride cStride: Int, rows: Int, columns: Int, depth: Int, accumulate: Bool,
    variant: KernelVariant = .selected
) {
    rk_multiply_transposed(
        variant.raw, a, aStride, b, bStride, c, cStride, rows, columns, depth, accumulate ? 1 : 0)
}
