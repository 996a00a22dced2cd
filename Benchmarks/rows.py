"""Rows that are compared with peers: export, check, alternate."""

import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import tensorfile
from processes import Worker, WorkerError
from turns import BURST_SECONDS, take_turns

HERE = Path(__file__).parent
PEERS = {"torch": "PyTorch", "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO", "ncnn": "ncnn"}
# Largest difference allowed, relative to the largest value. A sum of a few hundred products depends on its order; a
# fast algorithm such as Winograd's loses a little more; both accumulate over the layers of a network.
TOLERANCE = {"operator": 2e-4, "network": 1e-3, "train": 1e-3}
# PyTorch allocates each result with malloc, which returns large blocks to the system immediately, so the next layer
# pays for its pages again. With these settings malloc keeps them (a tenth faster here); the others manage their memory
# themselves.
ENVIRONMENTS = {"torch": {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 40)}}


class CheckFailed(Exception):
    pass


def rivals(work: str) -> list[str]:
    """Only PyTorch supports training."""
    return list(PEERS) if work == "forward" else ["torch"]


def difference(expected: dict[str, np.ndarray], found: dict[str, np.ndarray], tolerance: float) -> float:
    """The largest difference of all results, relative to the largest value of each."""
    worst = 0.0
    for name in (name for name in expected if name.startswith("expected/")):
        if name not in found or found[name].shape != expected[name].shape:
            raise CheckFailed(f"{name}: no result of shape {expected[name].shape}")
        share = float(np.abs(found[name] - expected[name]).max() / np.abs(expected[name]).max())
        # Also false for NaN.
        if not share <= tolerance:
            raise CheckFailed(f"{name} differs by {share:.1e} of its largest value; the limit is {tolerance:.0e}")
        worst = max(worst, share)
    return worst


class Row:
    """A case of restore-bench."""

    def __init__(self, summary: dict, program: list[str]):
        self.name: str = summary["name"]
        self.work: str = summary["work"]
        self.operations: int = summary["operations"]
        self.program = program
        group = self.name.split(".")[0]
        self.tolerance = TOLERANCE.get(group, TOLERANCE["operator"])

    def measure(self, notes: dict[str, str]) -> dict:
        """Returns the row. A peer that does not support it is added to `notes` with the reason."""
        with tempfile.TemporaryDirectory(prefix="restore-bench-") as folder, ExitStack() as stack:
            with Worker(self.program) as exporter:
                exporter.ask(f"export {self.name} {folder}")
            peers, hellos, checks = {}, {}, {}
            for name in rivals(self.work):
                worker = stack.enter_context(self.peer(name, folder))
                try:
                    hellos[PEERS[name]] = worker.answer()
                except WorkerError as error:
                    notes[PEERS[name]] = str(error)
                    continue
                checks[PEERS[name]] = self.check(name, Path(folder))
                peers[PEERS[name]] = worker
            ours = stack.enter_context(Worker(self.program))
            ours.ask(f"prepare {self.name}")
            row = self.time(ours, peers)
            row |= {
                "differences": checks, "settings": {name: hello["setting"] for name, hello in hellos.items()},
                "versions": {name: hello["ready"] for name, hello in hellos.items()},
            }
            if self.work == "training":
                row["memory"] = ours.peak_memory()
                for name, worker in peers.items():
                    row |= {"peer_memory": worker.peak_memory(), "peer_memory_at_start": hellos[name]["imported"]}
            return row

    def peer(self, name: str, folder: str) -> Worker:
        command = [sys.executable, str(HERE / "peers/peer.py"), name, folder]
        return Worker(command, os.environ | ENVIRONMENTS.get(name, {}))

    def check(self, name: str, folder: Path) -> float:
        expected = tensorfile.read(folder / "case.safetensors")
        try:
            return difference(expected, tensorfile.read(folder / f"{name}.safetensors"), self.tolerance)
        except CheckFailed as error:
            raise CheckFailed(f"{PEERS[name]}: {error}") from None

    def time(self, ours: Worker, peers: dict[str, Worker]) -> dict:
        def burst(worker: Worker, command: str):
            return lambda: worker.ask(command)["seconds"]

        timings = take_turns(
            burst(ours, f"time {self.name} {BURST_SECONDS}"),
            {name: burst(worker, f"time {BURST_SECONDS}") for name, worker in peers.items()},
            [worker.process.pid for worker in [ours, *peers.values()]])
        return {
            "name": self.name, "seconds": timings.seconds, "gflops": self.operations / timings.seconds / 1e9,
            "peers": timings.peers, "ratios": timings.ratios,
            "ratio": min(timings.ratios.values()) if timings.ratios else None, "rounds": timings.rounds,
            "foreign": timings.foreign,
        }
