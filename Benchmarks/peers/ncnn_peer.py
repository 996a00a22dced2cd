"""ncnn, with the model written directly: a text file of layers (.param) and their weights in order (.bin).

This does the work of ncnn's converter and optimizer: ReLU becomes part of the preceding convolution, and a value read
by several layers is split.
"""

import struct
from collections import Counter

import ncnn
import numpy as np
from case import Case, Node


class Writer:
    def __init__(self, case: Case):
        self.case = case
        self.lines: list[str] = []
        self.weights = bytearray()
        self.blobs = 0
        self.readers = Counter(index for node in case.nodes for index in node.inputs)
        # The names under which a node's value has yet to be read, one for each reader.
        self.names: dict[int, list[str]] = {}

    def layer(self, kind: str, name: str, inputs: list[str], outputs: list[str], settings: str = "") -> None:
        self.blobs += len(outputs)
        blobs = " ".join([*inputs, *outputs])
        self.lines.append(f"{kind} {name} {len(inputs)} {len(outputs)} {blobs} {settings}".rstrip())

    def values(self, values: np.ndarray, tagged: bool) -> None:
        if tagged:
            # 0: the following values are 32-bit floats.
            self.weights += struct.pack("<I", 0)
        self.weights += np.ascontiguousarray(values, "<f4").tobytes()

    def convolution(self, kind: str, node: Node, inputs: list[str], output: str, relu: bool) -> None:
        weight = self.case.weight(node)
        if kind == "Deconvolution":
            # PyTorch's shape is inputs × outputs × …, ncnn's is outputs × inputs × ….
            weight = weight.transpose(1, 0, 2, 3)
        settings = {0: node.shape[3], 1: node.kernel[1], 11: node.kernel[0], 3: node.stride[1], 13: node.stride[0],
                    4: node.padding[1], 14: node.padding[0], 5: int(node.hasBias), 6: weight.size, 9: int(relu)}
        text = " ".join(f"{key}={value}" for key, value in settings.items())
        self.layer(kind, node.name, inputs, [output], text)
        self.values(weight, tagged=True)
        if node.hasBias:
            self.values(self.case.bias(node), tagged=False)

    def fused_relu(self, index: int) -> int | None:
        """The ReLU that is the only reader of this node."""
        for later, node in enumerate(self.case.nodes):
            if node.operation == "relu" and node.inputs == [index] and self.readers[index] == 1:
                return later
        return None

    def publish(self, index: int, name: str) -> None:
        count = self.readers[index]
        self.names[index] = [name] if count <= 1 else [f"{name}.{reader}" for reader in range(count)]
        if count > 1:
            self.layer("Split", f"{name}.split", [name], self.names[index])

    def write(self) -> tuple[str, bytes]:
        fused = set()
        for index, node in enumerate(self.case.nodes):
            if index in fused:
                continue
            inputs = [self.names[source].pop() for source in node.inputs]
            place = index
            if node.operation in ("convolution", "transposed_convolution"):
                kind = "Convolution" if node.operation == "convolution" else "Deconvolution"
                relu = self.fused_relu(index)
                if relu is not None:
                    fused.add(relu)
                    place = relu
                self.convolution(kind, node, inputs, self.case.nodes[place].name, relu is not None)
            else:
                self.simple(node, inputs)
            self.publish(place, self.case.nodes[place].name)
        head = ["7767517", f"{len(self.lines)} {self.blobs}"]
        return "\n".join([*head, *self.lines, ""]), bytes(self.weights)

    def simple(self, node: Node, inputs: list[str]) -> None:
        batch, height, width, channels = node.shape
        kind, settings = {
            "input": ("Input", f"0={width} 1={height} 2={channels}"),
            "relu": ("ReLU", ""),
            "add": ("BinaryOp", "0=0"),
            "pixel_unshuffle": ("Reorg", f"0={node.factor}"),
            "pixel_shuffle": ("PixelShuffle", f"0={node.factor}"),
            # Start, end and axis, as in NumPy.
            "slice": ("Crop", "-23309=1,{} -23310=1,{} -23311=1,0".format(*node.channels or (0, 0))),
        }[node.operation]
        self.layer(kind, node.name, inputs, [node.name], settings)


class Peer:
    version = ncnn.__version__
    setting = "fp32, Winograd and packed layout on, pooled memory, 2 threads, images of a batch one by one"

    def __init__(self, case: Case):
        param, weights = Writer(case).write()
        (case.folder / "ncnn.param").write_text(param)
        (case.folder / "ncnn.bin").write_bytes(weights)
        self.net = ncnn.Net()
        # Memory is kept between runs, as in ncnn's own benchmark.
        self.allocators = ncnn.UnlockedPoolAllocator(), ncnn.PoolAllocator()
        options = self.net.opt
        options.num_threads = 2
        options.blob_allocator, options.workspace_allocator = self.allocators
        for name in ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_storage", "bf16_packed"):
            if hasattr(options, f"use_{name}"):
                setattr(options, f"use_{name}", False)
        for name in ("winograd_convolution", "sgemm_convolution", "packing_layout"):
            setattr(options, f"use_{name}", True)
        if self.net.load_param(str(case.folder / "ncnn.param")) or self.net.load_model(str(case.folder / "ncnn.bin")):
            raise RuntimeError("ncnn does not accept the model")
        self.input_name = next(node.name for node in case.nodes if node.operation == "input")
        self.output_name = case.nodes[case.output].name
        self.inputs = [ncnn.Mat(picture).clone() for picture in case.planes("input")]

    def one(self, picture):
        extractor = self.net.create_extractor()
        extractor.input(self.input_name, picture)
        status, output = extractor.extract(self.output_name)
        if status:
            raise RuntimeError(f"ncnn returned {status}")
        return output

    def run(self):
        for picture in self.inputs:
            self.one(picture)

    def results(self):
        pictures = [np.array(self.one(picture)).transpose(1, 2, 0) for picture in self.inputs]
        return {"expected/output": np.stack(pictures)}


def make(case: Case) -> Peer:
    return Peer(case)
