"""Alternating timing: ours, a peer, ours, the next peer, … Runs close in time see the same noise of the machine."""

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from quiet import Foreign

ROUNDS = int(os.environ.get("ROUNDS", 7))
# A row that takes longer stops after FEWEST_ROUNDS.
SECONDS_PER_ROW = float(os.environ.get("SECONDS_PER_ROW", 60))
FEWEST_ROUNDS = 3
# A round in which other processes used a larger share of the CPU time is repeated, until a row has taken this many
# times its seconds.
DISTURBED = 0.1
PATIENCE = 3
# The runs of one turn take at least this long in total.
BURST_SECONDS = 0.2
# Threads that spin for a moment after their work are asleep after this time.
PAUSE_SECONDS = 0.02


@dataclass
class Pair:
    """Two consecutive turns, in seconds, and the share of the CPU time that other processes used meanwhile."""

    ours: float
    peer: float
    foreign: float


@dataclass
class Timings:
    """Medians of the turns in seconds, and for each peer the median ratio of its time to ours, pair by pair."""

    seconds: float = 0
    peers: dict[str, float] = field(default_factory=dict)
    ratios: dict[str, float] = field(default_factory=dict)
    rounds: int = 0
    foreign: float = 0


def turn(burst: Callable[[], list[float]]) -> float:
    time.sleep(PAUSE_SECONDS)
    return statistics.median(burst())


def undisturbed(pairs: list[Pair]) -> list[Pair]:
    return [pair for pair in pairs if pair.foreign <= DISTURBED]


def is_enough(pairs: dict[str, list[Pair]], seconds: float) -> bool:
    """Rounds disturbed by other processes are repeated, within limits."""
    good = min(len(undisturbed(row)) for row in pairs.values())
    if good >= FEWEST_ROUNDS:
        return good >= ROUNDS or seconds > SECONDS_PER_ROW
    return seconds > PATIENCE * SECONDS_PER_ROW and all(len(row) >= FEWEST_ROUNDS for row in pairs.values())


def take_turns(
    ours: Callable[[], list[float]], peers: dict[str, Callable[[], list[float]]], pids: list[int]
) -> Timings:
    """- pids: the processes that work in the turns; any other CPU time is attributed to other processes."""
    for burst in [ours, *peers.values()]:
        turn(burst)
    # Without a peer, a row is compared with itself.
    opponents = peers or {"": ours}
    pairs: dict[str, list[Pair]] = {name: [] for name in opponents}
    start = time.monotonic()
    while not is_enough(pairs, time.monotonic() - start):
        for name, burst in opponents.items():
            foreign = Foreign(pids)
            own, other = turn(ours), turn(burst)
            pairs[name].append(Pair(own, other, foreign.share()))
    return summary(pairs)


def summary(pairs: dict[str, list[Pair]]) -> Timings:
    """The undisturbed pairs, or the least disturbed ones if there are too few of those."""
    kept = {name: sorted(row, key=lambda pair: pair.foreign)[:max(FEWEST_ROUNDS, len(undisturbed(row)))]
            for name, row in pairs.items()}
    everything = [pair for row in kept.values() for pair in row]
    median = statistics.median
    named = {name: row for name, row in kept.items() if name}
    return Timings(
        seconds=median(pair.ours for pair in everything),
        peers={name: median(pair.peer for pair in row) for name, row in named.items()},
        ratios={name: median(pair.peer / pair.ours for pair in row) for name, row in named.items()},
        rounds=min(len(row) for row in kept.values()), foreign=max(pair.foreign for pair in everything))
