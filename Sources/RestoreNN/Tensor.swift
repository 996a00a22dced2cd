/// The shape of an activation: a batch of images (or feature maps).
///
/// **Memory layout, stated once for the whole engine:** activations are *channels last*, NHWC. The value of image `n`,
/// row `y`, column `x`, channel `c` is at index `((n · height + y) · width + x) · channels + c`. A pixel's channels are
/// contiguous, so a row of the column matrix is a few long copies, every product is `pixels × K · K × channels`, and a
/// block of output pixels is contiguous in memory. `docs/decisions/0001-channels-last.md` explains the choice and gives
/// measurements.
///
/// Parameters keep PyTorch's shapes (`outputs × inputs × kernel height × kernel width`), so that files are
/// interchangeable; the execution plans pack them for the kernels.
public struct Shape: Hashable, Sendable {
    public var batch: Int
    public var height: Int
    public var width: Int
    public var channels: Int

    public init(batch: Int, height: Int, width: Int, channels: Int) {
        self.batch = batch
        self.height = height
        self.width = width
        self.channels = channels
    }

    /// Pixels of all images in the batch.
    public var pixels: Int { batch * height * width }

    /// Number of values.
    public var count: Int { pixels * channels }
}

extension Shape: CustomStringConvertible {
    public var description: String { "\(batch)×\(height)×\(width)×\(channels)" }
}

/// The height and width of a kernel, stride or dilation. An integer literal sets both.
public struct Extent: Hashable, Sendable, ExpressibleByIntegerLiteral {
    public var height: Int
    public var width: Int

    public init(height: Int, width: Int) {
        self.height = height
        self.width = width
    }

    public init(integerLiteral value: Int) {
        self.init(height: value, width: value)
    }
}

/// An activation that owns its values, in the layout documented by `Shape`.
public struct Tensor: Hashable, Sendable {
    public let shape: Shape
    public var values: [Float]

    /// - Precondition: `values.count == shape.count`.
    public init(shape: Shape, values: [Float]) {
        precondition(values.count == shape.count, "\(values.count) values for the shape \(shape)")
        self.shape = shape
        self.values = values
    }

    public init(zeros shape: Shape) {
        self.init(shape: shape, values: [Float](repeating: 0, count: shape.count))
    }
}
