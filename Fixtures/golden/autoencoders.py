"""Golden values of what every kind of autoencoder minimizes, and its gradients, computed by PyTorch.

    pip install torch==2.15.0 numpy==2.4.6
    python autoencoders.py          # writes autoencoders.safetensors beside this script

Every case is a name, the settings of the run (JSON, in the file's `__metadata__` under that name) and these tensors:

    NAME/input.INPUT                  what goes into the training graph, NCHW
    NAME/weight.PARAMETER             the parameters, under the engine's names
    NAME/term.TERM                    the terms of the objective, [1]
    NAME/grad.PARAMETER               the gradient of their weighted sum

Weights and inputs are drawn as float32, the computation runs in float64, and its results are rounded to float32 once.
The networks are written with `torch.nn.functional`, and what they minimize with PyTorch's losses and distributions; the
Jacobian of the contractive kind is that of automatic differentiation. Each case draws from its own generator, seeded
with the CRC-32 of its name.
"""

import json
import zlib
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import Bernoulli, Normal, kl_divergence

import tensor_file

torch.set_num_threads(1)

BATCH, SIDE, CODE, HIDDEN, CLASSES = 3, 4, 5, [7, 6], 10
FEATURES = SIDE * SIDE
# A picture of a segmentation is in color, and its pixels are of one of these.
PIXEL_CLASSES = 11


class Case:
    """The tensors of a case; parameters are drawn when they are first used."""

    def __init__(self, name: str) -> None:
        self.generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
        self.weights: dict[str, Tensor] = {}
        self.inputs: dict[str, Tensor] = {}

    def weight(self, name: str, *shape: int) -> Tensor:
        if name not in self.weights:
            scale = 0.1 if name.endswith("bias") else 0.4
            drawn = (torch.randn(shape, generator=self.generator) * scale).double()
            self.weights[name] = drawn.requires_grad_()
        return self.weights[name]

    def input(self, name: str, value: Tensor) -> Tensor:
        self.inputs[name] = value.double()
        return self.inputs[name]

    def normal(self, name: str, *shape: int) -> Tensor:
        return self.input(name, torch.randn(shape, generator=self.generator))

    def binary(self, name: str, channels: int = 1) -> Tensor:
        shape = (BATCH, channels, SIDE, SIDE)
        return self.input(name, (torch.rand(shape, generator=self.generator) < 0.4).float())

    def uniform(self, name: str, channels: int = 1) -> Tensor:
        return self.input(name, torch.rand((BATCH, channels, SIDE, SIDE), generator=self.generator))

    def dense(self, name: str, x: Tensor, units: int, bias: bool = True) -> Tensor:
        weight = self.weight(f"{name}.weight", units, x.shape[-1])
        return F.linear(x, weight, self.weight(f"{name}.bias", units) if bias else None)

    def pointwise(self, name: str, x: Tensor, units: int) -> Tensor:
        """A dense layer that the engine has as a convolution of 1×1 pixels."""
        weight = self.weight(f"{name}.weight", units, x.shape[-1], 1, 1)
        return F.linear(x, weight[:, :, 0, 0], self.weight(f"{name}.bias", units))

    def convolution(self, name: str, x: Tensor, channels: int, kernel: int = 3, stride: int = 1) -> Tensor:
        weight = self.weight(f"{name}.weight", channels, x.shape[1], kernel, kernel)
        return F.conv2d(x, weight, self.weight(f"{name}.bias", channels), stride=stride, padding=kernel // 2)

    def transposed(self, name: str, x: Tensor, channels: int) -> Tensor:
        weight = self.weight(f"{name}.weight", x.shape[1], channels, 4, 4)
        return F.conv_transpose2d(x, weight, self.weight(f"{name}.bias", channels), stride=2, padding=1)


Terms = dict[str, tuple[Tensor, float]]


def fully_connected(case: Case, hidden: list[int], activation: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    """The mean squared error, and the code."""
    picture = case.uniform("picture")
    x = picture.flatten(1)
    for index, units in enumerate(hidden):
        x = activation(case.dense(f"encoder.{index}", x, units))
    code = case.dense("code", x, CODE)
    return reconstruct(case, code, hidden, activation, picture), code


def reconstruct(
    case: Case, code: Tensor, hidden: list[int], activation: Callable[[Tensor], Tensor], target: Tensor
) -> Tensor:
    x = code
    for index, units in enumerate(reversed(hidden)):
        x = activation(case.dense(f"decoder.{index}", x, units))
    return F.mse_loss(case.dense("decoder.output", x, FEATURES), target.flatten(1))


def dense(case: Case) -> Terms:
    return {"reconstruction": (fully_connected(case, HIDDEN, torch.tanh)[0], 1)}


def dense_l1(case: Case) -> Terms:
    error = dense(case)
    kernels = [weight for name, weight in case.weights.items() if weight.dim() >= 2]
    return error | {"l1": (sum(weight.abs().sum() for weight in kernels), 0.01)}


def linear(case: Case) -> Terms:
    return {"reconstruction": (fully_connected(case, [], torch.relu)[0], 1)}


def convolutional(case: Case) -> Terms:
    picture = case.uniform("picture")
    x = picture
    for index, width in enumerate(HIDDEN):
        x = torch.relu(case.convolution(f"encoder.{index}", x, width, stride=2))
    code = case.dense("code", x.flatten(1), CODE)
    x = torch.relu(case.dense("decoder", code, HIDDEN[1])).reshape(BATCH, HIDDEN[1], 1, 1)
    x = torch.relu(case.transposed("decoder.0", x, HIDDEN[0]))
    return {"reconstruction": (F.mse_loss(case.transposed("decoder.output", x, 1), picture), 1)}


def denoising(case: Case) -> Terms:
    x = case.uniform("picture").flatten(1)
    for index, units in enumerate(HIDDEN):
        x = torch.relu(case.dense(f"encoder.{index}", x, units))
    code = case.dense("code", x, CODE)
    return {"reconstruction": (reconstruct(case, code, HIDDEN, torch.relu, case.uniform("target")), 1)}


def one_layer(case: Case, activation: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """The mean squared error, the code, and what its activation was applied to."""
    picture = case.uniform("picture")
    logits = case.dense("encoder.code", picture.flatten(1), CODE)
    code = activation(logits)
    return reconstruct(case, code, [], torch.relu, picture), code, logits


def sparse(case: Case) -> Terms:
    error, code, _ = one_layer(case, torch.relu)
    return {"reconstruction": (error, 1), "sparsity": (code.abs().sum(1).mean(), 0.3)}


def sparse_kl(case: Case) -> Terms:
    error, code, _ = one_layer(case, torch.sigmoid)
    activity = code.mean(0)
    divergence = kl_divergence(Bernoulli(torch.full_like(activity, 0.05)), Bernoulli(activity)).sum()
    return {"reconstruction": (error, 1), "sparsity": (divergence, 0.2)}


def k_sparse(case: Case) -> Terms:
    def keep(x: Tensor) -> Tensor:
        return x * torch.zeros_like(x).scatter(1, x.topk(3).indices, 1)

    return {"reconstruction": (one_layer(case, keep)[0], 1)}


def contractive(case: Case) -> Terms:
    error, _, _ = one_layer(case, torch.sigmoid)
    weight, bias = case.weights["encoder.code.weight"], case.weights["encoder.code.bias"]
    norms = [
        torch.autograd.functional.jacobian(lambda x: torch.sigmoid(F.linear(x, weight, bias)), x, create_graph=True)
        .square()
        .sum()
        for x in case.inputs["picture"].flatten(1)
    ]
    return {"reconstruction": (error, 1), "contraction": (torch.stack(norms).mean(), 0.5)}


def posterior(case: Case, picture: Tensor, label: Tensor | None) -> Normal:
    x = picture.flatten(1)
    for index, units in enumerate(HIDDEN):
        x = case.dense(f"encoder.{index}", x, units)
        if index == 0 and label is not None:
            x = x + case.dense("encoder.0.label", label, units, bias=False)
        x = torch.tanh(x)
    mean, logarithm = case.dense("code", x, CODE), case.dense("code.log_variance", x, CODE)
    return Normal(mean, (logarithm / 2).exp())


def decode(case: Case, code: Tensor, label: Tensor | None) -> Tensor:
    x = code
    for index, units in enumerate(reversed(HIDDEN)):
        x = case.pointwise(f"decoder.{index}", x, units)
        if index == 0 and label is not None:
            x = x + case.dense("decoder.0.label", label, units, bias=False)
        x = torch.tanh(x)
    return case.pointwise("decoder.output", x, FEATURES)


PRIOR = Normal(torch.tensor(0.0, dtype=torch.float64), torch.tensor(1.0, dtype=torch.float64))


def lower_bound(case: Case, likelihood: str = "bernoulli", beta: float = 1, labels: bool = False) -> Terms:
    picture = case.binary("picture")
    label = None
    if labels:
        classes = F.one_hot(torch.tensor([4, 0, 9]), CLASSES).double()
        label = case.input("label", classes.reshape(BATCH, CLASSES, 1, 1)).flatten(1)
    q = posterior(case, picture, label)
    noise = case.normal("noise", BATCH, CODE, 1, 1).flatten(1)
    output, target = decode(case, q.loc + q.scale * noise, label), picture.flatten(1)
    if likelihood == "bernoulli":
        error = -Bernoulli(logits=output).log_prob(target).sum(1).mean()
    else:
        logarithm = case.input("pixel log variance", torch.full_like(picture, -1)).flatten(1)
        error = F.gaussian_nll_loss(output, target, logarithm.exp(), full=True, eps=0, reduction="none").sum(1).mean()
    return {"reconstruction": (error, 1), "kl": (kl_divergence(q, PRIOR).sum(1).mean(), beta)}


def importance_weighted(case: Case) -> Terms:
    samples = 4
    picture = case.binary("picture")
    q = posterior(case, picture, None)
    # Codes of a picture are the rows of the engine's tensor: N×C×K×1 in PyTorch's order.
    noise = case.normal("noise", BATCH, CODE, samples, 1).squeeze(3).permute(2, 0, 1)
    z = q.loc + q.scale * noise
    log_likelihood = Bernoulli(logits=decode(case, z, None)).log_prob(picture.flatten(1).expand(samples, -1, -1))
    log_weights = log_likelihood.sum(2) + PRIOR.log_prob(z).sum(2) - q.log_prob(z).sum(2)
    bound = torch.logsumexp(log_weights, 0) - torch.tensor(float(samples)).log()
    return {"bound": (-bound.mean(), 1)}


def segmentation(case: Case) -> Terms:
    x = case.uniform("picture", channels=3)
    classes = torch.randint(PIXEL_CLASSES, (BATCH, 1, SIDE, SIDE), generator=case.generator)
    case.input("classes", classes)
    levels = []
    for index, width in enumerate([*HIDDEN, CODE]):
        name = "code" if index == len(HIDDEN) else f"encoder.{index}"
        x = torch.relu(case.convolution(f"{name}.0", x, width, stride=1 if index == 0 else 2))
        if index > 0:
            x = torch.relu(case.convolution(f"{name}.1", x, width))
        levels.append(x)
    for index in reversed(range(len(HIDDEN))):
        x = torch.cat([case.transposed(f"decoder.{index}.up", x, HIDDEN[index]), levels[index]], 1)
        x = torch.relu(case.convolution(f"decoder.{index}.0", x, HIDDEN[index]))
    logits = case.convolution("logits", x, PIXEL_CLASSES, kernel=1)
    return {"cross_entropy": (F.cross_entropy(logits, classes.squeeze(1)), 1)}


CASES: dict[str, tuple[dict[str, object], Callable[[Case], Terms]]] = {
    "dense": ({"kind": "dense"}, dense),
    "dense, L1": ({"kind": "dense", "l1": 0.01}, dense_l1),
    "linear": ({"kind": "linear"}, linear),
    "convolutional": ({"kind": "convolutional"}, convolutional),
    "denoising": ({"kind": "denoising"}, denoising),
    "sparse": ({"kind": "sparse", "sparsity-weight": 0.3}, sparse),
    "sparse, KL": ({"kind": "sparse", "sparsity": "kl", "sparsity-weight": 0.2}, sparse_kl),
    "k-sparse": ({"kind": "k-sparse", "active-units": 3}, k_sparse),
    "contractive": ({"kind": "contractive", "contraction": 0.5}, contractive),
    "variational": ({"kind": "variational"}, lower_bound),
    "variational, Gaussian": (
        {"kind": "variational", "likelihood": "gaussian", "beta": 2},
        lambda case: lower_bound(case, likelihood="gaussian", beta=2),
    ),
    "conditional": ({"kind": "conditional"}, lambda case: lower_bound(case, labels=True)),
    "importance-weighted": ({"kind": "variational", "importance-samples": 4}, importance_weighted),
    "segmentation": ({"kind": "segmentation", "channels": 3}, segmentation),
}


def main() -> None:
    tensors: dict[str, Tensor] = {}
    metadata: dict[str, str] = {}
    for name, (settings, objective) in CASES.items():
        case = Case(name)
        terms = objective(case)
        sum(weight * term for term, weight in terms.values()).backward()
        metadata[name] = json.dumps({key: str(value) for key, value in settings.items()})
        tensors |= {f"{name}/input.{key}": value for key, value in case.inputs.items()}
        tensors |= {f"{name}/weight.{key}": value.detach() for key, value in case.weights.items()}
        tensors |= {f"{name}/term.{key}": term.detach().reshape(1) for key, (term, _) in terms.items()}
        tensors |= {f"{name}/grad.{key}": value.grad for key, value in case.weights.items()}
    tensor_file.write(
        Path(__file__).with_name("autoencoders.safetensors"),
        {name: tensor.float().numpy() for name, tensor in tensors.items()},
        metadata,
    )


if __name__ == "__main__":
    main()
