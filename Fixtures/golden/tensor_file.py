"""Writes named float32 tensors as a safetensors file, the same bytes for the same content.

The layout: eight bytes, little endian, with the length of the header; the header, JSON, padded with spaces to a multiple
of eight; the tensors, row-major, one after the other in the order of the header. The `safetensors` package writes the
same format, but orders the metadata differently from run to run, so that a remade file would differ without a reason.
"""

import json
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy


def write(path: Path, tensors: Mapping[str, numpy.ndarray], metadata: Mapping[str, str]) -> None:
    """Writes `tensors` in their order, each as float32, with the string `metadata`."""
    header: dict[str, object] = {"__metadata__": dict(metadata)}
    blocks: list[bytes] = []
    offset = 0
    for name, tensor in tensors.items():
        block = numpy.ascontiguousarray(tensor, dtype="<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [offset, offset + len(block)]}
        blocks.append(block)
        offset += len(block)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blocks))
    print(f"{path.name}: {len(tensors)} tensors, {path.stat().st_size} bytes")
