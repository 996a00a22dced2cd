"""Golden values of the optimizers, computed by PyTorch.

    pip install torch==2.15.0 numpy==2.4.6
    python optimizers.py            # writes optimizers.safetensors beside this script

Every case is a name, a configuration (JSON, in the file's `__metadata__` under that name) and these tensors:

    NAME/input              the parameter at first
    NAME/grad.N             the gradient that step N is given
    NAME/output.N           the parameter that step N leaves

Parameters and gradients are drawn as float32, the optimizers run in float64, and their results are rounded to float32
once. torch.optim.Muon runs its Newton-Schulz iterations in bfloat16, whatever the parameters are: in the cases whose
`precision` is float64 they are replaced by the same ones in float64; the case with bfloat16 is Muon as it comes.

Each case draws from its own generator, seeded with the CRC-32 of its name: adding a case changes no other.
"""

import json
import zlib
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.optim import _muon

import tensor_file

torch.set_num_threads(1)

STEPS = 5


class Cases:
    """Collects cases; `tensors` and `configurations` are what goes into the file."""

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}
        self.configurations: dict[str, str] = {}

    def run(
        self,
        name: str,
        shape: tuple[int, ...],
        make: Callable[[Tensor], torch.optim.Optimizer],
        configuration: dict[str, object],
    ) -> None:
        assert name not in self.configurations, f"two cases are called {name}"
        self.configurations[name] = json.dumps({**configuration, "steps": STEPS})
        generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
        start = torch.randn(shape, generator=generator).double()
        gradients = [torch.randn(shape, generator=generator).double() for _ in range(STEPS)]
        # PyTorch's Muon takes matrices only; a kernel is the matrix of its first side by all others.
        matrix = start.reshape(len(start), -1) if len(shape) > 2 else start
        parameter = matrix.clone().requires_grad_()
        optimizer = make(parameter)
        self.tensors[f"{name}/input"] = start
        for step, gradient in enumerate(gradients):
            parameter.grad = gradient.reshape(parameter.shape).clone()
            optimizer.step()
            self.tensors[f"{name}/grad.{step}"] = gradient
            self.tensors[f"{name}/output.{step}"] = parameter.detach().clone().reshape(shape)


def adam(cases: Cases) -> None:
    def case(name: str, method: str, rate: float, betas: tuple[float, float], epsilon: float, decay: float) -> None:
        make = {"adam": torch.optim.Adam, "adamW": torch.optim.AdamW}[method]
        cases.run(
            name,
            (37,),
            lambda parameter: make([parameter], lr=rate, betas=betas, eps=epsilon, weight_decay=decay),
            {
                "method": method,
                "learningRate": rate,
                "beta1": betas[0],
                "beta2": betas[1],
                "epsilon": epsilon,
                "weightDecay": decay,
            },
        )

    case("adam", "adam", 1e-2, (0.9, 0.999), 1e-8, 0.1)
    case("adam-no-decay", "adam", 2e-3, (0.9, 0.95), 1e-8, 0.0)
    case("adam-large-epsilon", "adam", 1e-1, (0.5, 0.9), 1e-3, 0.5)
    case("adamw", "adamW", 1e-2, (0.9, 0.95), 1e-8, 0.1)


def newton_schulz(matrix: Tensor, coefficients: tuple[float, float, float], steps: int, epsilon: float) -> Tensor:
    """`_zeropower_via_newtonschulz` of torch.optim._muon, which begins by rounding to bfloat16, without that."""
    a, b, c = coefficients
    x = matrix.T if matrix.size(0) > matrix.size(1) else matrix
    x = x / x.norm().clamp(min=epsilon)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if matrix.size(0) > matrix.size(1) else x


def muon(cases: Cases) -> None:
    rounded = _muon._zeropower_via_newtonschulz

    def case(
        name: str, shape: tuple[int, ...], *, scale: str = "original", rate: float = 0.02, momentum: float = 0.95,
        decay: float = 0.0, precision: str = "float64",
    ) -> None:
        _muon._zeropower_via_newtonschulz = newton_schulz if precision == "float64" else rounded
        cases.run(
            name,
            shape,
            lambda parameter: torch.optim.Muon(
                [parameter], lr=rate, momentum=momentum, weight_decay=decay, nesterov=True, adjust_lr_fn=scale
            ),
            {
                "method": "muon",
                "learningRate": rate,
                "momentum": momentum,
                "weightDecay": decay,
                "scale": scale,
                "precision": precision,
            },
        )
        _muon._zeropower_via_newtonschulz = rounded

    case("muon-wide", (6, 20))
    case("muon-tall", (21, 5))
    case("muon-square", (16, 16))
    case("muon-kernel", (8, 3, 3, 3))
    case("muon-tall-kernel", (19, 2, 2, 2))
    case("muon-decay", (5, 17), decay=0.3, momentum=0.8)
    case("muon-like-adamw", (18, 7), scale="match_rms_adamw", rate=2e-3, decay=0.1)
    case("muon-bfloat16", (12, 40), precision="bfloat16")


def main() -> None:
    cases = Cases()
    for family in (adam, muon):
        family(cases)
    tensors = {name: tensor.float().numpy() for name, tensor in cases.tensors.items()}
    tensor_file.write(Path(__file__).with_name("optimizers.safetensors"), tensors, cases.configurations)


if __name__ == "__main__":
    main()
