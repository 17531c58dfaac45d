"""Processes that do the same work under strace, which kills them or makes a system call fail."""

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

# Imports once, then forks a process for each directory on standard input.
_LOOP = """
import os, sys
from pathlib import Path

for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        work(Path(line.strip()))
    os.waitpid(pid, 0)
    print("ended", flush=True)
"""


class Workers:
    """Processes that work under strace."""

    def __init__(self, process: "subprocess.Popen[str]", root: Path) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._input: IO[str] = process.stdin
        self._output: IO[str] = process.stdout
        self._root = root
        self._count = 0

    def run(self, *options: str) -> Path:
        """Run a process under strace with some options; returns the directory of the process."""
        self._count += 1
        directory = self._root / str(self._count)
        directory.mkdir()
        os.mkfifo(directory / "gate")
        gate = os.open(directory / "gate", os.O_RDWR)
        print(directory, file=self._input, flush=True)
        pid = self._output.readline().strip()
        words = ["strace", "-p", pid, "-o", str(directory / "trace"), *options]
        with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as strace:
            assert strace.stderr is not None
            line = strace.stderr.readline()
            os.write(gate, b"!")
            assert self._output.readline() == "ended\n"
        os.close(gate)
        if "attached" not in line:
            pytest.skip(f"strace cannot watch another process here: {line.strip()}")
        return directory


@contextmanager
def started_workers(script: str, root: Path) -> Iterator[Workers]:
    """Start workers with directories below ``root``.

    Args:
        script: defines ``work``, which receives its directory, prints its process id, reads a byte from the pipe
            ``gate`` in the directory, works, and ends its process.
    """
    words = [sys.executable, "-c", script + _LOOP]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Workers(process, root)
        assert process.stdin is not None
        process.stdin.close()


def calls_in(directory: Path) -> Counter[str]:
    """Count the system calls of each kind of the process of a directory."""
    traced = (directory / "trace").read_text().splitlines()
    return Counter(match[1] for line in traced if (match := re.match(r"(\w+)\(", line)))
