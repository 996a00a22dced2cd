"""Writes resizing.safetensors: float planes resized by Pillow.

    pip install numpy==2.4.6 pillow==13.0.0
    python resizing.py

Mode F: no rounding to 8 bits. Pillow's BOX counts a pixel whole or not at all, so where the sides are no multiples of
each other the mean over areas is made of a plane whose pixels are repeated: as often as the output has rows and
columns. Then every output pixel covers a whole number of them.
"""

import json
from pathlib import Path

import numpy
from PIL import Image

import tensor_file

SIZES = [
    # width, height, to width, to height
    (24, 18, 8, 6), (24, 18, 12, 18), (31, 17, 13, 5), (17, 31, 16, 30), (9, 7, 20, 15), (5, 4, 5, 9), (1, 1, 3, 2),
    (7, 5, 1, 1), (64, 3, 5, 3), (40, 33, 39, 64), (2, 2, 3, 3),
]


def resized(plane: numpy.ndarray, width: int, height: int, resampling: Image.Resampling) -> numpy.ndarray:
    return numpy.asarray(Image.fromarray(plane, mode="F").resize((width, height), resampling))


def area(plane: numpy.ndarray, width: int, height: int) -> numpy.ndarray:
    repeated = plane.repeat(height, axis=0).repeat(width, axis=1)
    return resized(repeated, width, height, Image.Resampling.BOX)


def main() -> None:
    generator = numpy.random.default_rng(12)
    tensors: dict[str, numpy.ndarray] = {}
    cases = []
    for index, (width, height, to_width, to_height) in enumerate(SIZES):
        plane = generator.uniform(-0.5, 1.5, (height, width)).astype(numpy.float32)
        tensors[f"{index}/input"] = plane
        tensors[f"{index}/area"] = area(plane, to_width, to_height)
        tensors[f"{index}/lanczos3"] = resized(plane, to_width, to_height, Image.Resampling.LANCZOS)
        cases.append({"width": width, "height": height, "toWidth": to_width, "toHeight": to_height})
    metadata = {"cases": json.dumps(cases)}
    tensor_file.write(Path(__file__).with_suffix(".safetensors"), tensors, metadata)


main()
