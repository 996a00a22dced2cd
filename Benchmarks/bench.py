"""Compares restore with its peers and writes bench.json; run by `make bench`. See docs/benchmarks.md.

    bench.py --server PROGRAM --restore PROGRAM --output bench.json [--only REGEX]
    bench.py --markdown --output bench.json         prints the table of the last run for the documentation
"""

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import programs
import sgemm
import table
from processes import Worker, WorkerError
from quiet import wait_until_quiet
from rows import CheckFailed, Row

HERE = Path(__file__).parent
# How long a row waits for other processes to leave the CPUs idle.
QUIET_SECONDS = float(os.environ.get("QUIET_SECONDS", 30))


def pin() -> list[int]:
    """Everything runs on two CPUs: BENCH_CPUS (such as "2,3"), or the first two that this process may use."""
    chosen = os.environ.get("BENCH_CPUS")
    cpus = [int(cpu) for cpu in chosen.split(",")] if chosen else sorted(os.sched_getaffinity(0))[:2]
    os.sched_setaffinity(0, cpus)
    return cpus


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return os.uname().machine


class Sgemm:
    """The best sgemm of the available libraries. The fastest is measured again before every row: a peak measured while
    other processes were running would make every row look better."""

    def __init__(self):
        self.found: dict[str, dict] = {}

    def measure(self) -> None:
        """All libraries the first time, then only the fastest."""
        fastest = max(self.found, key=lambda name: self.found[name]["gflops"]) if self.found else None
        for name in [fastest] if fastest else sgemm.CANDIDATES:
            if (entry := self.run(name)) and entry["gflops"] > self.found.get(name, {"gflops": 0})["gflops"]:
                self.found[name] = entry

    def run(self, name: str) -> dict | None:
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"}
        done = subprocess.run([sys.executable, str(HERE / "sgemm.py"), name], capture_output=True, text=True,
                              env=environment | sgemm.CANDIDATES[name])
        return json.loads(done.stdout) if done.returncode == 0 else None

    @property
    def entries(self) -> list[dict]:
        """Fastest first."""
        return sorted(self.found.values(), key=lambda entry: -entry["gflops"])

    @property
    def peak(self) -> float | None:
        return self.entries[0]["gflops"] if self.found else None


class Report:
    """The rows as they are completed, in memory, on the terminal and in the file."""

    def __init__(self, output: Path, names: list[str], content: dict, sgemm: Sgemm):
        self.output, self.content, self.sgemm = output, content, sgemm
        self.widths = table.streaming_widths(names)
        self.failures: list[str] = []
        print(table.line_of_text(table.HEADINGS, self.widths), flush=True)

    def add(self, row: dict) -> None:
        self.content["versions"] |= row.pop("versions", {})
        self.content["rows"].append(row)
        self.content["sgemm"] = self.sgemm.entries
        for earlier in self.content["rows"]:
            known = earlier["gflops"] and self.sgemm.peak
            earlier["share_of_sgemm"] = earlier["gflops"] / self.sgemm.peak if known else None
        print(table.line_of_text(table.cells(row), self.widths), flush=True)
        self.write()

    def fail(self, name: str, reason: object) -> None:
        self.failures.append(name)
        print(f"{name}: NOT MEASURED: {reason}", flush=True)

    def write(self) -> None:
        """bench.json is the list of rows; what applies to all of them is in a separate file."""
        self.output.write_text(json.dumps(self.content["rows"], indent=1) + "\n")
        rest = {key: value for key, value in self.content.items() if key != "rows"}
        run_file(self.output).write_text(json.dumps(rest, indent=1) + "\n")


def run_file(output: Path) -> Path:
    return output.with_suffix(".run.json")


def measure(options: argparse.Namespace) -> int:
    cpus = pin()
    server = [options.server, "2"]
    wanted = re.compile(options.only or "")
    with Worker(server) as worker:
        rows = [Row(summary, server) for summary in worker.ask("list") if wanted.search(summary["name"])]
        kernels = worker.ask(f"prepare {rows[0].name}")["kernels"] if rows else "–"
    commands = [row for row in programs.program_rows() if wanted.search(row.name)]
    if not rows and not commands:
        print(f"no row matches {options.only}", file=sys.stderr)
        return 2
    missing_file = Path(sys.prefix) / "missing.json"
    content = {
        "processor": processor(), "cpus": ",".join(map(str, cpus)), "kernels": kernels,
        "sgemm": [], "versions": {}, "rows": [],
        "missing": json.loads(missing_file.read_text()) if missing_file.exists() else {},
    }
    wait_until_quiet(QUIET_SECONDS)
    report = Report(options.output, [row.name for row in [*rows, *commands]], content, Sgemm())
    run_all(report, rows, commands, options.restore)
    # Printed again as a whole: the shares of the first rows may have changed with the peak.
    print("\n" + table.text(content["rows"]) + "\n\n" + "\n".join(table.footnotes(content)))
    if report.failures:
        print(f"NOT MEASURED: {', '.join(report.failures)}")
    return 1 if report.failures else 0


def run_all(report: Report, rows: list[Row], commands: list[programs.ProgramRow], program: str) -> None:
    for row in rows:
        unable: dict[str, str] = {}
        try:
            wait_until_quiet(QUIET_SECONDS)
            report.sgemm.measure()
            report.add(row.measure(unable))
        except (CheckFailed, WorkerError) as error:
            report.fail(row.name, error)
        for peer, reason in unable.items():
            print(f"  {row.name} without {peer}: {reason}", flush=True)
            if "No module named" in reason:
                report.content["missing"].setdefault(peer, reason)
    if commands:
        try:
            wait_until_quiet(QUIET_SECONDS)
            for result in programs.measure(commands, program):
                report.add(result)
        except (CheckFailed, OSError, subprocess.CalledProcessError) as error:
            report.fail("restore", error)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", help="path of restore-bench")
    parser.add_argument("--restore", help="path of restore")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--only", help="rows whose name matches this regular expression")
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    if options.markdown:
        run = json.loads(run_file(options.output).read_text())
        print(table.markdown(run | {"rows": json.loads(options.output.read_text())}))
        return 0
    try:
        return measure(options)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
