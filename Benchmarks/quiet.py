"""Detects whether the CPUs used for measuring are also doing other work."""

import os
import time
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
# Below this share of the CPU time, other processes do not matter.
QUIET = 0.05


def busy_seconds(cpus: set[int]) -> float:
    """Time that these CPUs have been busy since boot, for any process."""
    total = 0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *times = line.split()
        if name[:3] == "cpu" and name[3:].isdigit() and int(name[3:]) in cpus:
            user, nice, system, _, _, interrupt, soft_interrupt, steal = map(int, times[:8])
            total += user + nice + system + interrupt + soft_interrupt + steal
    return total / TICK


def worked_seconds(pid: int) -> float:
    """CPU time of a process including its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def wait_until_quiet(limit: float) -> None:
    """Returns when other processes leave the CPUs idle, or after `limit` seconds."""
    cpus = os.sched_getaffinity(0)
    end = time.monotonic() + limit
    while time.monotonic() < end:
        busy, start = busy_seconds(cpus), time.monotonic()
        time.sleep(0.5)
        if busy_seconds(cpus) - busy < QUIET * len(cpus) * (time.monotonic() - start):
            return


class Foreign:
    """The share of the CPU time that other processes used during a row."""

    def __init__(self, pids: list[int]):
        self.cpus = os.sched_getaffinity(0)
        self.pids = pids
        self.start, self.busy, self.own = time.monotonic(), busy_seconds(self.cpus), self.worked()

    def worked(self) -> float:
        ended = os.times()
        return (sum(worked_seconds(pid) for pid in self.pids)
                + ended.user + ended.system + ended.children_user + ended.children_system)

    def share(self) -> float:
        others = busy_seconds(self.cpus) - self.busy - (self.worked() - self.own)
        return max(0.0, others / (len(self.cpus) * (time.monotonic() - self.start)))
