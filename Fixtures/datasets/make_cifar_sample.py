#!/usr/bin/env python3
"""Write cifar-10-sample/: 100 pictures to train on and 20 to test on in CIFAR-10's official binary layout, made from the
photographs in ../images reduced to 32x32. Needs Pillow and NumPy. The labels are the photographs' numbers."""
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
PHOTOGRAPHS = ["astronaut", "brushes", "fig", "mountains", "dandelion-rgba16"]
SIDE = 32


def record(label: int, picture: Image.Image, random: np.random.Generator) -> bytes:
    """One label, then all red, all green and all blue values of a random square, row by row."""
    side = int(random.integers(2 * SIDE, min(picture.size) + 1))
    left, top = (int(random.integers(0, length - side + 1)) for length in picture.size)
    square = picture.resize((SIDE, SIDE), Image.Resampling.BOX, (left, top, left + side, top + side))
    return bytes([label]) + np.asarray(square).transpose(2, 0, 1).tobytes()


def main() -> None:
    random = np.random.default_rng(10)
    paths = [HERE.parent / "images" / f"{name}.png" for name in PHOTOGRAPHS]
    pictures = [Image.open(path).convert("RGB") for path in paths]
    folder = HERE / "cifar-10-sample"
    folder.mkdir(exist_ok=True)
    for name, count in [("data_batch_1", 100), ("test_batch", 20)]:
        labels = [index % len(pictures) for index in range(count)]
        (folder / f"{name}.bin").write_bytes(b"".join(record(label, pictures[label], random) for label in labels))


if __name__ == "__main__":
    main()
