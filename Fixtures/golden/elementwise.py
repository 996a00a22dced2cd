"""Golden values of products, exponentials, reshaping, means, upsampling, softmax and selection, computed by PyTorch.

    pip install torch==2.15.0 numpy==2.4.6
    python elementwise.py           # writes elementwise.safetensors beside this script

Cases, tensors, layouts and precision are those of operators.py.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

import tensor_file
from operators import Cases, Random


def multiply(cases: Cases) -> None:
    """A picture times a tensor of its shape, times one value a channel, times one value a pixel."""
    for name, size, other in (
        ("same", (2, 3, 4, 5), (2, 3, 4, 5)),
        ("channel", (2, 3, 4, 5), (2, 3, 1, 1)),
        ("pixel", (2, 3, 4, 5), (2, 1, 4, 5)),
        ("channel-wide", (3, 37, 3, 2), (3, 37, 1, 1)),
        ("pixel-wide", (3, 37, 3, 2), (3, 1, 3, 2)),
        ("one-channel", (2, 1, 4, 5), (2, 1, 1, 1)),
        ("one-pixel", (2, 19, 1, 1), (2, 1, 1, 1)),
    ):
        name = f"multiply-{name}"
        random = Random(name)
        cases.differentiate(name, "multiply", {}, random, [random.normal(*size), random.normal(*other)], torch.mul)


def exponentials(cases: Cases) -> None:
    for scale in (1.0, 0.5, -2.0):
        name = f"exponential-{scale:g}"
        random = Random(name)
        x = random.normal(2, 3, 4, 5)
        x[0, 0, 0, :5] = torch.tensor([0, 20, -20, 40, -40])
        cases.differentiate(name, "exponential", {"scale": scale}, random, [x], lambda x: torch.exp(scale * x))
    for name, epsilon, smallest in (("logarithm", 0.0, 1e-6), ("logarithm-epsilon", 2.0**-10, 0.0)):
        random = Random(name)
        x = random.normal(2, 3, 4, 5).abs() + 0.125
        x = x.float().double()  # a sum of floats need not be one
        x[0, 0, 0, :4] = torch.tensor([1, smallest, 1000, 1e6], dtype=torch.float32).double()
        cases.differentiate(name, "logarithm", {"epsilon": epsilon}, random, [x], lambda x: torch.log(x + epsilon))


def reshaping(cases: Cases) -> None:
    for name, size, to in (
        ("flatten", (2, 3, 4, 5), (60, 1, 1)),
        ("unflatten", (2, 60, 1, 1), (3, 4, 5)),
        ("pixels", (2, 6, 4, 5), (4, 3, 10)),
        ("one-channel", (2, 1, 6, 4), (1, 3, 8)),
        ("same", (2, 3, 4, 5), (3, 4, 5)),
    ):
        name = f"reshape-{name}"
        random = Random(name)
        configuration = {"height": to[1], "width": to[2], "channels": to[0]}
        cases.differentiate(
            name, "reshape", configuration, random, [random.normal(*size)], lambda x: x.reshape(len(x), *to)
        )
    random = Random("broadcastPixels")
    cases.differentiate(
        "broadcastPixels",
        "broadcastPixels",
        {"height": 3, "width": 7},
        random,
        [random.normal(2, 5, 1, 1)],
        lambda x: x.expand(-1, -1, 3, 7),
    )
    random = Random("broadcastPixels-reference")
    cases.differentiate(
        "broadcastPixels-reference",
        "broadcastPixels",
        {},
        random,
        [random.normal(2, 5, 1, 1), random.normal(2, 3, 4, 6)],
        lambda x, reference: x.expand(-1, -1, *reference.shape[2:]) + 0 * reference.sum(),
    )


def means(cases: Cases) -> None:
    for size in ((2, 3, 4, 5), (3, 21, 7, 3), (2, 4, 1, 1)):
        name = f"globalAverage-{size[1]}"
        random = Random(name)
        cases.differentiate(
            name, "globalAverage", {}, random, [random.normal(*size)], lambda x: x.mean((2, 3), keepdim=True)
        )
    for batch in (1, 5):
        name = f"batchMean-{batch}"
        random = Random(name)
        cases.differentiate(
            name, "batchMean", {}, random, [random.normal(batch, 3, 4, 5)], lambda x: x.mean(0, keepdim=True)
        )


def upsampling(cases: Cases) -> None:
    def case(name: str, size: tuple[int, int, int, int], factor: int, mode: str, align: bool | None) -> None:
        random = Random(f"upsampling-{name}")
        configuration = {"factor": factor, "mode": mode, "alignCorners": bool(align)}
        cases.differentiate(
            f"upsampling-{name}",
            "upsampling",
            configuration,
            random,
            [random.normal(*size)],
            lambda x: F.interpolate(x, scale_factor=factor, mode=mode, align_corners=align),
        )

    for factor in (1, 2, 3, 4):
        case(f"nearest-{factor}", (2, 3, 3, 5), factor, "nearest", None)
        for align in (False, True):
            case(f"bilinear-{factor}-{'corners' if align else 'edges'}", (2, 3, 4, 5), factor, "bilinear", align)
    for align in (False, True):
        suffix = "corners" if align else "edges"
        case(f"bilinear-row-{suffix}", (2, 17, 1, 6), 2, "bilinear", align)
        case(f"bilinear-pixel-{suffix}", (1, 4, 1, 1), 3, "bilinear", align)


def selection(cases: Cases) -> None:
    for channels, temperature in ((1, 1.0), (2, 1.0), (5, 0.5), (8, 1.0), (16, 4.0), (37, 1.0)):
        name = f"softmax-{channels}"
        random = Random(name)
        cases.differentiate(
            name,
            "softmax",
            {"temperature": temperature},
            random,
            [random.normal(2, channels, 3, 4, scale=3)],
            lambda x: F.softmax(x / temperature, 1),
        )
    random = Random("softmax-far")
    x = random.normal(1, 4, 2, 2)
    x[0, :, 0, 0] = torch.tensor([1000, 999, -1000, 0])
    x[0, :, 0, 1] = torch.tensor([-1000, -1001, -1000, -1003])
    cases.differentiate("softmax-far", "softmax", {"temperature": 1.0}, random, [x], lambda x: F.softmax(x, 1))

    def top(x: Tensor, k: int, order: str) -> Tensor:
        features = x.flatten(1)
        keys = features.abs() if order == "magnitude" else features
        kept = torch.zeros_like(features).scatter(1, keys.topk(k).indices, 1)
        return (features * kept).reshape(x.shape)

    for order in ("value", "magnitude"):
        for size, k in (((3, 40, 1, 1), 7), ((2, 3, 4, 5), 11), ((2, 3, 4, 5), 60), ((2, 3, 2, 2), 1)):
            name = f"topK-{order}-{k}-of-{size[1] * size[2] * size[3]}"
            random = Random(name)
            cases.differentiate(
                name,
                "topK",
                {"k": k, "order": order},
                random,
                [random.normal(*size)],
                lambda x: top(x, k, order),
            )


def main() -> None:
    cases = Cases()
    for family in (multiply, exponentials, reshaping, means, upsampling, selection):
        family(cases)
    tensors = {name: tensor.float().numpy() for name, tensor in cases.tensors.items()}
    tensor_file.write(Path(__file__).with_name("elementwise.safetensors"), tensors, cases.configurations)
    print(f"{len(cases.configurations)} cases")


if __name__ == "__main__":
    main()
