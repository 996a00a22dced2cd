#!/usr/bin/env python3
"""Lists the innermost loops of the kernels for ARM, and how fast they could run.

usage: kernel-loops.py [--cpu NAME]... [FUNCTION]...

Compiles the kernels for AArch64 and prints, for every innermost loop with multiply-adds of these functions (default:
multiply_neon), the instructions, the loads and stores, those of the stack among them (spilled registers), and what
llvm-mca predicts for these cores if all data are in L1: cycles, and multiply-adds per cycle. Needs clang and llvm-mca
(LLVM 19 or later for current cores; LLVM_MCA names the program).
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
ITERATIONS = 200


def assembly():
    """The kernels' assembly, without comments, directives and blank lines."""
    folder = ROOT / "Sources/CKernels"
    command = ["clang", "--target=aarch64-linux-gnu", "-O2", "-S", "-I", folder / "include", folder / "kernels.c", "-o", "-"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    lines = (line.split("//")[0].rstrip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("\t.")]


def body(lines, function):
    start = lines.index(f"{function}:")
    end = next(i for i in range(start, len(lines)) if lines[i].startswith(".Lfunc_end"))
    return lines[start:end]


def innermost_loops(lines):
    """The lines from a label to a branch back to it, without other labels between."""
    label = 0
    for index, line in enumerate(lines):
        if not line.startswith("\t"):
            label = index
        elif re.match(r"\t(b|cb|tb)\S*\s", line) and line.endswith(lines[label].rstrip(":")):
            yield lines[label : index + 1]


def cycles(loop, cpu):
    command = [os.environ.get("LLVM_MCA", "llvm-mca"), "-mtriple=aarch64-linux-gnu", f"-mcpu={cpu}"]
    command.append(f"-iterations={ITERATIONS}")
    report = subprocess.run(command, check=True, input="\n".join(loop), capture_output=True, text=True).stdout
    return int(re.search(r"Total Cycles:\s+(\d+)", report).group(1)) / ITERATIONS


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cpu", action="append", metavar="NAME")
    parser.add_argument("functions", nargs="*", metavar="FUNCTION", default=["multiply_neon"])
    options = parser.parse_args()
    cpus = options.cpu or ["neoverse-n1", "neoverse-v1", "cortex-a55"]
    lines = assembly()
    print("function", "multiply-adds", "instructions", "loads and stores", "of the stack", *cpus, sep="\t")
    for function in options.functions:
        for loop in innermost_loops(body(lines, function)):
            count = sum(bool(re.match(r"\tfml[as]\s", line)) for line in loop)
            if count == 0:
                continue
            memory = [line for line in loop if re.match(r"\t(ld|st)", line)]
            stack = sum("[sp" in line or "[x29" in line for line in memory)
            times = [cycles(loop, cpu) for cpu in cpus]
            print(function, count, len(loop) - 1, len(memory), stack, sep="\t", end="\t")
            print(*(f"{time:.1f} ({count / time:.2f})" for time in times), sep="\t")


if __name__ == "__main__":
    sys.exit(main())
