"""Makes the photographs of this folder from the packages they come from; README.md has their authors and licenses.

    apt-get download lomiri-wallpapers-16.04=20.04.0-2          # Debian 12
    pip download --no-deps scikit-image==0.26.0
    pip install numpy==2.4.6 pillow==13.0.0
    python make_images.py FOLDER-WITH-THE-TWO-PACKAGES

The large photographs are JPEG files; they are cut to the wanted proportions and reduced by more than two with Pillow's
Lanczos filter, on the coded values, which averages compression traces and camera noise away: a clean reference for noise
that is added later. Those of scikit-image were reduced before they were published, show hardly a trace of compression,
and are cut only. All are sRGB; no metadata is written.
"""

import hashlib
import io
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy
from PIL import Image

HERE = Path(__file__).parent
LANCZOS = Image.Resampling.LANCZOS

DIGESTS = {
    "picosdeeuropa_by_Aitzol_Berasategi.jpg": "414d0072b2f6f2c555deafeaef6e45c4fed6fa9ad26eba6560ca8803959cf97a",
    "Picture_0B_by_freespace.jpg": "c8c0ab18e48d9e0419fe42881112137f3afafc27dfddc29ec3a6d54c56d225ad",
    "Picture_1A_by_freespace.jpg": "89e86af38d04daaef975665dc2127e9fa76f0fd68f4eea105a2d0ae3390b010b",
    "seeding_by_Clements_Engelhardt.jpg": "a5634d1ab5e41a3568e92d4a894a500c92b891f9ff734e50bd224d6e185a605f",
    "astronaut.png": "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
    "camera.png": "b0793d2adda0fa6ae899c03989482bff9a42d3d5690fc7e3648f2795d730c23a",
}


def source_pictures(folder: Path) -> dict[str, Image.Image]:
    """Reads the pictures of DIGESTS out of the packages in `folder`, and makes sure that they are those meant."""
    contents: dict[str, bytes] = {}
    for package in sorted(folder.glob("lomiri-wallpapers-16.04_*.deb")):
        archive = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], check=True, capture_output=True).stdout
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            for member in files:
                if member.isfile() and Path(member.name).name in DIGESTS:
                    contents[Path(member.name).name] = files.extractfile(member).read()
    for package in sorted(folder.glob("scikit_image-*.whl")):
        with zipfile.ZipFile(package) as files:
            for name in ("astronaut.png", "camera.png"):
                contents[name] = files.read(f"skimage/data/{name}")
    for name, digest in DIGESTS.items():
        if name not in contents:
            sys.exit(f"{folder} has no package with {name}")
        found = hashlib.sha256(contents[name]).hexdigest()
        if found != digest:
            sys.exit(f"{name} is another picture: SHA-256 {found} instead of {digest}")
    return {name: Image.open(io.BytesIO(contents[name])) for name in DIGESTS}


def central_part(picture: Image.Image, width: int, height: int) -> tuple[float, float, float, float]:
    """The largest box in the middle of `picture` with the proportions width : height."""
    scale = min(picture.width / width, picture.height / height)
    left, top = (picture.width - scale * width) / 2, (picture.height - scale * height) / 2
    return left, top, left + scale * width, top + scale * height


def reduced(picture: Image.Image, width: int, height: int) -> Image.Image:
    box = central_part(picture, width, height)
    assert box[2] - box[0] >= 2 * width, "the source is too small"
    return picture.convert("RGB").resize((width, height), LANCZOS, box)


def reduced_to_16_bits(picture: Image.Image, box: tuple[int, int, int, int], side: int) -> numpy.ndarray:
    """The square `box` of `picture`, side×side×3, reduced in floating point: the mean of many 8-bit values needs more."""
    channels = [band.convert("F").resize((side, side), LANCZOS, box) for band in picture.convert("RGB").split()]
    return numpy.stack([numpy.clip(numpy.asarray(band) / 255, 0, 1) for band in channels], axis=-1)


def with_round_alpha(colors: numpy.ndarray) -> numpy.ndarray:
    """Adds the alpha of a disc whose rim is eight pixels soft; where nothing is seen the colors are black."""
    side = colors.shape[0]
    distance = numpy.hypot(*(numpy.indices((side, side)) - (side - 1) / 2))
    alpha = numpy.clip((side / 2 - distance) / 8, 0, 1)[..., None]
    return numpy.concatenate([numpy.where(alpha > 0, colors, 0), alpha], axis=-1)


def write_16_bit_png(path: Path, pixels: numpy.ndarray) -> None:
    """Writes height×width×4 values in 0…1 as RGBA PNG of 16 bits a channel, which Pillow cannot."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    height, width, _ = pixels.shape
    rows = numpy.round(pixels * 65535).astype(">u2").reshape(height, -1)
    lines = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, height, 16, 6, 0, 0, 0)
    signature = b"\x89PNG\r\n\x1a\n"
    content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b"")
    path.write_bytes(signature + content)


def main(folder: Path) -> None:
    sources = source_pictures(folder)
    dandelion = sources["seeding_by_Clements_Engelhardt.jpg"]
    pictures = {
        "mountains.png": reduced(sources["picosdeeuropa_by_Aitzol_Berasategi.jpg"], 512, 384),
        "brushes.png": reduced(sources["Picture_1A_by_freespace.jpg"], 512, 384),
        "fig.png": reduced(sources["Picture_0B_by_freespace.jpg"], 511, 345),
        "astronaut.png": sources["astronaut.png"].convert("RGB").crop((64, 0, 448, 384)),
        "cameraman.png": sources["camera.png"].convert("L"),
    }
    for name, picture in pictures.items():
        picture.info.clear()
        picture.save(HERE / name, optimize=True)
    dandelion_small = reduced(dandelion, 512, 288)
    dandelion_small.info.clear()
    dandelion_small.save(HERE / "dandelion.jpg", quality=92, progressive=True, optimize=True)
    disc = with_round_alpha(reduced_to_16_bits(dandelion, (760, 160, 2660, 2060), 96))
    write_16_bit_png(HERE / "dandelion-rgba16.png", disc)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: make_images.py FOLDER")
    main(Path(sys.argv[1]))
