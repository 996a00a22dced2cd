"""Prints PSNR and SSIM of pairs of pictures as scikit-image computes them; MetricTests.swift has the numbers.

    pip install numpy==2.4.6 scikit-image==0.26.0
    python image_metrics.py

The pictures follow from a formula in integers, so that the tests can make the same ones. Color is compared by its
BT.601 luma in SSIM and sample by sample in PSNR.
"""

import numpy
from skimage.metrics import peak_signal_noise_ratio, structural_similarity


def pictures(width: int, height: int, channels: int, depth: int) -> tuple[numpy.ndarray, numpy.ndarray]:
    y, x, c = numpy.mgrid[0:height, 0:width, 0:channels]
    first = (x * 5 + y * 3 + c * 40 + (x * y) // 16 % 64 + (x // 8 + y // 8) % 2 * 60) % 256
    second = numpy.clip(first + (x * 31 + y * 17 + c * 7) % 23 - 11, 0, 255)
    scale = 257 if depth == 16 else 1
    return (first * scale).astype(f"uint{depth}"), (second * scale).astype(f"uint{depth}")


def luma(picture: numpy.ndarray) -> numpy.ndarray:
    samples = picture.astype(numpy.float64)
    return samples[:, :, 0] if samples.shape[2] == 1 else samples @ numpy.array([0.299, 0.587, 0.114])


def main() -> None:
    kinds = [(61, 47, 1, 8), (61, 47, 3, 8), (61, 47, 3, 16), (11, 11, 1, 8), (90, 12, 3, 8)]
    for width, height, channels, depth in kinds:
        first, second = pictures(width, height, channels, depth)
        peak = 2**depth - 1
        psnr = peak_signal_noise_ratio(first, second, data_range=peak)
        _, similarity = structural_similarity(
            luma(first), luma(second), gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
            data_range=peak, full=True,
        )
        inner = similarity[5:-5, 5:-5].mean()
        print(f"{width} {height} {channels} {depth}: psnr {float(psnr)!r} ssim {float(inner)!r}")


main()
