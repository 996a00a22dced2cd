"""Writes PNG files of every kind, chunk by chunk, after https://www.w3.org/TR/png-3/ and without any PNG library."""

import struct
import zlib

import numpy

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# Section 8.1: first column, first row, column step, row step of the seven passes.
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def header(width: int, height: int, depth: int, color_type: int, interlace: int = 0) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, interlace))


def packed_rows(samples: numpy.ndarray, depth: int) -> list[bytes]:
    """The rows of [height, width, channels] samples as they stand in the file, unfiltered."""
    rows = []
    for row in samples.reshape(samples.shape[0], -1):
        if depth == 16:
            rows.append(row.astype(">u2").tobytes())
        elif depth == 8:
            rows.append(row.astype(numpy.uint8).tobytes())
        else:
            bits = (row[:, None] >> numpy.arange(depth - 1, -1, -1)) & 1
            rows.append(numpy.packbits(bits.ravel().astype(numpy.uint8)).tobytes())
    return rows


def filtered(rows: list[bytes], pixel_size: int) -> bytes:
    """The rows with the filters 0 to 4 in turn (section 9.2), so that every one occurs."""
    result, above = b"", None
    for y, row in enumerate(rows):
        above = above or bytes(len(row))
        line = bytearray([y % 5])
        for x, value in enumerate(row):
            left = row[x - pixel_size] if x >= pixel_size else 0
            up, corner = above[x], above[x - pixel_size] if x >= pixel_size else 0
            line.append((value - prediction(y % 5, left, up, corner)) % 256)
        result, above = result + bytes(line), row
    return result


def prediction(kind: int, left: int, up: int, corner: int) -> int:
    if kind < 4:
        return [0, left, up, (left + up) // 2][kind]
    estimate = left + up - corner
    return min((left, up, corner), key=lambda value: abs(estimate - value))  # ties: left, then up


def scanlines(samples: numpy.ndarray, depth: int, interlace: int) -> bytes:
    pixel_size = max(1, samples.shape[2] * depth // 8)
    if not interlace:
        return filtered(packed_rows(samples, depth), pixel_size)
    passes = [samples[y::row_step, x::column_step] for x, y, column_step, row_step in ADAM7]
    return b"".join(filtered(packed_rows(part, depth), pixel_size) for part in passes if part.size)


def png(samples: numpy.ndarray, depth: int, color_type: int, interlace: int = 0, before_pixels: bytes = b"") -> bytes:
    """A whole file; `before_pixels` holds chunks such as PLTE and tRNS. The pixels go to two IDAT chunks."""
    height, width, channels = samples.shape
    assert channels == CHANNELS[color_type]
    stream = zlib.compress(scanlines(samples, depth, interlace), 9)
    half = len(stream) // 2
    return (
        SIGNATURE + header(width, height, depth, color_type, interlace) + before_pixels
        + chunk(b"IDAT", stream[:half]) + chunk(b"IDAT", stream[half:]) + chunk(b"IEND", b"")
    )
