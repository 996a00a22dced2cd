"""Rows for the whole program: from process start to exit, including reading and writing files. They have no peers."""

import hashlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import pictures
from quiet import Foreign
from rows import CheckFailed
from turns import FEWEST_ROUNDS, PAUSE_SECONDS, ROUNDS, SECONDS_PER_ROW

HERE = Path(__file__).parent


@dataclass
class ProgramRow:
    name: str
    # Of the image; none for a command that reads none.
    size: tuple[int, int] | None = None
    threads: int = 2
    # What such a command is called with.
    flag: str = "--version"
    seconds: list[float] = field(default_factory=list)
    memory: int = 0
    spent: float = 0

    def command(self, program: str, folder: Path) -> list[str]:
        if not self.size:
            return [program, self.flag]
        return [program, "denoise", str(self.picture(folder)), str(self.output(folder)), "--sigma", "25", "--quiet",
                "--overwrite", "-j", str(self.threads)]

    def picture(self, folder: Path) -> Path:
        return folder / "{}x{}.png".format(*self.size)

    def output(self, folder: Path) -> Path:
        return folder / f"{self.name}.png"

    def run(self, program: str, folder: Path) -> None:
        time.sleep(PAUSE_SECONDS)
        launcher = [sys.executable, "-S", str(HERE / "launch.py"), *self.command(program, folder)]
        # In the driver's process group: Ctrl-C ends both.
        printed = subprocess.run(launcher, stdout=subprocess.PIPE, check=True, text=True).stdout
        result = json.loads(printed.splitlines()[-1])
        if result["code"]:
            raise CheckFailed(f"the program exited with {result['code']}")
        self.seconds.append(result["seconds"])
        self.spent += result["seconds"]
        self.memory = max(self.memory, result["memory"])

    def wants_more(self) -> bool:
        if len(self.seconds) < FEWEST_ROUNDS:
            return True
        return len(self.seconds) < ROUNDS and self.spent < SECONDS_PER_ROW

    def result(self) -> dict:
        seconds = statistics.median(self.seconds)
        row = {"name": self.name, "seconds": seconds, "gflops": None, "share_of_sgemm": None, "peers": {},
               "ratio": None, "memory": self.memory, "rounds": len(self.seconds)}
        if self.size:
            row["megapixels_per_second"] = self.size[0] * self.size[1] / seconds / 1e6
        return row


def program_rows() -> list[ProgramRow]:
    return [
        ProgramRow("restore.version"),
        ProgramRow("restore.help", flag="--help"),
        ProgramRow("restore.denoise.64x64", (64, 64)),
        ProgramRow("restore.denoise.0.4mp", (768, 512)),
        ProgramRow("restore.denoise.2mp", (1600, 1250)),
        ProgramRow("restore.denoise.2mp.1-thread", (1600, 1250), threads=1),
        ProgramRow("restore.denoise.24mp", (6000, 4000)),
    ]


def check(rows: list[ProgramRow], folder: Path) -> None:
    """The same image must give the same file for any number of threads."""
    outputs: dict[tuple[int, int], str] = {}
    for row in rows:
        if row.size:
            with row.output(folder).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            if outputs.setdefault(row.size, digest) != digest:
                raise CheckFailed("its output depends on the number of threads")


def measure(rows: list[ProgramRow], program: str) -> list[dict]:
    """All rows alternate, so that their ratios compare runs close in time."""
    with tempfile.TemporaryDirectory(prefix="restore-bench-") as name:
        folder = Path(name)
        for row in rows:
            if row.size and not row.picture(folder).exists():
                subprocess.run([sys.executable, pictures.__file__, *map(str, row.size), str(row.picture(folder))],
                               check=True)
        for row in rows:
            row.run(program, folder)
        check(rows, folder)
        for row in rows:
            # The first run has loaded the files into the page cache.
            row.seconds.clear()
        foreign = Foreign([])
        while waiting := [row for row in rows if row.wants_more()]:
            for row in waiting:
                row.run(program, folder)
        share = foreign.share()
    return [row.result() | {"foreign": share} for row in rows]
