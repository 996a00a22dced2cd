"""A peer in a separate process: peer.py NAME FOLDER

Loads the case in FOLDER, runs it once and writes its results to FOLDER/NAME.safetensors, then reports that it is ready.
After that it answers "time SECONDS" with the seconds of each run within that time (at least one), and sleeps between
commands. Each answer is one JSON line on stdout.
"""

import importlib
import json
import sys
import time
from pathlib import Path

from case import Case, tensorfile


def timed(run, limit: float) -> list[float]:
    times, total = [], 0.0
    while not times or total < limit:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
        total += times[-1]
    return times


def reply(**fields) -> None:
    print(json.dumps(fields), flush=True)


def main() -> None:
    name, folder = sys.argv[1], Path(sys.argv[2])
    try:
        peer = importlib.import_module(f"{name}_peer").make(Case(folder))
        tensorfile.write(folder / f"{name}.safetensors", peer.results())
    except Exception as error:
        reply(error=f"{type(error).__name__}: {error}")
        raise
    reply(ready=peer.version, setting=peer.setting, imported=getattr(peer, "imported_bytes", 0))
    for line in sys.stdin:
        reply(seconds=timed(peer.run, float(line.split()[1])))


if __name__ == "__main__":
    main()
