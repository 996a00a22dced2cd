"""PyTorch, channels-last: inference (eager or frozen, whichever is faster), gradients of a layer, a training step."""

import time

import torch
import torch.nn.functional as F
from case import Case, Node

torch.set_num_threads(2)
torch.set_num_interop_threads(1)
# Plain 32-bit floats: oneDNN must not fall back to bf16 or tf32.
torch.set_float32_matmul_precision("highest")


def resident_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


IMPORTED_BYTES = resident_bytes()


def tensor(planes) -> torch.Tensor:
    return torch.from_numpy(planes).contiguous(memory_format=torch.channels_last)


def ours(result: torch.Tensor):
    """In NumPy's channels-last layout."""
    return result.detach().permute(0, 2, 3, 1).contiguous().numpy()


class Network(torch.nn.Module):
    def __init__(self, case: Case):
        super().__init__()
        self.nodes, self.output = case.nodes, case.output
        self.layers = torch.nn.ModuleDict()
        for node in case.nodes:
            if node.operation in ("convolution", "transposed_convolution"):
                self.layers[node.name.replace(".", "/")] = self.layer(case, node)
        self.to(memory_format=torch.channels_last)

    @staticmethod
    def layer(case: Case, node: Node) -> torch.nn.Module:
        weight = torch.from_numpy(case.weight(node).copy())
        kinds = {"convolution": torch.nn.Conv2d, "transposed_convolution": torch.nn.ConvTranspose2d}
        outputs = node.shape[3]
        inputs = weight.shape[1] if node.operation == "convolution" else weight.shape[0]
        layer = kinds[node.operation](inputs, outputs, tuple(node.kernel), stride=tuple(node.stride),
                                      padding=tuple(node.padding), bias=node.hasBias)
        layer.weight = torch.nn.Parameter(weight)
        if node.hasBias:
            layer.bias = torch.nn.Parameter(torch.from_numpy(case.bias(node).copy()))
        return layer

    def forward(self, image):
        values = []
        for node in self.nodes:
            inputs = [values[index] for index in node.inputs]
            match node.operation:
                case "input": value = image
                case "relu": value = F.relu(inputs[0])
                case "add": value = inputs[0] + inputs[1]
                case "slice": value = inputs[0][:, node.channels[0]:node.channels[1]]
                case "pixel_unshuffle": value = F.pixel_unshuffle(inputs[0], node.factor)
                case "pixel_shuffle": value = F.pixel_shuffle(inputs[0], node.factor)
                case _: value = self.layers[node.name.replace(".", "/")](inputs[0])
            values.append(value)
        return values[self.output]


class Forward:
    version = torch.__version__

    def __init__(self, case: Case):
        self.input = tensor(case.planes("input"))
        eager = Network(case).eval()
        with torch.inference_mode():
            traced = torch.jit.optimize_for_inference(torch.jit.trace(eager, self.input))
            candidates = {"eager": eager, "frozen and optimized for inference": traced}
            times = {name: self.best_time(model) for name, model in candidates.items()}
        chosen = min(times, key=times.get)
        self.model = candidates[chosen]
        self.setting = f"channels-last, {chosen}, 2 threads"

    def best_time(self, model) -> float:
        times = []
        for _ in range(4):
            start = time.perf_counter()
            model(self.input)
            times.append(time.perf_counter() - start)
        # The first run of a model prepares it.
        return min(times[1:])

    def run(self):
        with torch.inference_mode():
            return self.model(self.input)

    def results(self):
        return {"expected/output": ours(self.run())}


class Backward:
    """The gradients, computed by PyTorch's own function for them: no graph is kept and no forward pass is timed."""

    version = torch.__version__
    setting = "channels-last, convolution_backward, 2 threads"

    def __init__(self, case: Case):
        node = case.nodes[case.output]
        self.name = node.name
        self.input = tensor(case.planes("input"))
        self.gradient = tensor(case.planes("output_gradient"))
        weight = torch.from_numpy(case.weight(node).copy())
        self.weight = weight.contiguous(memory_format=torch.channels_last)
        self.settings = (None, node.stride, node.padding, [1, 1], node.operation == "transposed_convolution",
                         [0, 0], 1, [True, True, False])

    def run(self):
        return torch.ops.aten.convolution_backward(self.gradient, self.input, self.weight, *self.settings)

    def results(self):
        data, weight, _ = self.run()
        return {"expected/input_gradient": ours(data), f"expected/grad/{self.name}.weight": weight.numpy()}


class Training:
    """The same step as ours: forward, mean absolute error, backward, clipping at 1, AdamW, average of the weights."""

    version = torch.__version__
    imported_bytes = IMPORTED_BYTES

    def __init__(self, case: Case):
        self.input, self.target = tensor(case.planes("input")), tensor(case.planes("target"))
        self.case = case
        times = {}
        for kind in ("fused", "foreach"):
            self.prepare(kind)
            self.run()
            start = time.perf_counter()
            for _ in range(3):
                self.run()
            times[kind] = time.perf_counter() - start
        chosen = min(times, key=times.get)
        self.prepare(chosen)
        self.setting = f"channels-last, AdamW {chosen}, 2 threads"

    def prepare(self, kind: str) -> None:
        self.network = Network(self.case)
        self.parameters = list(self.network.parameters())
        self.average = [parameter.detach().clone() for parameter in self.parameters]
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=2e-3, betas=(0.9, 0.95), eps=1e-8, weight_decay=0, **{kind: True})
        self.steps = 0

    def gradients_of_loss(self) -> torch.Tensor:
        self.optimizer.zero_grad(set_to_none=True)
        loss = F.l1_loss(self.network(self.input), self.target)
        loss.backward()
        return loss

    def run(self):
        self.gradients_of_loss()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0, foreach=True)
        self.optimizer.step()
        self.steps += 1
        with torch.no_grad():
            weight = 1 - min(0.999, (1 + self.steps) / (10 + self.steps))
            torch._foreach_lerp_(self.average, self.parameters, weight)

    def results(self):
        curve = [float(self.gradients_of_loss())]
        results = {f"expected/grad/{name.replace('layers.', '').replace('/', '.')}": parameter.grad.clone().numpy()
                   for name, parameter in self.network.named_parameters()}
        for _ in range(3):
            self.run()
            curve.append(float(self.gradients_of_loss()))
        return {"expected/curve": torch.tensor(curve).numpy(), **results}


def make(case: Case):
    return {"forward": Forward, "backward": Backward, "training": Training}[case.work](case)
