"""Golden values of single operators, forward and backward, computed by PyTorch.

    pip install torch==2.15.0 numpy==2.4.6
    python operators.py             # writes operators.safetensors beside this script

Every case is a name, a configuration (JSON, in the file's `__metadata__` under that name) and these tensors:

    NAME/input.0, NAME/input.1 ...        what goes in
    NAME/weight, NAME/bias                the parameters, where there are any
    NAME/output                           what comes out
    NAME/grad_output                      the gradient that arrives from above
    NAME/grad_input.0, ...                the gradients that leave below, one for each input
    NAME/grad_weight, NAME/grad_bias      the gradients of the parameters

Layouts are PyTorch's: activations NCHW, convolution weights OIHW, transposed convolution weights IOHW, dense weights OI.
Inputs, parameters and arriving gradients are drawn as float32, the computation runs in float64, and its results are
rounded to float32 once: a tolerance has to allow for the errors of the engine under test and for nothing else.

Each case draws from its own generator, seeded with the CRC-32 of its name: adding a case changes no other.
"""

import json
import math
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

import tensor_file

torch.set_num_threads(1)

PADDING_MODES = {"zero": "constant", "replicate": "replicate", "reflect": "reflect"}


class Random:
    """Normal numbers that float32 holds exactly, as float64 tensors."""

    def __init__(self, name: str):
        self.generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))

    def normal(self, *shape: int, mean: float = 0, scale: float = 1) -> Tensor:
        return (torch.randn(shape, generator=self.generator) * scale + mean).double()


class Cases:
    """Collects cases; `tensors` and `configurations` are what goes into the file."""

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}
        self.configurations: dict[str, str] = {}

    def configure(self, name: str, operator: str, configuration: dict[str, object]) -> None:
        assert name not in self.configurations, f"two cases are called {name}"
        self.configurations[name] = json.dumps({"op": operator, **configuration})

    def keep(self, name: str, tensor: Tensor) -> None:
        self.tensors[name] = tensor.detach()

    def differentiate(
        self,
        name: str,
        operator: str,
        configuration: dict[str, object],
        random: Random,
        inputs: Sequence[Tensor],
        forward: Callable[..., Tensor],
        weight: Tensor | None = None,
        bias: Tensor | None = None,
    ) -> None:
        """Runs `forward(*inputs[, weight][, bias])` and its backward pass, and keeps everything."""
        self.configure(name, operator, configuration)
        arguments = {f"input.{index}": tensor for index, tensor in enumerate(inputs)}
        if weight is not None:
            arguments["weight"] = weight
        if bias is not None:
            arguments["bias"] = bias
        for key, tensor in arguments.items():
            tensor.requires_grad_()
            self.keep(f"{name}/{key}", tensor)
        output = forward(*arguments.values())
        grad_output = random.normal(*output.shape)
        output.backward(grad_output)
        self.keep(f"{name}/output", output)
        self.keep(f"{name}/grad_output", grad_output)
        for key, tensor in arguments.items():
            self.keep(f"{name}/grad_{key}", tensor.grad)


def convolution(cases: Cases) -> None:
    """Cross-correlation of a padded input: torch.nn.functional.pad, then conv2d."""

    def case(
        name: str,
        size: tuple[int, int, int, int],
        outputs: int,
        kernel: tuple[int, int],
        stride: tuple[int, int] = (1, 1),
        dilation: tuple[int, int] = (1, 1),
        padding: tuple[int, int, int, int] = (0, 0, 0, 0),
        mode: str = "zero",
        bias: bool = True,
    ) -> None:
        random = Random(f"convolution-{name}")
        top, bottom, left, right = padding
        channels = size[1]

        def forward(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
            padded = F.pad(x, (left, right, top, bottom), mode=PADDING_MODES[mode])
            return F.conv2d(padded, weight, bias, stride=stride, dilation=dilation)

        cases.differentiate(
            f"convolution-{name}",
            "convolution",
            {"stride": stride, "dilation": dilation, "padding": padding, "paddingMode": mode, "bias": bias},
            random,
            [random.normal(*size)],
            forward,
            random.normal(outputs, channels, *kernel, scale=1 / math.sqrt(channels * math.prod(kernel))),
            random.normal(outputs) if bias else None,
        )

    # Kernel sizes, channels on both sides of the SIMD widths, batches.
    case("1x1", (2, 3, 5, 7), 5, (1, 1))
    case("1x1-16-to-17", (1, 16, 3, 5), 17, (1, 1), bias=False)
    case("3x3", (2, 3, 5, 7), 5, (3, 3), padding=(1, 1, 1, 1))
    case("3x3-one-channel", (3, 1, 5, 7), 1, (3, 3), padding=(1, 1, 1, 1), bias=False)
    case("3x3-unpadded", (1, 3, 9, 4), 3, (3, 3))
    case("3x3-16-to-5", (1, 16, 5, 7), 5, (3, 3), padding=(1, 1, 1, 1))
    case("3x3-5-to-17", (2, 5, 5, 3), 17, (3, 3), padding=(1, 1, 1, 1), bias=False)
    case("3x3-17-to-3", (1, 17, 4, 5), 3, (3, 3), padding=(1, 1, 1, 1))
    case("3x3-single-pixel", (3, 3, 1, 1), 5, (3, 3), padding=(1, 1, 1, 1))
    case("3x3-pad-2", (1, 3, 5, 7), 1, (3, 3), padding=(2, 2, 2, 2))
    case("5x3", (2, 3, 9, 4), 5, (5, 3), padding=(2, 2, 1, 1))
    # Strides, among them strides larger than the kernel and sizes that leave a remainder.
    case("2x2-stride-2", (2, 5, 6, 8), 3, (2, 2), stride=(2, 2), bias=False)
    case("2x2-stride-2-odd", (1, 3, 5, 7), 5, (2, 2), stride=(2, 2))
    case("4x4-stride-2", (2, 3, 9, 4), 3, (4, 4), stride=(2, 2), padding=(1, 1, 1, 1))
    case("3x3-stride-2", (1, 5, 5, 7), 3, (3, 3), stride=(2, 2), padding=(1, 1, 1, 1), bias=False)
    case("3x3-stride-1-2", (1, 3, 5, 7), 3, (3, 3), stride=(1, 2), padding=(1, 1, 1, 1))
    case("1x1-stride-2", (2, 3, 5, 7), 5, (1, 1), stride=(2, 2))
    case("2x2-stride-3", (1, 3, 9, 7), 3, (2, 2), stride=(3, 3), bias=False)
    # Dilation.
    case("3x3-dilation-2", (1, 3, 5, 7), 3, (3, 3), dilation=(2, 2), padding=(2, 2, 2, 2))
    case("3x3-dilation-2-1", (2, 3, 9, 4), 3, (3, 3), dilation=(2, 1), padding=(2, 2, 1, 1), bias=False)
    case("3x3-dilation-2-stride-2", (1, 3, 9, 8), 3, (3, 3), stride=(2, 2), dilation=(2, 2), padding=(1, 1, 1, 1))
    # Padding that differs from side to side, and the other padding modes.
    case("3x3-asymmetric", (2, 3, 5, 7), 3, (3, 3), padding=(0, 1, 2, 0))
    case("4x4-same", (1, 3, 5, 7), 3, (4, 4), padding=(1, 2, 1, 2), bias=False)
    case("2x2-stride-2-asymmetric", (1, 3, 5, 7), 5, (2, 2), stride=(2, 2), padding=(0, 1, 0, 1))
    case("3x3-replicate-1", (2, 3, 5, 7), 5, (3, 3), padding=(1, 1, 1, 1), mode="replicate")
    case("5x5-replicate-2", (1, 3, 5, 7), 1, (5, 5), padding=(2, 2, 2, 2), mode="replicate", bias=False)
    case("3x3-replicate-single-pixel", (1, 3, 1, 1), 3, (3, 3), padding=(1, 1, 1, 1), mode="replicate")
    case("3x3-reflect-1", (2, 3, 5, 7), 5, (3, 3), padding=(1, 1, 1, 1), mode="reflect")
    case("7x7-reflect-3", (1, 1, 5, 4), 3, (7, 7), padding=(3, 3, 3, 3), mode="reflect")
    case("4x4-stride-2-reflect", (1, 3, 9, 4), 3, (4, 4), stride=(2, 2), padding=(1, 2, 0, 1), mode="reflect", bias=False)


def transposed_convolution(cases: Cases) -> None:
    """The adjoint of a convolution: conv_transpose2d, with weights IOHW."""

    def case(
        name: str,
        size: tuple[int, int, int, int],
        outputs: int,
        kernel: tuple[int, int],
        stride: tuple[int, int] = (1, 1),
        dilation: tuple[int, int] = (1, 1),
        padding: tuple[int, int] = (0, 0),
        output_padding: tuple[int, int] = (0, 0),
        bias: bool = True,
    ) -> None:
        random = Random(f"transposedConvolution-{name}")
        channels = size[1]

        def forward(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
            return F.conv_transpose2d(
                x, weight, bias, stride=stride, padding=padding, output_padding=output_padding, dilation=dilation
            )

        cases.differentiate(
            f"transposedConvolution-{name}",
            "transposedConvolution",
            {
                "stride": stride,
                "dilation": dilation,
                "padding": padding,
                "outputPadding": output_padding,
                "bias": bias,
            },
            random,
            [random.normal(*size)],
            forward,
            random.normal(channels, outputs, *kernel, scale=1 / math.sqrt(channels)),
            random.normal(outputs) if bias else None,
        )

    case("2x2-stride-2", (2, 5, 3, 4), 3, (2, 2), stride=(2, 2), bias=False)
    case("2x2-stride-2-16-to-17", (1, 16, 2, 3), 17, (2, 2), stride=(2, 2))
    case("3x3-stride-2", (2, 3, 3, 5), 5, (3, 3), stride=(2, 2), padding=(1, 1), output_padding=(1, 1))
    case("3x3-stride-2-no-output-padding", (1, 3, 3, 4), 3, (3, 3), stride=(2, 2), padding=(1, 1), bias=False)
    case("4x4-stride-2", (2, 3, 4, 3), 3, (4, 4), stride=(2, 2), padding=(1, 1))
    case("3x3-stride-1", (3, 3, 5, 4), 5, (3, 3), padding=(1, 1))
    case("3x2-stride-3-2", (1, 3, 3, 4), 5, (3, 2), stride=(3, 2), bias=False)
    case("2x2-stride-3", (2, 3, 3, 2), 3, (2, 2), stride=(3, 3))
    case("2x2-stride-3-output-padding", (1, 3, 2, 3), 3, (2, 2), stride=(3, 3), output_padding=(1, 2))
    case("1x1-stride-2-output-padding", (1, 3, 3, 2), 5, (1, 1), stride=(2, 2), output_padding=(1, 0), bias=False)
    case("3x3-dilation-2", (1, 3, 4, 3), 3, (3, 3), dilation=(2, 2), padding=(1, 2))
    case("3x3-stride-2-dilation-2-1", (1, 3, 3, 4), 3, (3, 3), (2, 2), (2, 1), (1, 1), (1, 1), bias=False)
    case("3x3-single-pixel", (2, 5, 1, 1), 3, (3, 3), stride=(2, 2))


def dense(cases: Cases) -> None:
    """A linear map of the flattened input, whose features run channel, row, column."""

    def case(name: str, size: tuple[int, int, int, int], outputs: int, bias: bool) -> None:
        random = Random(f"dense-{name}")
        features = math.prod(size[1:])

        def forward(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
            return F.linear(torch.flatten(x, 1), weight, bias)

        cases.differentiate(
            f"dense-{name}",
            "dense",
            {"bias": bias},
            random,
            [random.normal(*size)],
            forward,
            random.normal(outputs, features, scale=1 / math.sqrt(features)),
            random.normal(outputs) if bias else None,
        )

    case("1x1", (3, 17, 1, 1), 5, True)
    case("1x1-no-bias", (1, 5, 1, 1), 16, False)
    case("3x2", (2, 4, 3, 2), 7, True)
    case("3x2-no-bias", (3, 4, 3, 2), 1, False)


def activations(cases: Cases) -> None:
    """Functions of single elements. Both sides of every kink, zero itself and ±30 are among the inputs."""

    def case(operator: str, forward: Callable[[Tensor], Tensor], **configuration: float) -> None:
        random = Random(operator)
        x = random.normal(2, 3, 5, 7, scale=2)
        x[0, 0, 0, :5] = torch.tensor([0.0, 30.0, -30.0, 19.5, 20.5])
        cases.differentiate(operator, operator, configuration, random, [x], forward)

    case("relu", F.relu)
    case("leakyRelu", lambda x: F.leaky_relu(x, 0.2), slope=0.2)
    case("silu", F.silu)
    case("tanh", torch.tanh)
    case("sigmoid", torch.sigmoid)
    case("softplus", lambda x: F.softplus(x, beta=1, threshold=20), beta=1, threshold=20)


def elementwise_and_channels(cases: Cases) -> None:
    """Sums, and joining and cutting along the channels."""
    for count in (2, 3):
        name = f"add-{count}-inputs"
        random = Random(name)
        inputs = [random.normal(2, 5, 3, 4) for _ in range(count)]
        cases.differentiate(name, "add", {}, random, inputs, lambda *x: sum(x[1:], x[0]))

    random = Random("concatenate")
    inputs = [random.normal(2, channels, 3, 4) for channels in (1, 5, 3)]
    cases.differentiate("concatenate", "concatenate", {}, random, inputs, lambda *x: torch.cat(x, 1))

    for begin, end in ((0, 2), (1, 4), (6, 7)):
        name = f"slice-{begin}-{end}"
        random = Random(name)
        x = random.normal(2, 7, 3, 4)
        cases.differentiate(name, "slice", {"from": begin, "to": end}, random, [x], lambda x: x[:, begin:end])


def pooling(cases: Cases) -> None:
    """Means and maxima of windows, without padding; rows and columns that fill no window are left out."""
    sweep = {
        "2x2-stride-2": ((2, 5, 4, 6), (2, 2), (2, 2)),
        "2x2-stride-2-odd": ((1, 3, 5, 7), (2, 2), (2, 2)),
        "3x3-stride-2-odd": ((2, 3, 5, 7), (3, 3), (2, 2)),
        "3x2-stride-1": ((1, 17, 4, 3), (3, 2), (1, 1)),
        "2x2-stride-3": ((1, 3, 8, 7), (2, 2), (3, 3)),
        "whole": ((3, 5, 3, 4), (3, 4), (3, 4)),
    }
    for operator, pool in (("averagePool", F.avg_pool2d), ("maxPool", F.max_pool2d)):
        for sizes, (size, kernel, stride) in sweep.items():
            name = f"{operator}-{sizes}"
            random = Random(name)
            configuration = {"kernel": kernel, "stride": stride}
            x = random.normal(*size)
            cases.differentiate(name, operator, configuration, random, [x], lambda x: pool(x, kernel, stride))


def pixel_shuffle(cases: Cases) -> None:
    """Channels to pixels and back: PyTorch's order, in which channel c·r² + i·r + j holds row i, column j of a cell."""
    for factor in (2, 3):
        sizes = {"pixelShuffle": (2, 3 * factor**2, 3, 2), "pixelUnshuffle": (2, 3, 3 * factor, 2 * factor)}
        functions = {"pixelShuffle": F.pixel_shuffle, "pixelUnshuffle": F.pixel_unshuffle}
        for operator, function in functions.items():
            name = f"{operator}-{factor}"
            random = Random(name)
            x = random.normal(*sizes[operator])
            cases.differentiate(name, operator, {"factor": factor}, random, [x], lambda x: function(x, factor))


def group_normalization(cases: Cases) -> None:
    """Group normalization with a scale (`weight`) and a shift (`bias`) a channel; the variance divides by the count."""
    for groups, size in ((1, (2, 6, 3, 5)), (3, (2, 6, 3, 5)), (6, (2, 6, 3, 5)), (1, (3, 17, 1, 1))):
        name = f"groupNormalization-{groups}-of-{size[1]}"
        random = Random(name)
        channels = size[1]
        cases.differentiate(
            name,
            "groupNormalization",
            {"groups": groups, "epsilon": 1e-5},
            random,
            [random.normal(*size, mean=1)],
            lambda x, weight, bias: F.group_norm(x, groups, weight, bias, eps=1e-5),
            random.normal(channels, mean=1),
            random.normal(channels),
        )


def losses(cases: Cases) -> None:
    """Mean losses over all elements. input.0 is the prediction, input.1 the target; the arriving gradient is 1."""

    def case(operator: str, loss: Callable[[Tensor], Tensor], **configuration: float) -> None:
        random = Random(operator)
        prediction = random.normal(2, 3, 5, 7).requires_grad_()
        target = random.normal(2, 3, 5, 7)
        target[0, 0, 0, 0] = prediction[0, 0, 0, 0].detach()  # no difference: the derivative of |d| is taken as 0
        output = loss(prediction - target)
        output.backward()
        cases.configure(operator, operator, configuration)
        cases.keep(f"{operator}/input.0", prediction)
        cases.keep(f"{operator}/input.1", target)
        cases.keep(f"{operator}/output", output.reshape(1))
        cases.keep(f"{operator}/grad_input.0", prediction.grad)

    epsilon = 1e-3
    case("l1", lambda d: d.abs().mean())
    case("l2", lambda d: d.square().mean())
    case("charbonnier", lambda d: (d.square() + epsilon**2).sqrt().mean(), epsilon=epsilon)


def adamw(cases: Cases) -> None:
    """Five steps of torch.optim.AdamW with given gradients: grad.N is used in step N, output.N is what it leaves."""

    def case(name: str, rate: float, betas: tuple[float, float], epsilon: float, decay: float) -> None:
        random = Random(name)
        parameter = random.normal(33).requires_grad_()
        cases.configure(
            name,
            "adamw",
            {
                "learningRate": rate,
                "beta1": betas[0],
                "beta2": betas[1],
                "epsilon": epsilon,
                "weightDecay": decay,
                "steps": 5,
            },
        )
        cases.keep(f"{name}/input.0", parameter.clone())
        optimizer = torch.optim.AdamW([parameter], lr=rate, betas=betas, eps=epsilon, weight_decay=decay)
        gradients = [random.normal(33) for _ in range(5)]
        for gradient in gradients:
            gradient[0] = 0  # a parameter that takes no part
            gradient[1] /= 2**27  # and one whose gradient is near epsilon
        for step, gradient in enumerate(gradients):
            parameter.grad = gradient.clone()
            optimizer.step()
            cases.keep(f"{name}/grad.{step}", gradient)
            cases.keep(f"{name}/output.{step}", parameter.clone())

    case("adamw", 1e-2, (0.9, 0.999), 1e-8, 0.01)
    case("adamw-no-decay", 2e-3, (0.9, 0.95), 1e-8, 0.0)
    case("adamw-large-epsilon", 1e-1, (0.5, 0.9), 1e-3, 0.1)


def main() -> None:
    cases = Cases()
    for family in (
        convolution,
        transposed_convolution,
        dense,
        activations,
        elementwise_and_channels,
        pooling,
        pixel_shuffle,
        group_normalization,
        losses,
        adamw,
    ):
        family(cases)
    tensors = {name: tensor.float().numpy() for name, tensor in cases.tensors.items()}
    tensor_file.write(Path(__file__).with_name("operators.safetensors"), tensors, cases.configurations)


if __name__ == "__main__":
    main()
