"""Reads and writes safetensors files of 32-bit floats with NumPy alone."""

import json
from pathlib import Path

import numpy as np


def read(path: Path) -> dict[str, np.ndarray]:
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = np.frombuffer(content, np.float32, (end - begin) // 4, 8 + length + begin)
        tensors[name] = values.reshape(entry["shape"])
    return tensors


def write(path: Path, tensors: dict[str, np.ndarray]) -> None:
    header, pieces, begin = {}, [], 0
    for name, values in tensors.items():
        piece = np.ascontiguousarray(values, np.float32).tobytes()
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [begin, begin + len(piece)]}
        pieces.append(piece)
        begin += len(piece)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(pieces))
