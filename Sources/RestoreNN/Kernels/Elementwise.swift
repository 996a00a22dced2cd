import RestoreConcurrency
import CKernels
import Glibc

/// Functions applied element by element. The derivative is computed from the output if that suffices.
public enum ActivationFunction: Hashable, Sendable {
    case identity
    /// max(x, 0)
    case relu
    /// x where x > 0, else slope · x (Maas, Hannun & Ng 2013)
    case leakyReLU(slope: Float)
    /// x · sigmoid(x) (Elfwing, Uchibe & Doya 2018)
    case silu
    case tanh
    /// 1 / (1 + e⁻ˣ)
    case sigmoid
    /// log(1 + eˣ); x itself above 20, where the difference is below float precision
    case softplus
}

@inline(__always)
func sigmoid(_ x: Float) -> Float {
    1 / (1 + expf(-x))
}

/// Applies `function` to `count` values; `source` and `destination` may be the same. Propagates NaN.
func activate(
    _ function: ActivationFunction, _ source: UnsafePointer<Float>, into destination: UnsafeMutablePointer<Float>,
    count: Int
) {
    switch function {
    case .identity:
        if source != UnsafePointer(destination) { destination.update(from: source, count: count) }
    case .relu:
        // Not max(): a comparison with NaN is false, and NaN must propagate so that it is noticed.
        for i in 0..<count { destination[i] = source[i] < 0 ? 0 : source[i] }
    case .leakyReLU(let slope):
        for i in 0..<count { destination[i] = source[i] < 0 ? slope * source[i] : source[i] }
    case .silu:
        for i in 0..<count { destination[i] = source[i] * sigmoid(source[i]) }
    case .tanh:
        for i in 0..<count { destination[i] = tanhf(source[i]) }
    case .sigmoid:
        for i in 0..<count { destination[i] = sigmoid(source[i]) }
    case .softplus:
        for i in 0..<count { destination[i] = source[i] > 20 ? source[i] : log1pf(expf(source[i])) }
    }
}

/// Gradient of `activate`: `gradient · function′`, overwriting `destination`.
func activationGradient(
    _ function: ActivationFunction, input x: UnsafePointer<Float>, output y: UnsafePointer<Float>,
    gradient: UnsafePointer<Float>, into destination: UnsafeMutablePointer<Float>, count: Int
) {
    switch function {
    case .identity:
        destination.update(from: gradient, count: count)
    case .relu:
        // The gradient is loaded regardless of the sign: a conditional load would prevent vectorization.
        for i in 0..<count {
            let g = gradient[i]
            destination[i] = y[i] > 0 ? g : 0
        }
    case .leakyReLU(let slope):
        for i in 0..<count { destination[i] = x[i] > 0 ? gradient[i] : slope * gradient[i] }
    case .silu:
        for i in 0..<count {
            let s = sigmoid(x[i])
            destination[i] = gradient[i] * s * (1 + x[i] * (1 - s))
        }
    case .tanh:
        for i in 0..<count { destination[i] = gradient[i] * (1 - y[i] * y[i]) }
    case .sigmoid:
        for i in 0..<count { destination[i] = gradient[i] * y[i] * (1 - y[i]) }
    case .softplus:
        for i in 0..<count { destination[i] = gradient[i] * (x[i] > 20 ? 1 : sigmoid(x[i])) }
    }
}

/// `destination += source`
@inline(__always)
func add(_ source: UnsafePointer<Float>, onto destination: UnsafeMutablePointer<Float>, count: Int) {
    for i in 0..<count { destination[i] += source[i] }
}

/// What is applied to outputs as they are stored: activation(value + bias + residual).
struct Epilogue {
    /// One value per channel.
    var bias: UnsafePointer<Float>?
    /// An array of the output's shape; never the output itself.
    var residual: UnsafePointer<Float>?
    var activation: ActivationFunction = .identity

    /// The part that the kernels apply while the values are in registers, for outputs that start `offset` floats after
    /// the first.
    func raw(offset: Int, rowStride: Int) -> rk_epilogue {
        var raw = rk_epilogue()
        raw.bias = bias
        raw.residual = residual.map { $0 + offset }
        raw.residual_stride = rowStride
        switch activation {
        case .relu: raw.activation = RK_RELU
        case .leakyReLU(let slope):
            raw.activation = RK_LEAKY_RELU
            raw.slope = slope
        default: raw.activation = RK_IDENTITY
        }
        return raw
    }

    /// The part that the kernels do not apply.
    @inline(__always)
    func applyRest(to values: UnsafeMutablePointer<Float>, count: Int) {
        switch activation {
        case .identity, .relu, .leakyReLU: return
        default: activate(activation, values, into: values, count: count)
        }
    }

    /// Applies all of it, to values that no kernel has stored.
    ///
    /// - Parameters:
    ///   - values: `pixels × channels`.
    ///   - offset: distance of `values` from the first output, in floats.
    func apply(to values: UnsafeMutablePointer<Float>, offset: Int, pixels: Int, channels: Int) {
        if let bias {
            for pixel in 0..<pixels { add(bias, onto: values + pixel * channels, count: channels) }
        }
        if let residual { add(residual + offset, onto: values, count: pixels * channels) }
        if activation != .identity {
            activate(activation, values, into: values, count: pixels * channels)
        }
    }
}

/// Elementwise work is cut into pieces of this many values, regardless of the number of workers.
let elementwisePiece = 16 * 1024

extension WorkerPool {
    /// Calls `body` with ranges that cover `range`.
    func runPieces(of range: Range<Int>, piece: Int = elementwisePiece, _ body: (_ start: Int, _ count: Int) -> Void) {
        runPieces(count: range.count, piece: piece) { start, count in body(range.lowerBound + start, count) }
    }

    /// Calls `body` with ranges that cover `0 ..< count`.
    func runPieces(count: Int, piece: Int = elementwisePiece, _ body: (_ start: Int, _ count: Int) -> Void) {
        run(taskCount: (count + piece - 1) / piece) { task, _ in
            body(task * piece, min(piece, count - task * piece))
        }
    }
}
