"""Creates the virtual environment of the benchmark: environment.py FOLDER

Installs each line of requirements.txt separately. Whatever cannot be installed is written to FOLDER/missing.json with
the reason; the benchmark reports it as missing and continues. Does nothing if the folder was created from the same
requirements.
"""

import hashlib
import json
import subprocess
import sys
import venv
from pathlib import Path

REQUIREMENTS = Path(__file__).parent / "requirements.txt"
# PyTorch's own index has wheels without the gigabytes of CUDA that those on PyPI require; the CPU code is the same. If
# that index cannot be reached, PyPI is used.
CPU_TORCH = ["--index-url", "https://download.pytorch.org/whl/cpu", "--retries", "0", "--timeout", "10"]


def pip(folder: Path, *arguments: str) -> str:
    """An empty string, or the last line of pip's error output."""
    command = [str(folder / "bin/python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True)
    if done.returncode == 0:
        return ""
    lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
    return lines[-1] if lines else f"pip exited with {done.returncode}"


def install(folder: Path, requirement: str) -> str:
    print(f"installing {requirement}", file=sys.stderr)
    if requirement.startswith("torch") and not pip(folder, *CPU_TORCH, requirement):
        return ""
    return pip(folder, requirement)


def main() -> None:
    folder = Path(sys.argv[1])
    text = REQUIREMENTS.read_text()
    stamp = folder / "requirements.sha256"
    digest = hashlib.sha256(text.encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return
    if not (folder / "bin/python").exists():
        venv.create(folder, with_pip=True)
    missing = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name = line.split(">")[0]
            if reason := install(folder, line):
                missing[name] = reason
                print(f"{name} is missing: {reason}", file=sys.stderr)
    (folder / "missing.json").write_text(json.dumps(missing, indent=1))
    # A peer that is missing now is tried again in the next run.
    if not missing:
        stamp.write_text(digest)


if __name__ == "__main__":
    main()
