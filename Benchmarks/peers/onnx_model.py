"""The network of a case as an ONNX model."""

import numpy as np
import onnx
from case import Case, Node
from onnx import TensorProto, helper, numpy_helper

OPSET = 17


class Builder:
    def __init__(self, case: Case):
        self.case = case
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, values: np.ndarray) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def integers(self, name: str, values: list[int]) -> str:
        return self.constant(name, np.array(values, np.int64))

    def add(self, operation: str, inputs: list[str], output: str, **attributes) -> None:
        self.nodes.append(helper.make_node(operation, inputs, [output], name=output, **attributes))

    def convolution(self, operation: str, node: Node, inputs: list[str]) -> None:
        inputs = [*inputs, self.constant(f"{node.name}.weight", self.case.weight(node))]
        if node.hasBias:
            inputs.append(self.constant(f"{node.name}.bias", self.case.bias(node)))
        self.add(operation, inputs, node.name, kernel_shape=node.kernel, strides=node.stride,
                 pads=node.padding * 2)

    def unshuffle(self, node: Node, inputs: list[str]) -> None:
        """As exported by PyTorch: ONNX's own SpaceToDepth uses a different channel order."""
        batch, height, width, channels = node.shape
        r = node.factor
        split = self.integers(f"{node.name}.split", [batch, channels // (r * r), height, r, width, r])
        self.add("Reshape", [*inputs, split], f"{node.name}.squares")
        self.add("Transpose", [f"{node.name}.squares"], f"{node.name}.sorted", perm=[0, 1, 3, 5, 2, 4])
        whole = self.integers(f"{node.name}.whole", [batch, channels, height, width])
        self.add("Reshape", [f"{node.name}.sorted", whole], node.name)

    def slice(self, node: Node, inputs: list[str]) -> None:
        begin, end = node.channels
        bounds = [self.integers(f"{node.name}.{which}", [value])
                  for which, value in (("begin", begin), ("end", end), ("axis", 1))]
        self.add("Slice", [*inputs, *bounds], node.name)

    def node(self, node: Node) -> None:
        inputs = [self.case.nodes[index].name for index in node.inputs]
        match node.operation:
            case "input": pass
            case "convolution": self.convolution("Conv", node, inputs)
            case "transposed_convolution": self.convolution("ConvTranspose", node, inputs)
            case "relu": self.add("Relu", inputs, node.name)
            case "add": self.add("Add", inputs, node.name)
            case "slice": self.slice(node, inputs)
            case "pixel_unshuffle": self.unshuffle(node, inputs)
            case "pixel_shuffle":
                self.add("DepthToSpace", inputs, node.name, blocksize=node.factor, mode="CRD")
            case other: raise ValueError(f"no ONNX equivalent of {other}")


def value_info(node: Node) -> onnx.ValueInfoProto:
    batch, height, width, channels = node.shape
    return helper.make_tensor_value_info(node.name, TensorProto.FLOAT, [batch, channels, height, width])


def model(case: Case) -> onnx.ModelProto:
    builder = Builder(case)
    for node in case.nodes:
        builder.node(node)
    inputs = [value_info(node) for node in case.nodes if node.operation == "input"]
    graph = helper.make_graph(builder.nodes, "case", inputs, [value_info(case.nodes[case.output])],
                              initializer=builder.constants)
    result = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(result)
    return result
