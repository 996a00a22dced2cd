"""Processes that wait for a line and answer with a line of JSON: ours and the peers."""

import json
import subprocess
import tempfile


class WorkerError(Exception):
    pass


class Worker:
    """A process that sleeps in a read until it receives a command. It is terminated when the `with` block is left for
    any reason."""

    def __init__(self, command: list[str], environment: dict[str, str] | None = None):
        self.complaints = tempfile.TemporaryFile("w+")
        # In a separate session: Ctrl-C only reaches the driver, which then ends its workers.
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.complaints, text=True,
            env=environment, start_new_session=True)

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_) -> None:
        self.process.kill()
        self.process.communicate()
        self.complaints.close()

    def answer(self) -> dict | list:
        while line := self.process.stdout.readline():
            # Libraries may print anything; answers are JSON.
            if line.startswith(("{", "[")):
                answer = json.loads(line)
                if isinstance(answer, dict) and "error" in answer:
                    raise WorkerError(answer["error"])
                return answer
        self.complaints.seek(0)
        lines = self.complaints.read().strip().splitlines()
        raise WorkerError(lines[-1] if lines else f"the process exited with {self.process.wait()}")

    def ask(self, command: str) -> dict | list:
        try:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # `answer` reads why it ended
        return self.answer()

    def peak_memory(self) -> int:
        """Peak resident bytes."""
        with open(f"/proc/{self.process.pid}/status") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        return 0
