"""Golden values of losses and their gradients, computed by PyTorch.

    pip install torch==2.15.0 numpy==2.4.6
    python losses.py                # writes losses.safetensors beside this script

Every case is a name, a configuration (JSON, in the file's `__metadata__` under that name) and these tensors:

    NAME/input.0, NAME/input.1 ...    what goes in, NCHW, in the order of the engine's inputs
    NAME/output                       the loss, [1]
    NAME/grad_input.0, ...            its gradients, for the inputs by which it is differentiated

Inputs are drawn as float32, the computation runs in float64, and its results are rounded to float32 once. Where PyTorch
has the loss, its function or distribution computes it; the formula is written out only where it has none. Each case
draws from its own generator, seeded with the CRC-32 of its name: adding a case changes no other.
"""

import json
import math
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import Bernoulli, Normal, kl_divergence

import tensor_file

torch.set_num_threads(1)

SIZE = (2, 3, 5, 7)


class Random:
    """Numbers that float32 holds exactly, as float64 tensors."""

    def __init__(self, name: str):
        self.generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))

    def normal(self, *shape: int, scale: float = 1) -> Tensor:
        return (torch.randn(shape, generator=self.generator) * scale).double()

    def uniform(self, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self.generator).double()

    def mask(self, *shape: int) -> Tensor:
        return (torch.rand(shape, generator=self.generator) < 0.6).double()

    def classes(self, *shape: int, count: int) -> Tensor:
        return torch.randint(count, shape, generator=self.generator).double()


class Cases:
    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}
        self.configurations: dict[str, str] = {}

    def add(
        self,
        name: str,
        configuration: dict[str, object],
        inputs: Sequence[Tensor],
        differentiable: Sequence[int],
        loss: Callable[..., Tensor],
    ) -> None:
        assert name not in self.configurations, f"two cases are called {name}"
        self.configurations[name] = json.dumps(configuration)
        for index in differentiable:
            inputs[index].requires_grad_()
        output = loss(*inputs)
        output.backward()
        for index, tensor in enumerate(inputs):
            self.tensors[f"{name}/input.{index}"] = tensor.detach()
        self.tensors[f"{name}/output"] = output.detach().reshape(1)
        for index in differentiable:
            self.tensors[f"{name}/grad_input.{index}"] = inputs[index].grad


def weighted_mean(terms: Tensor, weights: Tensor) -> Tensor:
    weights = weights.expand_as(terms)
    return (weights * terms).sum() / weights.sum()


def differences(cases: Cases) -> None:
    terms: dict[str, tuple[dict[str, float], Callable[[Tensor, Tensor], Tensor]]] = {
        "l1": ({}, lambda p, t: F.l1_loss(p, t, reduction="none")),
        "l2": ({}, lambda p, t: F.mse_loss(p, t, reduction="none")),
        "huber": ({"delta": 0.75}, lambda p, t: F.huber_loss(p, t, reduction="none", delta=0.75)),
        "charbonnier": ({"epsilon": 1e-3}, lambda p, t: ((p - t).square() + 1e-3**2).sqrt()),
    }
    for measure, (parameters, term) in terms.items():
        for kind, channels in (("mean", 0), ("pixels", 1), ("values", SIZE[1]), ("zeros", 1)):
            name = f"{measure}-{kind}"
            random = Random(name)
            inputs = [random.normal(*SIZE), random.normal(*SIZE)]
            if channels:
                weights = random.uniform(SIZE[0], channels, *SIZE[2:]) * random.mask(SIZE[0], channels, *SIZE[2:])
                inputs.append(weights * (kind != "zeros"))

            def loss(p: Tensor, t: Tensor, w: Tensor | None = None) -> Tensor:
                if w is None:
                    return term(p, t).mean()
                # 0/0 in PyTorch; the engine's loss is 0 where nothing counts.
                return (w * term(p, t)).sum() if w.sum() == 0 else weighted_mean(term(p, t), w)

            cases.add(name, {"op": measure, **parameters}, inputs, [0, 1], loss)


def cross_entropy_of_classes(cases: Cases) -> None:
    def case(
        name: str, count: int, scale: float = 1, weighs: bool = False, masks: bool = False, ignores: bool = False
    ) -> None:
        name = f"crossEntropy-{name}"
        random = Random(name)
        classes = random.classes(2, 1, 3, 4, count=count)
        if ignores:
            classes[0, 0, 0, 0] = -1
            classes[1, 0, 2, 1] = count
        inputs = [random.normal(2, count, 3, 4, scale=scale), classes]
        class_weights = (random.uniform(count) + 0.1).float().double() if weighs else None
        if masks:
            inputs.append(random.uniform(2, 1, 3, 4) * random.mask(2, 1, 3, 4))

        def loss(x: Tensor, y: Tensor, u: Tensor | None = None) -> Tensor:
            y = y.long().squeeze(1)
            y = torch.where((y < 0) | (y >= count), -100, y)
            if u is None:
                return F.cross_entropy(x, y, weight=class_weights, ignore_index=-100)
            u = u.squeeze(1) * (y != -100)
            terms = F.cross_entropy(x, y, weight=class_weights, ignore_index=-100, reduction="none")
            weights = u if class_weights is None else u * class_weights[y.clamp(0)]
            return (u * terms).sum() / weights.sum()

        configuration: dict[str, object] = {"op": "crossEntropy", "targets": "classes"}
        if class_weights is not None:
            configuration["classWeights"] = class_weights.tolist()
        cases.add(name, configuration, inputs, [0], loss)

    case("classes", 10)
    case("two-classes", 2)
    case("one-class", 1)
    case("classes-far-apart", 17, scale=1e4)
    case("ignored", 7, ignores=True)
    case("weighted", 16, weighs=True, ignores=True)
    case("masked", 33, masks=True, ignores=True)
    case("weighted-masked", 21, weighs=True, masks=True, ignores=True)


def cross_entropy_of_distributions(cases: Cases) -> None:
    def case(name: str, count: int, k: int, weighs: bool = False, masks: bool = False, ignores: bool = False) -> None:
        name = f"crossEntropy-{name}"
        random = Random(name)
        # Different classes for each pixel, with probabilities that add up to 1.
        places = random.uniform(2, count, 3, 2).argsort(dim=1)[:, :k].double()
        probabilities = random.uniform(2, k, 3, 2)
        probabilities = (probabilities / probabilities.sum(1, keepdim=True)).float().double()
        if ignores:
            places[0, 1, 0, 0] = count  # one of the terms
            places[1, :, 2, 1] = -1  # a whole pixel
        inputs = [random.normal(2, count, 3, 2), places, probabilities]
        class_weights = (random.uniform(count) + 0.1).float().double() if weighs else None
        if masks:
            inputs.append(random.uniform(2, 1, 3, 2))

        def loss(x: Tensor, places: Tensor, probabilities: Tensor, u: Tensor | None = None) -> Tensor:
            valid = (places >= 0) & (places < count)
            places = torch.where(valid, places, 0).long()
            probabilities = probabilities * valid
            dense = torch.zeros_like(x).scatter_add(1, places, probabilities)
            counts = valid.any(1)
            if class_weights is None and u is None and bool(counts.all()):
                return F.cross_entropy(x, dense)  # as PyTorch has it
            weights = counts.double() if u is None else counts * u.squeeze(1)
            if class_weights is not None:
                weights = weights * class_weights[dense.argmax(1)]  # Zhang et al. 2016, eq. 3
            return (weights * F.cross_entropy(x, dense, reduction="none")).sum() / weights.sum()

        configuration: dict[str, object] = {"op": "crossEntropy", "targets": "distributions"}
        if class_weights is not None:
            configuration["classWeights"] = class_weights.tolist()
        cases.add(name, configuration, inputs, [0], loss)

    case("distributions", 313, 5)
    case("distributions-few", 6, 3)
    case("distributions-ignored", 9, 3, ignores=True)
    case("distributions-weighted", 40, 5, weighs=True)
    case("distributions-weighted-masked", 12, 2, weighs=True, masks=True, ignores=True)


def binary_cross_entropy(cases: Cases) -> None:
    for reduction in ("mean", "sumPerPicture"):
        for kind, channels, scale in (("plain", 0, 2), ("pixels", 1, 2), ("values", SIZE[1], 2), ("far", 0, 200)):
            name = f"binaryCrossEntropy-{reduction}-{kind}"
            random = Random(name)
            targets = random.uniform(*SIZE)
            targets[0] = targets[0].round()
            inputs = [random.normal(*SIZE, scale=scale), targets]
            if channels:
                inputs.append(random.mask(SIZE[0], channels, *SIZE[2:]))

            def loss(x: Tensor, t: Tensor, w: Tensor | None = None) -> Tensor:
                weights = torch.ones_like(x) if w is None else w.expand_as(x)
                if reduction == "mean":
                    return weighted_mean(F.binary_cross_entropy_with_logits(x, t, reduction="none"), weights)
                if kind == "far":
                    return F.binary_cross_entropy_with_logits(x, t, reduction="sum") / len(x)
                # The sum over missing pixels as Pyro's conditional VAE has it.
                terms = -Bernoulli(logits=x, validate_args=False).log_prob(t)
                return (weights * terms).sum((1, 2, 3)).mean()

            cases.add(name, {"op": "binaryCrossEntropy", "reduction": reduction}, inputs, [0, 1], loss)


def gaussian(cases: Cases) -> None:
    def case(name: str, reduction: str, constant: bool, floor: float = 0, channels: int = 0) -> None:
        name = f"gaussian-{name}"
        random = Random(name)
        # With a floor of 0.3 a good part of the deviations lies below it.
        inputs = [random.normal(*SIZE), random.normal(*SIZE, scale=2), random.normal(*SIZE)]
        if channels:
            inputs.append(random.mask(SIZE[0], channels, *SIZE[2:]))

        def loss(mean: Tensor, logarithm: Tensor, target: Tensor, w: Tensor | None = None) -> Tensor:
            deviation = (logarithm / 2).exp()
            if floor:
                deviation = deviation.clamp(min=floor)
            terms = F.gaussian_nll_loss(mean, target, deviation.square(), full=constant, eps=0, reduction="none")
            if constant:
                torch.testing.assert_close(terms, -Normal(mean, deviation).log_prob(target))
            weights = torch.ones_like(mean) if w is None else w.expand_as(mean)
            if reduction == "mean":
                return weighted_mean(terms, weights)
            return (weights * terms).sum((1, 2, 3)).mean()

        configuration = {"op": "gaussian", "reduction": reduction, "constant": constant, "floor": floor}
        cases.add(name, configuration, inputs, [0, 1, 2], loss)

    case("sum", "sumPerPicture", True)
    case("sum-without-constant", "sumPerPicture", False)
    case("mean", "mean", True)
    case("floor", "sumPerPicture", True, floor=0.3)
    case("masked", "sumPerPicture", True, floor=0.01, channels=1)
    case("masked-mean", "mean", False, floor=0.3, channels=SIZE[1])


def divergences(cases: Cases) -> None:
    def normal(mean: Tensor, logarithm: Tensor) -> Normal:
        return Normal(mean, (logarithm / 2).exp())

    def case(name: str, size: tuple[int, int, int, int], pair: bool, free: float = 0) -> None:
        name = f"kl-{name}"
        random = Random(name)
        inputs = [random.normal(*size) for _ in range(4 if pair else 2)]

        def loss(mean: Tensor, logarithm: Tensor, *p: Tensor) -> Tensor:
            prior = normal(*p) if p else Normal(torch.zeros_like(mean), torch.ones_like(mean))
            terms = kl_divergence(normal(mean, logarithm), prior)
            if free:
                return terms.sum((2, 3)).mean(0).clamp(min=free).sum()
            return terms.sum((1, 2, 3)).mean()

        cases.add(name, {"op": "kl", "freeBits": free}, inputs, range(len(inputs)), loss)

    case("standard", (4, 11, 1, 1), pair=False)
    case("standard-maps", SIZE, pair=False)
    case("standard-free", (4, 11, 1, 1), pair=False, free=0.8)
    case("pair", (4, 11, 1, 1), pair=True)
    case("pair-maps", SIZE, pair=True)
    case("pair-free", (3, 9, 2, 3), pair=True, free=9)

    random = Random("prior")
    inputs = [random.normal(2, 5, 2, 3, scale=100), random.normal(2, 5, 2, 3, scale=3)]

    def prior(mean: Tensor, logarithm: Tensor) -> Tensor:
        deviation = (logarithm / 2).exp()
        # As in the authors' VAEAC.prior_regularization, which is added to the bound that is maximized.
        regularizer = -mean.square() / 2 / 1e3**2 + (deviation.log() - deviation) * 1e-2
        return -regularizer.sum((1, 2, 3)).mean()

    cases.add("prior", {"op": "prior", "meanDeviation": 1e3, "deviationStrength": 1e-2}, inputs, [0, 1], prior)


def sparsity(cases: Cases) -> None:
    for name, size in (("dense", (6, 13, 1, 1)), ("maps", SIZE)):
        random = Random(f"sparsity-{name}")

        def loss(activations: Tensor) -> Tensor:
            target = Bernoulli(torch.full((size[1],), 0.05, dtype=torch.float64))
            return kl_divergence(target, Bernoulli(activations.mean((0, 2, 3)))).sum()

        activations = random.normal(*size, scale=2).sigmoid().float().double()
        cases.add(f"sparsity-{name}", {"op": "sparsity", "activity": 0.05}, [activations], [0], loss)
    for reduction in ("mean", "sumPerPicture"):
        activations = Random(f"activity-{reduction}").normal(*SIZE)
        activations[0, 0, 0, 0] = 0
        cases.add(
            f"activity-{reduction}",
            {"op": "activity", "reduction": reduction},
            [activations],
            [0],
            lambda a: a.abs().mean() if reduction == "mean" else a.abs().sum((1, 2, 3)).mean(),
        )


def main() -> None:
    cases = Cases()
    for family in (
        differences,
        cross_entropy_of_classes,
        cross_entropy_of_distributions,
        binary_cross_entropy,
        gaussian,
        divergences,
        sparsity,
    ):
        family(cases)
    assert all(math.isfinite(tensor.sum().item()) for tensor in cases.tensors.values())
    tensors = {name: tensor.float().numpy() for name, tensor in cases.tensors.items()}
    tensor_file.write(Path(__file__).with_name("losses.safetensors"), tensors, cases.configurations)
    print(f"{len(cases.configurations)} cases")


if __name__ == "__main__":
    main()
