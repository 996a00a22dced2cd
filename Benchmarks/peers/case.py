"""A case as written by `restore-bench export`: the network's nodes, the weights, the input, and our results."""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))
import tensorfile  # noqa: E402


@dataclass
class Node:
    name: str
    operation: str
    inputs: list[int]
    # Images, rows, columns, channels of the output.
    shape: list[int]
    kernel: list[int] = field(default_factory=list)
    stride: list[int] = field(default_factory=list)
    padding: list[int] = field(default_factory=list)
    hasBias: bool = False
    factor: int = 0
    channels: list[int] = field(default_factory=list)


class Case:
    def __init__(self, folder: Path):
        description = json.loads((folder / "case.json").read_text())
        self.folder = folder
        self.work: str = description["work"]
        self.nodes = [Node(**node) for node in description["nodes"]]
        self.output: int = description["output"]
        self.tensors = tensorfile.read(folder / "case.safetensors")

    def planes(self, name: str) -> np.ndarray:
        """One of our tensors (channels-last) as images × channels × rows × columns."""
        return np.ascontiguousarray(self.tensors[name].transpose(0, 3, 1, 2))

    def weight(self, node: Node) -> np.ndarray:
        return self.tensors[f"{node.name}.weight"]

    def bias(self, node: Node) -> np.ndarray | None:
        return self.tensors[f"{node.name}.bias"] if node.hasBias else None

    def parameters(self) -> dict[str, np.ndarray]:
        return {name: values for name, values in self.tensors.items() if name.endswith((".weight", ".bias"))
                and not name.startswith("expected/")}


def channels_last(planes: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1))
