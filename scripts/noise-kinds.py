#!/usr/bin/env python3
"""Makes pictures with known kinds of noise, to measure what `restore denoise` makes of them by default.

    scripts/noise-kinds.py OUTPUT FOLDER... [--restore PROGRAM] [--count 16] [--side 256]

Every 13th photograph of each folder, by name, is held out from training; `--count` of these are taken, large ones reduced
by three first, and their middle is cut out. OUTPUT/clean holds these, and OUTPUT/noisy/KIND their noisy versions under the
same names, whatever the format: `restore evaluate denoise --data OUTPUT/clean --noisy OUTPUT/noisy/KIND --model auto`.
Needs NumPy and Pillow. docs/noise-estimation.md has the results.
"""

import argparse
import io
import pathlib
import subprocess
import zlib

import numpy as np
from PIL import Image

HELD_OUT = 13


def photographs(folder, count):
    """Up to `count` of every 13th picture below a folder, evenly spread."""
    files = sorted(path for path in pathlib.Path(folder).rglob("*") if path.suffix.lower() in (".jpg", ".png"))
    files = files[::HELD_OUT] if len(files) >= 5 * HELD_OUT else files
    return [files[index * len(files) // count] for index in range(min(count, len(files)))] if files else []


def middle(path, side):
    image = Image.open(path).convert("RGB")
    if min(image.size) >= 6 * side:
        image = image.reduce(3)
    width, height = min(side, image.width), min(side, image.height)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def rounded(values):
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))


def jpeg(image, quality, subsampling=2):
    """The bytes of a JPEG file; 4:2:0 by default."""
    target = io.BytesIO()
    image.save(target, "JPEG", quality=int(quality), subsampling=subsampling)
    return target.getvalue()


def png(image):
    target = io.BytesIO()
    image.save(target, "PNG")
    return target.getvalue()


def smooth(noise, radius):
    """Gaussian blur along the first two axes, with unchanged standard deviation."""
    spread = np.arange(-8, 9)
    weights = np.exp(-(spread**2) / (2 * radius**2))
    weights /= np.sqrt((weights**2).sum())
    for axis in (0, 1):
        noise = sum(weight * np.roll(noise, shift, axis) for weight, shift in zip(weights, spread))
    return noise


def by_tone(colors):
    """Stronger in the shadows, as after a camera's tone curve, with mean about 1."""
    return 1.3 - 0.6 * colors.mean(2, keepdims=True) / 255


def camera_noise(colors, random, sigma):
    """Demosaicked, smoothed, its color more than its luma."""
    luma = smooth(random.normal(size=colors.shape[:2] + (1,)), random.uniform(0.45, 0.9))
    chroma = smooth(random.normal(size=colors.shape), random.uniform(0.8, 1.8))
    chroma -= chroma.mean(2, keepdims=True)
    return colors + sigma * by_tone(colors) * (luma + random.uniform(0.3, 0.9) * chroma)


def film_grain(colors, random, sigma):
    """Of the luma, strongest in the middle tones."""
    tone = colors.mean(2, keepdims=True) / 255
    grain = smooth(random.normal(size=colors.shape[:2] + (1,)), random.uniform(0.4, 1.0))
    return colors + sigma * (0.4 + 2.4 * tone * (1 - tone)) * grain


def scan(colors, random, sigma):
    """Fine grain and sensor noise that the scanner's lens has smoothed."""
    noise = random.normal(size=colors.shape[:2] + (1,)) + 0.5 * random.normal(size=colors.shape)
    return colors + sigma * smooth(noise, 0.6)


def upscaled(colors, random, sigma, factor):
    """The noise of a picture that was enlarged."""
    height, width = (int(np.ceil(length / factor)) + 1 for length in colors.shape[:2])
    noise = random.normal(size=(height, width, 3)).astype(np.float32)
    planes = [
        Image.fromarray(noise[..., channel]).resize((int(width * factor), int(height * factor)), Image.BICUBIC)
        for channel in range(3)
    ]
    return colors + sigma * np.stack(planes, -1)[: colors.shape[0], : colors.shape[1]]


def kinds(image, random, degrade):
    """The noisy versions of a picture: kind → contents of a file."""
    colors = np.asarray(image).astype(float)
    gray = np.asarray(image.convert("L")).astype(float)
    made = {"clean-png": png(image)}
    for quality in (95, 85, 75, 60, 30, 10):
        made[f"jpeg-{quality}"] = jpeg(image, quality)
    made["jpeg-75-gray"] = jpeg(image.convert("L"), 75)
    for sigma in (5, 15, 25, 50):
        made[f"white-{sigma}"] = png(rounded(colors + random.normal(0, sigma, colors.shape)))
    made["white-gray-15"] = png(rounded(gray + random.normal(0, 15, gray.shape)))
    for level in ("low", "medium", "high"):
        made[f"photo-{level}"] = degrade(image, level)
    made["photo-gray"] = degrade(image.convert("L"), "medium")
    quality = random.integers(70, 96)
    made["camera-jpeg"] = jpeg(rounded(camera_noise(colors, random, random.uniform(3, 9))), quality)
    made["white-jpeg"] = jpeg(rounded(colors + random.normal(0, random.uniform(5, 20), colors.shape)), quality)
    made["grain-jpeg"] = jpeg(rounded(film_grain(colors, random, random.uniform(6, 14))), random.integers(60, 91))
    made["scan-jpeg"] = jpeg(rounded(scan(colors, random, random.uniform(4, 9))), random.integers(80, 93), 0)
    made["grain"] = png(rounded(film_grain(colors, random, random.uniform(6, 14))))
    made["upscaled"] = png(rounded(upscaled(colors, random, random.uniform(8, 20), random.uniform(1.4, 2.2))))
    return made


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--restore", default="restore")
    parser.add_argument("--count", type=int, default=16)
    parser.add_argument("--side", type=int, default=256)
    options = parser.parse_args()
    (options.output / "clean").mkdir(parents=True, exist_ok=True)
    work = options.output / "work"
    for index, folder in enumerate(options.folders):
        for path in photographs(folder, options.count):
            name = f"{index}-{path.stem}.png"
            seed = zlib.crc32(name.encode())

            def degrade(image, level):
                work.with_suffix(".png").write_bytes(png(image))
                subprocess.run(
                    [options.restore, "degrade", "photo", f"{work}.png", f"{work}-noisy.png", "--overwrite", "-q",
                     "--level", level, "--seed", str(seed)], check=True)
                return pathlib.Path(f"{work}-noisy.png").read_bytes()

            image = middle(path, options.side)
            image.save(options.output / "clean" / name)
            for kind, contents in kinds(image, np.random.default_rng(seed), degrade).items():
                (options.output / "noisy" / kind).mkdir(parents=True, exist_ok=True)
                (options.output / "noisy" / kind / name).write_bytes(contents)
    for path in options.output.glob("work*.png"):
        path.unlink()


main()
