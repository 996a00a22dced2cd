"""Golden values of grouped convolutions and layer normalization, forward and backward, computed by PyTorch.

    pip install torch==2.15.0 numpy==2.4.6
    python grouped.py               # writes grouped.safetensors beside this script

What a case holds, and how its numbers are made, is described in operators.py.
"""

import math
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

import tensor_file
from operators import PADDING_MODES, Cases, Random


def grouped_convolution(cases: Cases) -> None:
    """Cross-correlation, as conv2d with `groups`; padding is given as top, bottom, left, right."""

    def case(
        name: str,
        size: tuple[int, int, int, int],
        outputs: int,
        groups: int,
        kernel: tuple[int, int],
        stride: tuple[int, int] = (1, 1),
        dilation: tuple[int, int] = (1, 1),
        padding: tuple[int, int, int, int] = (0, 0, 0, 0),
        mode: str = "zero",
        bias: bool = True,
    ) -> None:
        random = Random(f"groupedConvolution-{name}")
        top, bottom, left, right = padding
        channels = size[1] // groups

        def forward(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
            padded = F.pad(x, (left, right, top, bottom), mode=PADDING_MODES[mode])
            return F.conv2d(padded, weight, bias, stride=stride, dilation=dilation, groups=groups)

        cases.differentiate(
            f"groupedConvolution-{name}",
            "groupedConvolution",
            {
                "groups": groups,
                "stride": stride,
                "dilation": dilation,
                "padding": padding,
                "paddingMode": mode,
                "bias": bias,
            },
            random,
            [random.normal(*size)],
            forward,
            random.normal(outputs, channels, *kernel, scale=1 / math.sqrt(channels * math.prod(kernel))),
            random.normal(outputs) if bias else None,
        )

    # A filter for every channel.
    case("depthwise-3x3", (2, 5, 6, 7), 5, 5, (3, 3), padding=(1, 1, 1, 1))
    case("depthwise-3x3-17", (1, 17, 5, 4), 17, 17, (3, 3), padding=(1, 1, 1, 1), bias=False)
    case("depthwise-7x7", (1, 8, 9, 10), 8, 8, (7, 7), padding=(3, 3, 3, 3))
    case("depthwise-5x3-unpadded", (2, 3, 7, 9), 3, 3, (5, 3))
    case("depthwise-3x3-stride-2", (2, 20, 7, 8), 20, 20, (3, 3), stride=(2, 2), padding=(1, 1, 1, 1))
    case("depthwise-3x3-dilation-2", (1, 9, 8, 7), 9, 9, (3, 3), dilation=(2, 2), padding=(2, 2, 2, 2), bias=False)
    case("depthwise-4x4-asymmetric", (1, 3, 5, 7), 3, 3, (4, 4), padding=(1, 2, 0, 3))
    case("depthwise-3x3-replicate", (2, 5, 5, 7), 5, 5, (3, 3), padding=(1, 1, 1, 1), mode="replicate")
    case("depthwise-5x5-reflect", (1, 6, 5, 7), 6, 6, (5, 5), padding=(2, 2, 2, 2), mode="reflect", bias=False)
    case("depthwise-3x3-pad-3", (1, 4, 2, 3), 4, 4, (3, 3), padding=(3, 3, 3, 3))
    # Several channels a group.
    case("2-groups-3x3", (2, 6, 5, 7), 4, 2, (3, 3), padding=(1, 1, 1, 1))
    case("3-groups-1x1", (2, 9, 3, 5), 12, 3, (1, 1), bias=False)
    case("4-groups-3x3-stride-2", (1, 8, 7, 6), 8, 4, (3, 3), stride=(2, 2), padding=(1, 1, 1, 1))
    case("2-groups-17-to-18", (1, 34, 3, 4), 36, 2, (3, 3), padding=(1, 1, 1, 1))
    case("5-groups-of-1-to-2", (2, 5, 5, 4), 10, 5, (3, 3), padding=(1, 1, 1, 1), bias=False)
    case("3-groups-of-2-to-1", (1, 6, 5, 4), 3, 3, (3, 3), padding=(1, 1, 1, 1))
    case("2-groups-3x3-dilation-2-reflect", (1, 4, 6, 7), 6, 2, (3, 3), (1, 2), (2, 2), (2, 2, 2, 2), "reflect")
    case("1-group-3x3", (1, 3, 5, 4), 5, 1, (3, 3), padding=(1, 1, 1, 1))


def layer_normalization(cases: Cases) -> None:
    """Layer normalization over the channels of each pixel, with a scale (`weight`) and a shift (`bias`) a channel."""
    for channels, size, mean, epsilon in (
        (3, (2, 3, 4, 5), 0, 1e-6),
        (16, (1, 16, 3, 5), 1, 1e-6),
        (17, (2, 17, 3, 2), 10, 1e-5),
        (48, (1, 48, 2, 3), 0, 1e-6),
    ):
        name = f"layerNormalization-{channels}"
        random = Random(name)

        def forward(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
            normalized = F.layer_norm(x.permute(0, 2, 3, 1), (channels,), weight, bias, eps=epsilon)
            return normalized.permute(0, 3, 1, 2)

        cases.differentiate(
            name,
            "layerNormalization",
            {"epsilon": epsilon},
            random,
            [random.normal(*size, mean=mean)],
            forward,
            random.normal(channels, mean=1),
            random.normal(channels),
        )


def main() -> None:
    cases = Cases()
    grouped_convolution(cases)
    layer_normalization(cases)
    tensors = {name: tensor.float().numpy() for name, tensor in cases.tensors.items()}
    tensor_file.write(Path(__file__).with_name("grouped.safetensors"), tensors, cases.configurations)


if __name__ == "__main__":
    main()
