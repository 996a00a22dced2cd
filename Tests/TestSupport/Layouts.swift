import RestoreNN

/// The tensor of values in PyTorch's order: picture, channel, row, column.
///
/// - Parameter nchw: batch, channels, height, width.
package func tensor(nchw: [Int], values: [Float]) -> Tensor {
    let shape = Shape(batch: nchw[0], height: nchw[2], width: nchw[3], channels: nchw[1])
    var tensor = Tensor(zeros: shape)
    forEachPlace(shape) { nhwc, nchw in tensor.values[nhwc] = values[nchw] }
    return tensor
}

/// The values of `tensor` in PyTorch's order.
package func valuesInNCHW(_ tensor: Tensor) -> [Float] {
    var values = [Float](repeating: 0, count: tensor.shape.count)
    forEachPlace(tensor.shape) { nhwc, nchw in values[nchw] = tensor.values[nhwc] }
    return values
}

private func forEachPlace(_ shape: Shape, _ body: (_ nhwc: Int, _ nchw: Int) -> Void) {
    for n in 0..<shape.batch {
        for y in 0..<shape.height {
            for x in 0..<shape.width {
                for c in 0..<shape.channels {
                    body(
                        ((n * shape.height + y) * shape.width + x) * shape.channels + c,
                        ((n * shape.channels + c) * shape.height + y) * shape.width + x)
                }
            }
        }
    }
}

extension Tensor {
    /// The value of picture `n`, row `y`, column `x`, channel `c`.
    package subscript(n: Int, y: Int, x: Int, c: Int) -> Float {
        get { values[place(n, y, x, c)] }
        set { values[place(n, y, x, c)] = newValue }
    }

    private func place(_ n: Int, _ y: Int, _ x: Int, _ c: Int) -> Int {
        ((n * shape.height + y) * shape.width + x) * shape.channels + c
    }

    /// A part of every picture.
    package func cropped(rows: Range<Int>, columns: Range<Int>) -> Tensor {
        var result = Tensor(
            zeros: Shape(
                batch: shape.batch, height: rows.count, width: columns.count, channels: shape.channels))
        for n in 0..<shape.batch {
            for (y, row) in rows.enumerated() {
                for (x, column) in columns.enumerated() {
                    for c in 0..<shape.channels { result[n, y, x, c] = self[n, row, column, c] }
                }
            }
        }
        return result
    }

    /// The picture `n` of the batch.
    package func picture(_ n: Int) -> Tensor {
        let count = shape.count / shape.batch
        return Tensor(
            shape: Shape(batch: 1, height: shape.height, width: shape.width, channels: shape.channels),
            values: Array(values[(n * count)..<((n + 1) * count)]))
    }
}
