"""Writes cielab.safetensors: colors in sRGB and in CIELAB by scikit-image.

    pip install numpy==2.4.6 scikit-image==0.26.0
    python cielab.py

`scikit` is `rgb2lab`, whose matrix has six digits and whose white is not quite the one that the matrix gives: whites
and grays come out up to 0.005 away from a* = b* = 0. `exact` is its `xyz2lab` of X, Y, Z by the matrix that follows
from the chromaticities of IEC 61966-2-1. `wide` has colors outside the gamut, with the curve mirrored at 0.
"""

from pathlib import Path

import numpy
from skimage.color import rgb2lab, xyz2lab

import tensor_file


def linear(colors: numpy.ndarray) -> numpy.ndarray:
    magnitude = numpy.abs(colors)
    light = numpy.where(magnitude <= 0.04045, magnitude / 12.92, ((magnitude + 0.055) / 1.055) ** 2.4)
    return numpy.copysign(light, colors)


def exact(colors: numpy.ndarray) -> numpy.ndarray:
    def xyz(x: float, y: float) -> list[float]:
        return [x / y, 1, (1 - x - y) / y]

    primaries = numpy.array([xyz(0.64, 0.33), xyz(0.30, 0.60), xyz(0.15, 0.06)]).T
    white = numpy.array(xyz(0.3127, 0.3290))
    matrix = primaries * numpy.linalg.solve(primaries, white)
    # scikit-image divides by its own white.
    return xyz2lab(linear(colors) @ matrix.T / white * numpy.array([0.95047, 1, 1.08883]))


def main() -> None:
    generator = numpy.random.default_rng(12)
    corners = numpy.array([[index & 1, index >> 1 & 1, index >> 2 & 1] for index in range(8)])
    grays = numpy.linspace(0, 1, 52)[:, None].repeat(3, axis=1)
    dark = generator.uniform(0, 0.06, (100, 3))
    colors = numpy.concatenate([corners, grays, dark, generator.uniform(0, 1, (840, 3))]).astype(numpy.float32)
    wide = generator.uniform(-0.3, 1.5, (500, 3)).astype(numpy.float32)
    tensors = {
        "colors": colors,
        "scikit": rgb2lab(colors.astype(numpy.float64)),
        "exact": exact(colors.astype(numpy.float64)),
        "wide/colors": wide,
        "wide/exact": exact(wide.astype(numpy.float64)),
    }
    tensor_file.write(Path(__file__).with_suffix(".safetensors"), tensors, {})


main()
