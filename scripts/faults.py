#!/usr/bin/env python3
"""Injects system faults, one at a time, at every system call of `restore denoise`: nothing may be lost.

    scripts/faults.py PROGRAM IMAGE [--quick]

In each run one call fails (strace -e inject), or a resource is scarce (disk, file size, descriptors, memory).
Afterwards the exit code must be 0 with complete output, or that of a failure with one line on stderr; the output must
be absent or, if it is being replaced, the complete old or new one; no temporary file may be left; and the input must be
unchanged. Needs strace, and the permission to mount (root) for the full disk. Prints a table and fails if a guarantee
is broken.
"""
import collections
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile

# The errors that each call may return. EINTR must be handled; EAGAIN is returned when a thread cannot be created. brk
# is not included: the kernel returns an address, never an error.
FAULTS = {
    "openat": ["EACCES", "EIO", "EMFILE", "ENOSPC", "EINTR"],
    "read": ["EIO", "EINTR"],
    "pread64": ["EIO", "EINTR"],
    "write": ["ENOSPC", "EIO", "EDQUOT", "EINTR"],
    "fsync": ["EIO", "ENOSPC", "EINTR"],
    "close": ["EIO", "EINTR"],
    "rename": ["EIO", "ENOSPC", "EACCES"],
    "renameat2": ["EIO", "ENOSPC", "EINVAL", "ENOSYS"],
    "link": ["EIO", "EPERM"],
    "unlink": ["EIO"],
    "fstat": ["EIO"],
    "newfstatat": ["EIO", "EACCES"],
    "lseek": ["EIO"],
    "fchmod": ["EPERM", "EIO"],
    "getdents64": ["EIO"],
    "readlink": ["EIO"],
    "mmap": ["ENOMEM"],
    "mprotect": ["ENOMEM"],
    "clone3": ["EAGAIN"],
    "sched_getaffinity": ["EINVAL"],
    "getrandom": ["EAGAIN"],
}
FAILURES = {65, 66, 73}
HANGS = "hangs"


class Bench:
    """A folder with the image, and the result of processing it without a fault."""

    def __init__(self, program, picture):
        self.program = os.path.abspath(program)
        self.folder = tempfile.mkdtemp(prefix="restore-faults-")
        self.input = os.path.join(self.folder, "in.png")
        shutil.copy(picture, self.input)
        self.original = open(self.input, "rb").read()
        code, _ = self.run([])
        assert code == 0, "the program fails even without a fault"
        self.expected = open(os.path.join(self.folder, "out.png"), "rb").read()
        self.reset(False)

    def reset(self, replaces):
        for name in os.listdir(self.folder):
            if name != "in.png":
                os.unlink(os.path.join(self.folder, name))
        if replaces:
            with open(os.path.join(self.folder, "out.png"), "wb") as file:
                file.write(b"old")

    def run(self, prefix, replaces=False, threads="1", before=None):
        command = prefix + [self.program, "denoise", "in.png", "out.png", "--sigma", "25", "-j", threads]
        if replaces:
            command.append("--overwrite")
        try:
            process = subprocess.run(command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                     timeout=30, preexec_fn=before)
        except subprocess.TimeoutExpired:
            return HANGS, ""
        return process.returncode, process.stderr.decode("utf-8", "replace")

    def verdict(self, code, errors, replaces, ignored=()):
        """The guarantee that is broken, or the kind of outcome."""
        if code == HANGS:
            return "BROKEN: still running after 30 seconds"
        names = set(os.listdir(self.folder))
        path = os.path.join(self.folder, "out.png")
        output = open(path, "rb").read() if "out.png" in names else None
        if open(self.input, "rb").read() != self.original:
            return "BROKEN: the input has changed"
        if output not in ([b"old", self.expected] if replaces else [None, self.expected]):
            return "BROKEN: partial output"
        leftovers = [name for name in names - {"in.png", "out.png"} if name not in ignored]
        if code == 0:
            if output != self.expected:
                return "BROKEN: success without output"
            return "BROKEN: leftover %s" % leftovers if leftovers else "succeeded anyway"
        if leftovers:
            return "BROKEN: exit code %d leaves %s" % (code, leftovers)
        if code == 127 or "error while loading shared libraries" in errors or "cannot allocate TLS" in errors:
            return "the loader failed"
        if code < 0 or code >= 128:
            return "ended by signal %s" % (-code if code < 0 else code - 128)
        lines = errors.splitlines()
        if code not in FAILURES or len(lines) != 1 or not lines[0].startswith("restore: "):
            return "BROKEN: exit code %d, %r" % (code, errors[:200])
        return "one-line error"


def counts(bench):
    """How often the program's main thread makes each call."""
    log = os.path.join(bench.folder, "log")
    bench.run(["strace", "-o", log])
    found = collections.Counter(
        match.group(1) for match in (re.match(r"(\w+)\(", line) for line in open(log, errors="replace")) if match)
    bench.reset(False)
    return found


def at_every_call(bench, quick, table, problems):
    for call, number in sorted(counts(bench).items()):
        for error in FAULTS.get(call, []):
            for when in range(1, number + 1, 7 if quick and number > 7 else 1):
                for replaces in (False, True):
                    bench.reset(replaces)
                    trace = ["strace", "-o", "/dev/null", "-e", "trace=" + call,
                             "-e", "inject=%s:error=%s:when=%d" % (call, error, when)]
                    code, errors = bench.run(trace, replaces)
                    # The temporary file cannot be removed if removing is what fails.
                    leftovers = [n for n in os.listdir(bench.folder) if n.endswith(".partial")] if call == "unlink" else ()
                    outcome = bench.verdict(code, errors, replaces, leftovers)
                    table[call, outcome.split(":")[0]] += 1
                    if outcome.startswith("BROKEN") or outcome.startswith("ended"):
                        problems.append("%s %s, call %d%s: %s" % (call, error, when, " (replacing)" * replaces, outcome))


def limited(bench, kind, values, table, problems):
    for value in values:
        for replaces in (False, True):
            bench.reset(replaces)
            code, errors = bench.run([], replaces, before=lambda: resource.setrlimit(kind[1], (value, value)))
            outcome = bench.verdict(code, errors, replaces)
            table[kind[0], outcome.split(":")[0]] += 1
            if outcome.startswith("BROKEN") or outcome.startswith("ended"):
                problems.append("%s %d: %s" % (kind[0], value, outcome))


def full_disk(bench, table, problems):
    """Disks of a few kilobytes that contain the image."""
    own = bench.folder
    for kilobytes in range(len(bench.original) // 1024 + 8, (len(bench.original) + len(bench.expected)) // 1024 + 40, 8):
        disk = tempfile.mkdtemp(prefix="restore-disk-")
        mount = ["mount", "-t", "tmpfs", "-o", "size=%dk" % kilobytes, "tmpfs", disk]
        if subprocess.run(mount, stderr=subprocess.DEVNULL).returncode:
            os.rmdir(disk)
            print("a full disk: skipped, mounting is not permitted here")
            return
        try:
            shutil.copy(bench.input, disk)
            bench.folder, bench.input = disk, os.path.join(disk, "in.png")
            for replaces in (False, True):
                bench.reset(replaces)
                code, errors = bench.run([], replaces)
                outcome = bench.verdict(code, errors, replaces)
                table["a full disk", outcome.split(":")[0]] += 1
                if outcome.startswith("BROKEN") or outcome.startswith("ended"):
                    problems.append("a disk of %d KiB: %s" % (kilobytes, outcome))
        finally:
            bench.folder, bench.input = own, os.path.join(own, "in.png")
            subprocess.run(["umount", disk])
            os.rmdir(disk)


def kills(bench, number, table, problems):
    """SIGKILL at moments spread over a run: a temporary file may remain, which the next run removes."""
    for index in range(number):
        replaces = index % 2 == 1
        bench.reset(replaces)
        command = [bench.program, "denoise", "in.png", "out.png", "--sigma", "25", "-j", "1"] + ["--overwrite"] * replaces
        process = subprocess.Popen(command, cwd=bench.folder, stderr=subprocess.DEVNULL)
        try:
            process.wait(0.002 + 0.25 * index / number)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        code = process.wait()
        partial = [name for name in os.listdir(bench.folder) if name.endswith(".partial")]
        outcome = bench.verdict(code, "", replaces, partial)
        table["SIGKILL", "killed" if code < 0 and "BROKEN" not in outcome else outcome.split(":")[0]] += 1
        if outcome.startswith("BROKEN"):
            problems.append("SIGKILL %d: %s" % (index, outcome))


def main():
    quick = "--quick" in sys.argv
    program, picture = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    os.environ["SWIFT_BACKTRACE"] = "enable=no"
    bench = Bench(program, picture)
    table, problems = collections.Counter(), []
    try:
        at_every_call(bench, quick, table, problems)
        sizes = range(0, len(bench.expected) + 4096, 4096 if quick else 512)
        limited(bench, ("file size", resource.RLIMIT_FSIZE), sizes, table, problems)
        limited(bench, ("descriptors", resource.RLIMIT_NOFILE), range(3, 16), table, problems)
        memory = [megabytes << 20 for megabytes in range(8, 400, 32 if quick else 8)]
        limited(bench, ("memory", resource.RLIMIT_AS), memory, table, problems)
        full_disk(bench, table, problems)
        kills(bench, 20 if quick else 200, table, problems)
    finally:
        shutil.rmtree(bench.folder)
    for (call, outcome), number in sorted(table.items()):
        print("%-18s %-32s %5d" % (call, outcome, number))
    print("%d faults, %d guarantees broken" % (sum(table.values()), sum("BROKEN" in line for line in problems)))
    for line in problems:
        print("  " + line)
    return 1 if any("BROKEN" in line for line in problems) else 0


if __name__ == "__main__":
    sys.exit(main())
