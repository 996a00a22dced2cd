"""Makes one small file for every kind of PNG and JPEG, and the pixels that reading them must give.

    pip install numpy==2.4.6 pillow==13.0.0
    python make_formats.py

The PNG files are written by png_file.py, and their pixels follow from the samples by the rules of the PNG
specification; Pillow reads them back as a check where it has the depth. The JPEG files are written and read by
Pillow (libjpeg-turbo: accurate integer DCT, smooth chroma upsampling); CMYK is converted here by R = (1 - C)(1 - K).

expected.txt has a line for each file: name, width, height, channels, bits of a sample, and the offset of its pixels
in expected.bin, which holds them row after row, 16-bit samples little-endian.
"""

import io
from pathlib import Path

import numpy
from PIL import Image

from png_file import CHANNELS, chunk, png

HERE = Path(__file__).parent
random = numpy.random.default_rng(20240917)
files: dict[str, tuple[bytes, numpy.ndarray]] = {}


def random_samples(width: int, height: int, channels: int, depth: int) -> numpy.ndarray:
    return random.integers(0, 2**depth, (height, width, channels), dtype=numpy.uint16)


def expanded(samples: numpy.ndarray, depth: int) -> numpy.ndarray:
    """Samples of less than 8 bits scaled to 0...255."""
    if depth == 16:
        return samples
    return (samples * (255 // (2**depth - 1))).astype(numpy.uint8)


def with_alpha(samples: numpy.ndarray, depth: int, transparent: numpy.ndarray) -> numpy.ndarray:
    opaque = 65535 if depth == 16 else 255
    alpha = numpy.where((samples == transparent).all(axis=2, keepdims=True), 0, opaque)
    colors = expanded(samples, depth)
    return numpy.concatenate([colors, alpha.astype(colors.dtype)], axis=2)


def add_png(name: str, content: bytes, expected: numpy.ndarray) -> None:
    files[f"{name}.png"] = (content, expected)
    if expected.dtype == numpy.uint16:
        return  # Pillow reduces most of these to 8 bits
    if name in ["gray2-transparent", "gray4-transparent"]:
        return  # Pillow compares the transparent sample before scaling with samples after it
    with Image.open(io.BytesIO(content)) as picture:
        mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[expected.shape[2]]
        assert (numpy.asarray(picture.convert(mode)).reshape(expected.shape) == expected).all(), name


def make_pngs() -> None:
    names = {0: "gray", 2: "rgb", 4: "gray-alpha", 6: "rgb-alpha"}
    depths = {0: [1, 2, 4, 8, 16], 2: [8, 16], 4: [8, 16], 6: [8, 16]}
    for color_type, name in names.items():
        for depth in depths[color_type]:
            for interlace, suffix in enumerate(["", "-interlaced"]):
                samples = random_samples(11, 9, CHANNELS[color_type], depth)
                add_png(f"{name}{depth}{suffix}", png(samples, depth, color_type, interlace), expanded(samples, depth))
    for depth in [1, 2, 4, 8]:
        make_palette_pngs(depth)
    for color_type, depth in [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16)]:
        samples = random_samples(11, 9, CHANNELS[color_type], depth)
        transparent = samples[4, 5]
        content = png(samples, depth, color_type, depth % 3 == 1, chunk(b"tRNS", transparent.astype(">u2").tobytes()))
        add_png(f"{names[color_type]}{depth}-transparent", content, with_alpha(samples, depth, transparent))
    for interlace, suffix in enumerate(["", "-interlaced"]):
        samples = random_samples(1, 1, 3, 8)
        add_png(f"one-pixel{suffix}", png(samples, 8, 2, interlace), expanded(samples, 8))


def make_palette_pngs(depth: int) -> None:
    count = min(2**depth, 200)
    palette = random.integers(0, 256, (count, 3), dtype=numpy.uint8)
    alpha = random.integers(0, 256, (count - count // 3, 1), dtype=numpy.uint8)  # the rest is opaque
    whole_alpha = numpy.concatenate([alpha, numpy.full((count // 3, 1), 255, numpy.uint8)])
    indices = random.integers(0, count, (9, 11, 1), dtype=numpy.uint16)
    chunks = chunk(b"PLTE", palette.tobytes())
    for interlace, suffix in enumerate(["", "-interlaced"]):
        add_png(f"palette{depth}{suffix}", png(indices, depth, 3, interlace, chunks), palette[indices[:, :, 0]])
    chunks += chunk(b"tRNS", alpha.tobytes())
    colors = numpy.concatenate([palette, whole_alpha], axis=1)
    add_png(f"palette{depth}-alpha", png(indices, depth, 3, 0, chunks), colors[indices[:, :, 0]])


def photograph(channels: int) -> numpy.ndarray:
    """A smooth picture with an edge and some noise: JPEG keeps little of pure noise."""
    y, x = numpy.mgrid[0:29, 0:37]
    edge = 128 + 30 * (x > 20)
    planes = [edge + 90 * numpy.sin((x + 3 * k) / 7) * numpy.cos((y - 2 * k) / 5) for k in range(channels)]
    noisy = numpy.stack(planes, axis=2) + random.normal(0, 6, (29, 37, channels))
    return numpy.clip(noisy, 0, 255).astype(numpy.uint8)


def add_jpeg(name: str, pixels: numpy.ndarray, mode: str, **settings) -> bytes:
    target = io.BytesIO()
    shape = pixels.shape[:2] if mode == "L" else pixels.shape
    Image.fromarray(pixels.reshape(shape), mode).save(target, "JPEG", quality=85, **settings)
    add_jpeg_file(name, target.getvalue())
    return target.getvalue()


def add_jpeg_file(name: str, content: bytes, inks_are_inverted: bool = True) -> None:
    with Image.open(io.BytesIO(content)) as picture:
        decoded = numpy.asarray(picture)
        if picture.mode == "CMYK":  # Pillow takes all stored inks for inverted ones and gives 255 - stored
            decoded = rgb_of_inks(decoded if inks_are_inverted else 255 - decoded)
    files[f"{name}.jpg"] = (content, decoded.reshape(decoded.shape[0], decoded.shape[1], -1))


def rgb_of_inks(cmyk: numpy.ndarray) -> numpy.ndarray:
    light = 255 - cmyk.astype(numpy.uint32)
    return ((light[:, :, :3] * light[:, :, 3:] + 127) // 255).astype(numpy.uint8)


def make_jpegs() -> None:
    color, gray, inks = photograph(3), photograph(1), photograph(4)
    for subsampling, name in enumerate(["444", "422", "420"]):
        add_jpeg(f"baseline-{name}", color, "RGB", subsampling=subsampling)
        add_jpeg(f"progressive-{name}", color, "RGB", subsampling=subsampling, progressive=True)
    add_jpeg("baseline-gray", gray, "L")
    add_jpeg("progressive-gray", gray, "L", progressive=True)
    add_jpeg("restart-markers", color, "RGB", restart_marker_blocks=2)
    add_jpeg("rgb-stored", color, "RGB", keep_rgb=True)
    add_jpeg("one-pixel", color[:1, :1], "RGB")
    cmyk = add_jpeg("cmyk-adobe", inks, "CMYK")
    # The Adobe marker says how to read the four components: patched to YCCK, and cut out.
    start = cmyk.index(b"\xff\xee\x00\x0eAdobe")
    add_jpeg_file("ycck-adobe", cmyk[: start + 15] + b"\x02" + cmyk[start + 16 :])
    add_jpeg_file("cmyk-plain", cmyk[:start] + cmyk[start + 16 :], inks_are_inverted=False)


def main() -> None:
    make_pngs()
    make_jpegs()
    lines, pixels = [], b""
    for name, (content, expected) in sorted(files.items()):
        (HERE / name).write_bytes(content)
        height, width, channels = expected.shape
        bits = 8 * expected.dtype.itemsize
        lines.append(f"{name} {width} {height} {channels} {bits} {len(pixels)}\n")
        pixels += expected.astype(f"<u{expected.dtype.itemsize}").tobytes()
    (HERE / "expected.txt").write_text("".join(lines))
    (HERE / "expected.bin").write_bytes(pixels)
    print(f"{len(files)} files")


main()
