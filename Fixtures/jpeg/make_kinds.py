"""Makes JPEG files of the kinds that Pillow cannot write, and expected.txt: what libjpeg-turbo's own tool gives for them.

    apt-get install libjpeg-turbo-progs
    python make_kinds.py

testorig.jpg, testimgari.jpg and testimgint.jpg come from libjpeg-turbo's `testimages` (LICENSE.txt); the others are made of
the first one by cjpeg and jpegtran. A line of expected.txt: name, width, height, channels, and the CRC-32 of the pixels that
`djpeg` gives, row after row.
"""

import struct
import subprocess
import zlib
from pathlib import Path

HERE = Path(__file__).parent
ORIGINAL = HERE / "testorig.jpg"


def run(*command: str, content: bytes) -> bytes:
    return subprocess.run(command, input=content, capture_output=True, check=True).stdout


def pixels(content: bytes) -> tuple[int, int, int, bytes]:
    pnm = run("djpeg", "-dct", "int", "-pnm", content=content)
    kind, width, height, _ = pnm.split(maxsplit=3)[:4]
    channels = 3 if kind == b"P6" else 1
    size = int(width) * int(height) * channels
    return int(width), int(height), channels, pnm[-size:]


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def with_fill_bytes(content: bytes) -> bytes:
    """Any number of 0xFF may stand before a marker (T.81, B.1.1.2)."""
    result, place = content[:2], 2
    while content[place + 1] != 0xDA:
        length = 2 + struct.unpack(">H", content[place + 2 : place + 4])[0]
        result += b"\xff" * 3 + content[place : place + length]
        place += length
    return result + b"\xff" + content[place:]


def with_late_rows(content: bytes) -> bytes:
    """The number of rows not in the frame header but behind the first scan (T.81, B.2.5)."""
    frame = content.index(b"\xff\xc0")
    rows = content[frame + 5 : frame + 7]
    assert content.endswith(b"\xff\xd9")
    return content[: frame + 5] + b"\0\0" + content[frame + 7 : -2] + segment(0xDC, rows) + content[-2:]


def main() -> None:
    original = ORIGINAL.read_bytes()
    ppm = run("djpeg", "-pnm", content=original)
    (HERE / "apart.scans").write_text("0;\n2;\n1;\n")
    kinds = {
        "arithmetic": run("jpegtran", "-arithmetic", content=original),
        "arithmetic-progressive": run("jpegtran", "-arithmetic", "-progressive", content=original),
        "progressive-restart": run("jpegtran", "-progressive", "-restart", "1", content=original),
        "restart-every-block": run("jpegtran", "-restart", "1B", content=original),
        "scans-apart": run("jpegtran", "-scans", str(HERE / "apart.scans"), content=original),
        "coarse-tables": run("cjpeg", "-quality", "3", content=ppm),
        "stored-rgb": run("cjpeg", "-rgb", "-quality", "40", content=ppm),
        "optimized": run("jpegtran", "-optimize", content=original),
        "late-rows": with_late_rows(original),
        "gray": run("cjpeg", "-grayscale", "-quality", "50", content=ppm),
        "gray-sampling-2x2": run("jpegtran", "-grayscale", content=original),
    }
    for name, factors in {
        "440": "1x2", "411": "4x1", "410": "4x2", "3x1": "3x1", "1x3": "1x3", "1x4": "1x4",
        "coarse-luma": "1x1,2x2,2x2", "uneven": "2x2,2x1,1x2",
    }.items():
        kinds[f"sampling-{name}"] = run("cjpeg", "-sample", factors, "-quality", "50", content=ppm)
    kinds["fill-bytes"] = with_fill_bytes(original)
    # As a camera's MPO: an index of the pictures (what is in it does not matter), and the second one behind the first.
    index = segment(0xE2, b"MPF\0II*\0" + bytes(60))
    kinds["two-pictures"] = original[:20] + index + original[20:] + b"\0" * 16 + kinds["gray"]
    (HERE / "apart.scans").unlink()
    for name, content in kinds.items():
        (HERE / f"{name}.jpg").write_bytes(content)
    lines = []
    for path in sorted(HERE.glob("*.jpg")):
        # djpeg does not read late rows.
        readable = original if path.stem == "late-rows" else path.read_bytes()
        width, height, channels, samples = pixels(readable)
        lines.append(f"{path.name} {width} {height} {channels} {zlib.crc32(samples)}\n")
    (HERE / "expected.txt").write_text("".join(lines))
    print(f"{len(lines)} files")


main()
