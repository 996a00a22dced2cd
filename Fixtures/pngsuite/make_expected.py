"""Writes expected.txt: what libpng's own reading of the PngSuite gives, by netpbm's pngtopam.

    apt-get install netpbm
    python make_expected.py

A line for each file that can be read: name, width, height, channels and bits of a sample as `restore` gives them, and the
CRC-32 of the picture as RGBA, row after row, of so many bits, 16-bit samples big-endian. Files that begin with x are
damaged and have no line.
"""

import struct
import subprocess
import zlib
from pathlib import Path

HERE = Path(__file__).parent


def chunks(content: bytes):
    place = 8
    while place < len(content):
        length = struct.unpack(">I", content[place : place + 4])[0]
        yield content[place + 4 : place + 8], content[place : place + 12 + length]
        place += 12 + length


def without(content: bytes, name: bytes) -> bytes:
    """pngtopam reduces samples to the significant bits that sBIT gives; the samples are wanted as they are."""
    return content[:8] + b"".join(whole for kind, whole in chunks(content) if kind != name)


def samples_of(content: bytes, *options: str) -> tuple[list[int], int, int]:
    """The samples that pngtopam gives, how many a pixel has, and the largest one."""
    source = without(content, b"sBIT")
    pam = subprocess.run(["pngtopam", *options], input=source, capture_output=True, check=True).stdout
    if pam.startswith(b"P7"):
        head, pixels = pam.split(b"ENDHDR\n", 1)
        fields = dict(line.split(b" ", 1) for line in head.splitlines() if b" " in line)
        depth, largest = int(fields[b"DEPTH"]), int(fields[b"MAXVAL"])
    else:
        kind, width, height, maximum = pam.split(maxsplit=4)[:4]
        depth, largest = (3 if kind == b"P6" else 1), int(maximum)
        pixels = pam[-int(width) * int(height) * depth * (2 if largest > 255 else 1) :]
    size = 2 if largest > 255 else 1
    return list(struct.unpack(f">{len(pixels) // size}{'H' if size == 2 else 'B'}", pixels)), depth, largest


def rgba(content: bytes, bits: int) -> bytes:
    # Where the transparent color does not occur, pngtopam takes the nearest one; as the specification has it, none is.
    key = next((whole[8:-4] for kind, whole in chunks(content) if kind == b"tRNS"), b"")
    has_key = content[25] in (0, 2) and key != b""
    if has_key:
        samples, depth, largest = samples_of(without(content, b"tRNS"), "-alphapam")
        transparent = list(struct.unpack(f">{len(key) // 2}H", key))
    else:
        samples, depth, largest = samples_of(content, "-alphapam")
    full = 2**bits - 1
    result = []
    for place in range(0, len(samples), depth):
        pixel = samples[place : place + depth]
        color = pixel[:3] if depth >= 3 else pixel[:1] * 3
        alpha = pixel[-1] * full // largest if depth in (2, 4) else full
        if has_key:
            alpha = 0 if color[: len(transparent)] == transparent else full
        result += [value * full // largest for value in color] + [alpha]
    return struct.pack(f">{len(result)}{'H' if bits == 16 else 'B'}", *result)


def main() -> None:
    lines = []
    for path in sorted(HERE.glob("*.png")):
        if path.name.startswith("x"):
            continue
        content = path.read_bytes()
        width, height, depth, color_type = struct.unpack(">IIBB", content[16:26])
        has_alpha = color_type >= 4 or any(kind == b"tRNS" for kind, _ in chunks(content))
        channels = (3 if color_type & 2 else 1) + has_alpha
        bits = 16 if depth == 16 else 8
        lines.append(f"{path.name} {width} {height} {channels} {bits} {zlib.crc32(rgba(content, bits))}\n")
    (HERE / "expected.txt").write_text("".join(lines))
    print(f"{len(lines)} files")


main()
