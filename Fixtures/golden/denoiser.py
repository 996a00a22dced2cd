"""Golden values of a whole small denoising network: prediction, gradients of all weights, and a training curve.

    pip install torch==2.15.0 numpy==2.4.6
    python denoiser.py              # writes denoiser.safetensors beside this script

The network is a U-Net with residual blocks, in half resolution. The input has four channels: red, green, blue, and the
noise level, the same number everywhere; height and width are multiples of eight.

    rgb+σ ─ unshuffle 2 ─ head 16→8 ─ blocks ─┬─ down 8→12 ─ blocks ─┬─ down 12→16 ─ blocks ─┐
                                              │                      │                       │
    rgb − shuffle 2 ─ tail 8→12 ─ blocks ─ (+ skip) ─ up 12→8 ─ blocks ─ (+ skip) ─ up 16→12 ┘

Head and tail are 3×3 convolutions with a bias. A block is x + conv2(relu(conv1(x))), both 3×3 without bias. Down is a
2×2 convolution of stride 2, up a 2×2 transposed convolution of stride 2, neither with a bias. A skip is what a level of
the encoder hands to its `down`; it is added to what `up` of the same level gives.

The weights stand in the file under their own names, in PyTorch's layouts, beside

    golden/input        2×4×16×24, the noisy pictures with their noise levels
    golden/target       2×3×16×24, the clean pictures
    golden/output       2×3×16×24
    golden/loss         the mean of |output − target|, one number
    golden/grad/NAME    the gradient of that loss with respect to the weight NAME
    golden/curve        the loss before each of eight AdamW steps on this one batch (element 0 is golden/loss)

Weights and pictures are drawn as float32, the computation runs in float64, its results are rounded to float32 once.
"""

import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import tensor_file

SEED = 1
WIDTHS = (8, 12, 16)
BLOCKS = 1
OPTIMIZER = {"learningRate": 2e-3, "beta1": 0.9, "beta2": 0.95, "epsilon": 1e-8, "weightDecay": 0.0, "steps": 8}

torch.set_num_threads(1)


class Block(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.relu(self.conv1(x)))


def blocks(channels: int) -> nn.Sequential:
    return nn.Sequential(*(Block(channels) for _ in range(BLOCKS)))


class EncoderLevel(nn.Module):
    def __init__(self, channels: int, below: int):
        super().__init__()
        self.block = blocks(channels)
        self.down = nn.Conv2d(channels, below, 2, stride=2, bias=False)


class DecoderLevel(nn.Module):
    def __init__(self, below: int, channels: int):
        super().__init__()
        self.up = nn.ConvTranspose2d(below, channels, 2, stride=2, bias=False)
        self.block = blocks(channels)


class Bottom(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.block = blocks(channels)


class Denoiser(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        levels = list(zip(WIDTHS[:-1], WIDTHS[1:]))
        self.head = nn.Conv2d(4 * 2**2, WIDTHS[0], 3, padding=1)
        self.encoder = nn.ModuleList(EncoderLevel(channels, below) for channels, below in levels)
        self.bottom = Bottom(WIDTHS[-1])
        self.decoder = nn.ModuleList(DecoderLevel(below, channels) for channels, below in levels)
        self.tail = nn.Conv2d(WIDTHS[0], 3 * 2**2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        rgb = x[:, :3]
        skips = []
        y = self.head(F.pixel_unshuffle(x, 2))
        for level in self.encoder:
            y = level.block(y)
            skips.append(y)
            y = level.down(y)
        y = self.bottom.block(y)
        for level, skip in zip(reversed(self.decoder), reversed(skips)):
            y = level.block(level.up(y) + skip)
        return rgb - F.pixel_shuffle(self.tail(y), 2)


def pictures(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Two smooth pictures in 0…1, and the same with noise of σ 15/255 and 50/255 and their noise levels."""
    rows, columns = torch.meshgrid(torch.arange(16.0), torch.arange(24.0), indexing="ij")
    target = torch.empty(2, 3, 16, 24)
    for picture in range(2):
        for channel in range(3):
            phase, along, across = (torch.rand(3, generator=generator) * torch.tensor([2 * math.pi, 0.8, 0.8])).tolist()
            target[picture, channel] = 0.5 + 0.4 * torch.sin(phase + along * columns + across * rows)
    level = torch.tensor([15 / 255, 50 / 255]).reshape(2, 1, 1, 1)
    noisy = target + level * torch.randn(target.shape, generator=generator)
    return torch.cat([noisy, level.expand(2, 1, 16, 24)], 1), target


def initialize(network: Denoiser, generator: torch.Generator) -> None:
    """Normal weights of variance 1 / fan-in, small biases: every path carries a signal."""
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if weight.dim() == 1:
                scale = 0.05
            else:
                transposed = name.endswith("up.weight")
                scale = 1 / math.sqrt(weight.shape[0] if transposed else weight[0].numel())
            weight.copy_(torch.randn(weight.shape, generator=generator) * scale)


def curve(network: Denoiser, x: Tensor, target: Tensor) -> Tensor:
    """The loss before each step; the network is trained in place."""
    betas = (OPTIMIZER["beta1"], OPTIMIZER["beta2"])
    optimizer = torch.optim.AdamW(
        network.parameters(),
        lr=OPTIMIZER["learningRate"],
        betas=betas,
        eps=OPTIMIZER["epsilon"],
        weight_decay=OPTIMIZER["weightDecay"],
    )
    losses = []
    for _ in range(OPTIMIZER["steps"]):
        optimizer.zero_grad()
        loss = F.l1_loss(network(x), target)
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
    return torch.tensor(losses, dtype=torch.float64)


def main() -> None:
    generator = torch.Generator().manual_seed(SEED)
    network = Denoiser()
    initialize(network, generator)
    x, target = pictures(generator)

    single = Denoiser()
    single.load_state_dict(network.state_dict())
    network, x, target = network.double(), x.double(), target.double()

    tensors = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    output = network(x)
    loss = F.l1_loss(output, target)
    loss.backward()
    tensors |= {
        "golden/input": x,
        "golden/target": target,
        "golden/output": output.detach(),
        "golden/loss": loss.detach().reshape(1),
    }
    tensors |= {f"golden/grad/{name}": weight.grad.clone() for name, weight in network.named_parameters()}
    tensors["golden/curve"] = curve(network, x, target)

    difference = (curve(single, x.float(), target.float()) - tensors["golden/curve"]).abs()
    print("curve:", [f"{loss:.6f}" for loss in tensors["golden/curve"].tolist()])
    print("the same in float32 differs by", [f"{value:.1e}" for value in difference.tolist()])

    metadata = {
        "architecture": json.dumps({"widths": WIDTHS, "blocks": BLOCKS, "factor": 2}),
        "loss": "l1",
        "optimizer": json.dumps(OPTIMIZER),
    }
    tensor_file.write(
        Path(__file__).with_name("denoiser.safetensors"),
        {name: tensor.float().numpy() for name, tensor in tensors.items()},
        metadata,
    )


if __name__ == "__main__":
    main()
