"""Generates noisy test images as PNG files, without an image library: pictures.py WIDTH HEIGHT FILE

An image is a random field whose amplitude decreases with frequency, as in natural images (Field, JOSA A 1987), with
Gaussian noise of σ = 25 added: PNG compresses its denoised version about as well as that of a photograph.
"""

import struct
import sys
import zlib
from pathlib import Path

import numpy as np

# The field is generated once with this side length and tiled with mirroring.
SIDE = 1024
SIGMA = 25


def field(generator: np.random.Generator) -> np.ndarray:
    frequency = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None, :])
    frequency[0, 0] = np.inf
    planes = [np.fft.irfft2(np.fft.rfft2(generator.standard_normal((SIDE, SIDE))) / frequency) for _ in range(3)]
    # The colors of natural images are correlated.
    planes = [planes[0] + 0.3 * plane for plane in planes]
    return np.stack([127 + 50 * plane / plane.std() for plane in planes], axis=-1)


def noisy(width: int, height: int) -> np.ndarray:
    generator = np.random.default_rng(1)
    picture = field(generator)
    picture = np.concatenate([picture, picture[::-1]], axis=0)
    picture = np.concatenate([picture, picture[:, ::-1]], axis=1)
    rows, columns = np.arange(height) % (2 * SIDE), np.arange(width) % (2 * SIDE)
    result = np.empty((height, width, 3), np.uint8)
    for y, row in enumerate(rows):
        line = picture[row][columns] + SIGMA * generator.standard_normal((width, 3))
        result[y] = np.clip(np.rint(line), 0, 255)
    return result


def write_png(path: Path, picture: np.ndarray) -> None:
    height, width, _ = picture.shape
    # Every row begins with its filter type: none.
    rows = np.concatenate([np.zeros((height, 1), np.uint8), picture.reshape(height, -1)], axis=1)

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
                     + chunk(b"IDAT", zlib.compress(rows.tobytes(), 1)) + chunk(b"IEND", b""))


if __name__ == "__main__":
    write_png(Path(sys.argv[3]), noisy(int(sys.argv[1]), int(sys.argv[2])))
