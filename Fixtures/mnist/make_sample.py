"""The first digits of MNIST's training set, as IDX files.

    python make_sample.py FOLDER    # FOLDER has the data set's four files, gzipped

The sample's test set is of the training set, too: digits 300 to 359. Nothing of MNIST's test set is in this folder. The
same input gives the same bytes.
"""

import gzip
import struct
import sys
from pathlib import Path

SIDE = 28
PARTS = {"train": range(300), "t10k": range(300, 360)}


def write(path: Path, content: bytes) -> None:
    with path.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(content)
    print(f"{path.name}: {path.stat().st_size} bytes")


def main() -> None:
    source, here = Path(sys.argv[1]), Path(__file__).parent
    images = gzip.decompress((source / "train-images-idx3-ubyte.gz").read_bytes())[16:]
    labels = gzip.decompress((source / "train-labels-idx1-ubyte.gz").read_bytes())[8:]
    for name, part in PARTS.items():
        pixels = b"".join(images[index * SIDE * SIDE : (index + 1) * SIDE * SIDE] for index in part)
        write(here / f"{name}-images-idx3-ubyte.gz", struct.pack(">4I", 0x803, len(part), SIDE, SIDE) + pixels)
        write(
            here / f"{name}-labels-idx1-ubyte.gz",
            struct.pack(">2I", 0x801, len(part)) + bytes(labels[index] for index in part),
        )


if __name__ == "__main__":
    main()
