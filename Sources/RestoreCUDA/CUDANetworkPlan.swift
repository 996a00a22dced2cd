import CCUDA
import RestoreNN

/// A network's forward and backward pass on a GPU, for inputs of given shapes.
///
/// Activations and gradients are kept in the GPU's memory as N×H×W×C. Products are computed in TF32 and sums in 32-bit
/// floats, in an order that the library chooses: results are close to those of `TrainingPlan`, but not the same bits.
/// Supports the operators of denoisers and colorizers; others are an error that names them.
final class CUDANetworkPlan: ModelPass {
    private let device: CUDADevice
    private let network: Network
    private let steps: [Step]
    private let activations: [CUDABuffer]
    /// Of nodes that lead to a parameter; nil for the others.
    private let gradients: [CUDABuffer?]
    private let layout: ParameterLayout
    /// All parameters and their gradients as in the layout, and the kernels of convolutions with channels last.
    private let parameters: CUDABuffer
    private let parameterGradients: CUDABuffer
    private let kernels: CUDABuffer
    private let kernelGradients: CUDABuffer

    /// What a node does.
    private enum Step {
        case input
        case convolution(ConvolutionStep)
        case normalization(NormalizationStep)
        case activation(rc_activation_kind)
        case add
        case slice(first: Int)
        case concatenate
        case shuffle(factor: Int)
        case unshuffle(factor: Int)
        case reshape
        /// The mean over pixels, and a pixel repeated.
        case pool
        case spread
    }

    /// - Throws: `CUDAError` for an operator without a GPU version, or too little memory.
    init(_ network: Network, inputShapes: [Shape], device: CUDADevice) throws {
        let shapes = try network.shapes(inputs: inputShapes)
        self.device = device
        self.network = network
        layout = ParameterLayout(network)
        var ranges: [String: Range<Int>] = [:]
        for entry in layout.entries { ranges[entry.specification.name] = entry.range }
        var steps: [Step] = []
        var isNeeded: [Bool] = []
        for (index, node) in network.nodes.enumerated() {
            let inputs = node.inputs.map { shapes[$0.index] }
            steps.append(
                try Self.step(of: node, inputs: inputs, output: shapes[index], ranges: ranges, device: device))
            isNeeded.append(
                node.operation.map { !$0.parameters.isEmpty } ?? false || node.inputs.contains { isNeeded[$0.index] })
        }
        self.steps = steps
        activations = try shapes.map { try CUDABuffer(count: $0.count, on: device) }
        gradients = try zip(shapes, isNeeded).map { $1 ? try CUDABuffer(count: $0.count, on: device) : nil }
        parameters = try CUDABuffer(count: layout.count, on: device)
        parameterGradients = try CUDABuffer(count: layout.count, on: device)
        kernels = try CUDABuffer(count: layout.count, on: device)
        kernelGradients = try CUDABuffer(count: layout.count, on: device)
        self.shapes = shapes
    }

    private let shapes: [Shape]

    private static func step(
        of node: Network.Node, inputs: [Shape], output: Shape, ranges: [String: Range<Int>], device: CUDADevice
    ) throws -> Step {
        let unsupported = CUDAError("\(node.name): no GPU version of this \(node.operation?.kind ?? "node")")
        guard node.sharedParameters.isEmpty else { throw unsupported }
        switch node.operation {
        case nil: return .input
        case let convolution as Convolution:
            let padding = convolution.padding
            guard padding.top == padding.bottom, padding.left == padding.right, convolution.paddingMode == .zero else {
                throw unsupported
            }
            return .convolution(
                try ConvolutionStep(
                    picture: inputs[0], grid: output, kernel: convolution.kernel, stride: convolution.stride,
                    dilation: convolution.dilation, padding: Extent(height: padding.top, width: padding.left),
                    isTransposed: false, weight: ranges["\(node.name).weight"], bias: ranges["\(node.name).bias"],
                    device: device))
        case let convolution as TransposedConvolution:
            return .convolution(
                try ConvolutionStep(
                    picture: output, grid: inputs[0], kernel: convolution.kernel, stride: convolution.stride,
                    dilation: convolution.dilation, padding: convolution.padding, isTransposed: true,
                    weight: ranges["\(node.name).weight"], bias: ranges["\(node.name).bias"], device: device))
        case let dense as Dense:
            // A convolution by one window that covers the picture.
            let side = Extent(height: inputs[0].height, width: inputs[0].width)
            return .convolution(
                try ConvolutionStep(
                    picture: inputs[0], grid: output, kernel: side, stride: side, dilation: Extent(height: 1, width: 1),
                    padding: Extent(height: 0, width: 0), isTransposed: false, weight: ranges["\(node.name).weight"],
                    bias: dense.hasBias ? ranges["\(node.name).bias"] : nil, device: device))
        case let normalization as GroupNormalization:
            return .normalization(
                try NormalizationStep(
                    normalization, shape: output, weight: ranges["\(node.name).weight"],
                    bias: ranges["\(node.name).bias"], device: device))
        case let activation as Activation where activation.function == .relu: return .activation(RC_RELU)
        case let activation as Activation where activation.function == .sigmoid: return .activation(RC_SIGMOID)
        case is Add where inputs.count == 2: return .add
        case let slice as Slice: return .slice(first: slice.channels.lowerBound)
        case is Concatenate: return .concatenate
        case let shuffle as PixelShuffle: return .shuffle(factor: shuffle.factor)
        case let unshuffle as PixelUnshuffle: return .unshuffle(factor: unshuffle.factor)
        case is Reshape: return .reshape
        case is GlobalAveragePooling: return .pool
        case is BroadcastPixels: return .spread
        default: throw unsupported
        }
    }

    // MARK: Passes

    func forward(
        inputs: [UnsafePointer<Float>], parameters values: UnsafePointer<Float>, outputs: [UnsafeMutablePointer<Float>]
    ) throws(CUDAError) {
        try device.check(rc_select(device.handle))
        try parameters.upload(values)
        for (input, values) in zip(network.inputs, inputs) { try activations[input.index].upload(values) }
        for (index, node) in network.nodes.enumerated() { try forward(index, node.inputs.map(\.index)) }
        for (output, values) in zip(network.outputs, outputs) { try activations[output.index].download(to: values) }
    }

    private func forward(_ index: Int, _ inputs: [Int]) throws(CUDAError) {
        let (handle, output) = (device.handle, activations[index])
        func input(_ place: Int) -> UInt64 { activations[inputs[place]].address }
        switch steps[index] {
        case .input: break
        case .convolution(let step):
            try step.layOutKernel(parameters, kernels)
            try step.forward(input(0), to: output.address, kernels: kernels, parameters: parameters)
        case .normalization(let step): try step.forward(input(0), to: output.address, parameters: parameters)
        case .activation(let kind):
            try device.check(rc_activation(handle, kind, output.address, input(0), output.count))
        case .add: try device.check(rc_add(handle, output.address, input(0), input(1), output.count))
        case .slice(let first):
            try device.check(rc_slice(handle, output.address, input(0), slices(index, of: inputs[0], first: first), 0))
        case .concatenate:
            for (place, slices) in parts(of: index, inputs).enumerated() {
                try device.check(rc_place(handle, output.address, input(place), slices))
            }
        case .reshape:
            try device.check(
                rc_reorder(
                    handle, output.address, rc_shape(shapes[index]), input(0), rc_shape(shapes[inputs[0]]), 0))
        case .pool:
            let shape = shapes[inputs[0]]
            try device.check(
                rc_pool(handle, output.address, input(0), rc_shape(shape), 1 / Float(shape.height * shape.width), 0))
        case .spread: try device.check(rc_spread(handle, output.address, input(0), rc_shape(shapes[index]), 1, 0))
        case .shuffle(let factor):
            try device.check(
                rc_shuffle(handle, output.address, input(0), rc_shape(shapes[inputs[0]]), Int32(factor), 0))
        case .unshuffle(let factor):
            try device.check(
                rc_unshuffle(handle, output.address, input(0), rc_shape(shapes[index]), Int32(factor), 0))
        }
    }

    /// The channels of a narrow node in a wide one.
    private func slices(_ narrow: Int, of wide: Int, first: Int) -> rc_slices {
        rc_slices(
            pixels: shapes[narrow].pixels, narrow: Int32(shapes[narrow].channels), wide: Int32(shapes[wide].channels),
            first: Int32(first))
    }

    /// The channels of each input in their concatenation.
    private func parts(of wide: Int, _ inputs: [Int]) -> [rc_slices] {
        var first = 0
        return inputs.map { input in
            defer { first += shapes[input].channels }
            return slices(input, of: wide, first: first)
        }
    }

    func backward(
        outputGradients: [UnsafePointer<Float>], parameterGradients values: UnsafeMutablePointer<Float>
    ) throws(CUDAError) {
        var isWritten = [Bool](repeating: false, count: network.nodes.count)
        try device.check(rc_zero(device.handle, parameterGradients.address, parameterGradients.count))
        for (output, gradient) in zip(network.outputs, outputGradients) {
            guard let own = gradients[output.index] else { continue }
            try own.upload(gradient)
            isWritten[output.index] = true
        }
        for index in network.nodes.indices.reversed() where isWritten[index] {
            guard let gradient = gradients[index] else { continue }
            try backward(index, gradient, &isWritten)
        }
        try parameterGradients.download(to: values)
    }

    /// Passes a node's gradient on to its inputs and parameters.
    private func backward(_ index: Int, _ gradient: CUDABuffer, _ isWritten: inout [Bool]) throws(CUDAError) {
        let inputs = network.nodes[index].inputs.map(\.index)
        let handle = device.handle
        // The first to write replaces what an earlier step left.
        func adds(_ place: Int) -> Int32 {
            defer { isWritten[inputs[place]] = true }
            return isWritten[inputs[place]] ? 1 : 0
        }
        func target(_ place: Int) -> UInt64? { gradients[inputs[place]]?.address }
        switch steps[index] {
        case .input: break
        case .convolution(let step):
            let input = activations[inputs[0]].address
            try step.addParameterGradients(
                input, gradient.address, to: parameterGradients, kernelGradients: kernelGradients)
            guard let target = target(0) else { return }
            try step.backward(gradient.address, to: target, adds: adds(0), kernels: kernels)
        case .normalization(let step):
            try step.backward(
                activations[inputs[0]].address, gradient.address, to: target(0), adds: adds(0), parameters: parameters,
                gradients: parameterGradients)
        case .activation(let kind):
            guard let target = target(0) else { return }
            try device.check(
                rc_activation_gradient(
                    handle, kind, target, gradient.address, activations[index].address, gradient.count, adds(0)))
        case .add:
            for place in inputs.indices {
                guard let target = target(place) else { continue }
                try device.check(rc_copy(handle, target, gradient.address, gradient.count, adds(place)))
            }
        case .slice(let first):
            guard let target = target(0) else { return }
            try device.check(
                rc_slice_gradient(
                    handle, target, gradient.address, slices(index, of: inputs[0], first: first), adds(0)))
        case .concatenate:
            for (place, slices) in parts(of: index, inputs).enumerated() {
                guard let target = target(place) else { continue }
                try device.check(rc_slice(handle, target, gradient.address, slices, adds(place)))
            }
        case .reshape:
            guard let target = target(0) else { return }
            try device.check(
                rc_reorder(
                    handle, target, rc_shape(shapes[inputs[0]]), gradient.address, rc_shape(shapes[index]), adds(0)))
        case .pool:
            guard let target = target(0) else { return }
            let shape = shapes[inputs[0]]
            try device.check(
                rc_spread(
                    handle, target, gradient.address, rc_shape(shape), 1 / Float(shape.height * shape.width), adds(0)))
        case .spread:
            // Of a second input, only the size is used.
            guard let target = target(0) else { return }
            try device.check(rc_pool(handle, target, gradient.address, rc_shape(shapes[index]), 1, adds(0)))
        case .shuffle(let factor):
            guard let target = target(0) else { return }
            try device.check(
                rc_unshuffle(handle, target, gradient.address, rc_shape(shapes[inputs[0]]), Int32(factor), adds(0)))
        case .unshuffle(let factor):
            guard let target = target(0) else { return }
            try device.check(
                rc_shuffle(handle, target, gradient.address, rc_shape(shapes[index]), Int32(factor), adds(0)))
        }
    }
}

extension rc_shape {
    init(_ shape: Shape) {
        self.init(
            batch: Int32(shape.batch), height: Int32(shape.height), width: Int32(shape.width),
            channels: Int32(shape.channels))
    }
}
