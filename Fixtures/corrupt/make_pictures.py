"""Makes the damaged pictures of this folder. Reading any of them must fail with an error.

    pip install numpy==2.4.6 pillow==13.0.0
    python make_pictures.py
"""

import io
import struct
import sys
import zlib
from pathlib import Path

import numpy
from PIL import Image

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "images" / "formats"))
from png_file import SIGNATURE, chunk, header, png, scanlines  # noqa: E402

y, x = numpy.mgrid[0:16, 0:16]
SAMPLES = numpy.stack([x * 16, y * 16, (x + y) * 8], axis=2).astype(numpy.uint16)
WHOLE_PNG = png(SAMPLES, 8, 2)
STREAM = zlib.compress(scanlines(SAMPLES, 8, 0))
END = chunk(b"IEND", b"")


def png_with(before: bytes, stream: bytes = STREAM, end: bytes = END) -> bytes:
    return SIGNATURE + before + chunk(b"IDAT", stream) + end


def flipped(content: bytes, offset: int) -> bytes:
    return content[:offset] + bytes([content[offset] ^ 0x55]) + content[offset + 1 :]


def damaged_pngs() -> dict[str, bytes]:
    right = header(16, 16, 8, 2)
    indices = numpy.full((16, 16, 1), 3, numpy.uint16)
    transparency = chunk(b"tRNS", struct.pack(">HHH", 0, 0, 0))
    return {
        "png-truncated": WHOLE_PNG[: len(WHOLE_PNG) // 2],
        "png-signature-only": SIGNATURE,
        "png-text-transfer": WHOLE_PNG.replace(b"\r\n", b"\n"),
        "png-wrong-checksum": flipped(png_with(right), len(png_with(right)) - len(END) - 1),
        "png-wrong-end-checksum": flipped(WHOLE_PNG, len(WHOLE_PNG) - 1),
        "png-wrong-transparency-checksum": png_with(right + flipped(transparency, 9)),
        "png-no-end": png_with(right, end=b""),
        "png-no-pixels": SIGNATURE + right + END,
        "png-too-few-rows": png_with(right, zlib.compress(scanlines(SAMPLES[:9], 8, 0))),
        "png-no-deflate-stream": png_with(right, bytes(range(100))),
        "png-unknown-filter": png_with(right, zlib.compress(b"\x09" + scanlines(SAMPLES, 8, 0)[1:])),
        "png-zero-width": png_with(header(0, 16, 8, 2)),
        "png-impossible-depth": png_with(header(16, 16, 3, 0)),
        "png-palette-missing": png(indices, 8, 3),
        "png-claims-100000x100000": png_with(header(100000, 100000, 8, 2)),
        "png-claims-widest": png_with(header(2**31 - 1, 1, 16, 6)),
        "png-claims-most": png_with(header(2**31 - 1, 2**31 - 1, 16, 6)),
    }


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def endless_scans(count: int) -> bytes:
    """A gray progressive picture of one block whose scans, all valid, say nothing: a byte of work a scan."""
    tables = segment(0xDB, bytes([0]) + bytes([1] * 64))
    for table in [0x00, 0x10]:  # one code of one bit, for the symbol 0: no difference, end of block
        tables += segment(0xC4, bytes([table, 1] + [0] * 15 + [0]))
    frame = segment(0xC2, bytes([8, 0, 8, 0, 8, 1, 1, 0x11, 0]))
    scans = [(0, 0, 0, 0)]
    for coefficient in range(1, 64):
        scans.append((coefficient, coefficient, 0, 13))
        scans += [(coefficient, coefficient, high, high - 1) for high in range(13, 0, -1)]
    content = b"\xff\xd8" + tables + frame
    for first, last, high, low in scans[:count]:
        content += segment(0xDA, bytes([1, 1, 0x00, first, last, high << 4 | low])) + b"\x7f"
    return content + b"\xff\xd9"


def damaged_jpegs() -> dict[str, bytes]:
    def saved(**settings) -> bytes:
        target = io.BytesIO()
        Image.fromarray(SAMPLES.astype(numpy.uint8)).resize((64, 48)).save(target, "JPEG", quality=90, **settings)
        return target.getvalue()

    baseline, progressive = saved(), saved(progressive=True)
    frame, scan = baseline.index(b"\xff\xc0"), baseline.index(b"\xff\xda")
    size = slice(frame + 5, frame + 9)
    second_scan = progressive.index(b"\xff\xda", progressive.index(b"\xff\xda") + 2)
    huge = bytearray(baseline)
    huge[size] = struct.pack(">HH", 65500, 65500)
    flat = bytearray(baseline)
    flat[size] = struct.pack(">HH", 0, 64)
    precise = bytearray(baseline)
    precise[frame + 4] = 12
    return {
        "jpeg-truncated": baseline[: scan + (len(baseline) - scan) // 2],
        "jpeg-progressive-truncated": progressive[: second_scan + 40],
        "jpeg-start-only": b"\xff\xd8\xff",
        "jpeg-header-only": baseline[:scan],
        "jpeg-ends-early": baseline[: scan + (len(baseline) - scan) // 2] + b"\xff\xd9",
        "jpeg-damaged-codes": baseline[: scan + 60] + bytes(range(1, 200)) + baseline[scan + 259 :],
        "jpeg-no-quantization-table": baseline.replace(b"\xff\xdb", b"\xff\xed"),
        "jpeg-claims-65500x65500": bytes(huge),
        "jpeg-no-rows": bytes(flat),
        "jpeg-12-bits": bytes(precise),
        "jpeg-600-scans": endless_scans(600),
        "jpeg-missing-component": one_component_of_three(),
    }


def one_component_of_three() -> bytes:
    """A frame of three components and the scan of the first alone."""
    tables = segment(0xDB, bytes([0]) + bytes([1] * 64))
    for table in [0x00, 0x10]:
        tables += segment(0xC4, bytes([table, 1] + [0] * 15 + [0]))
    frame = segment(0xC0, bytes([8, 0, 8, 0, 8, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0]))
    return b"\xff\xd8" + tables + frame + segment(0xDA, bytes([1, 1, 0x00, 0, 63, 0])) + b"\x3f\xff\xd9"


def main() -> None:
    pictures = {f"{name}.png": content for name, content in damaged_pngs().items()}
    pictures |= {f"{name}.jpg": content for name, content in damaged_jpegs().items()}
    pictures["empty.png"] = b""
    pictures["text.jpg"] = b"This is no picture.\n"
    pictures["gif.png"] = b"GIF89a" + bytes.fromhex("01000100800000ffffff0000002c00000000010001000002024401003b")
    for name, content in pictures.items():
        (HERE / name).write_bytes(content)
    print(f"{len(pictures)} files")


main()
