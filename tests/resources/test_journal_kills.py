"""A process that uses the journal is killed, or refused, at every system call: nothing acknowledged is lost.

strace attaches to a process that is about to use the journal, and kills it when it enters its nth call of one kind, or
answers that call with an error. What the process has acknowledged before is compared with what the journal lists then.
"""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from harness.resources import Entry, Journal

pytestmark = [
    pytest.mark.slow,  # about a hundred processes, each killed at another system call
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed"),
]

# Imports once, then forks a process for each directory that it is given.
WORKERS = """
import os, sys
from pathlib import Path
from harness.errors import JournalError
from harness.resources.journal import Entry, Journal

STEPS = [("creating", "a"), ("creating", "b"), ("deleted", "b"), ("compact", ""), ("creating", "c"), ("left", "")]

def do(journal, what, name):
    if what == "compact":
        journal.compact()
    elif what == "left":
        journal.left()
    else:
        journal.append(Entry("run", "cluster", "group", name, what))

def work(directory):
    said = os.open(directory / "said", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    gate = os.open(directory / "gate", os.O_RDONLY)
    journal = Journal(directory / "state" / "journal.jsonl")
    print(os.getpid(), flush=True)
    os.read(gate, 1)
    for what, name in STEPS:
        try:
            do(journal, what, name)
            os.write(said, f"done {what} {name}\\n".encode())
        except JournalError as error:
            os.write(said, f"refused {what} {name}\\n".encode())
    os._exit(0)

for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        work(Path(line.strip()))
    os.waitpid(pid, 0)
    print("ended", flush=True)
"""
STEPS = [("creating", "a"), ("creating", "b"), ("deleted", "b"), ("compact", ""), ("creating", "c"), ("left", "")]

# Calls whose error a full, broken or unwritable disk can give. An error of close comes too late to matter: the line is
# on the disk then.
REFUSED = {
    "openat": ("EACCES", "EMFILE", "EROFS"),
    "mkdir": ("ENOSPC", "EACCES"),
    "write": ("ENOSPC", "EIO", "EDQUOT"),
    "fsync": ("EIO", "ENOSPC"),
    "lseek": ("ESPIPE",),
    "pread64": ("EIO",),
    "read": ("EIO",),
    "rename": ("ENOSPC", "EACCES"),
    "fchmod": ("EPERM",),
}


class Workers:
    """Processes that use a journal under the eyes of strace."""

    def __init__(self, process: "subprocess.Popen[str]", root: Path) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._input: IO[str] = process.stdin
        self._output: IO[str] = process.stdout
        self._root = root
        self._count = 0

    def run(self, *options: str) -> Path:
        """Let a process do all steps while strace does what its options say; the directory of the process."""
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


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    words = [sys.executable, "-c", WORKERS]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Workers(process, tmp_path_factory.mktemp("workers"))
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture(scope="module")
def calls(workers: Workers) -> Counter[str]:
    """How many calls of each kind a process makes that is left alone."""
    directory = workers.run()
    assert said(directory) == [("done", *step) for step in STEPS]
    traced = (directory / "trace").read_text().splitlines()
    names = [match[1] for line in traced if (match := re.match(r"(\w+)\(", line))]
    return Counter(names)


def said(directory: Path) -> list[tuple[str, str, str]]:
    lines = (directory / "said").read_text().split("\n")
    return [tuple(line.split(" ")) for line in lines[:-1]]


def listed(steps: list[tuple[str, str]]) -> set[str]:
    """The model: what a journal lists after some steps."""
    names: set[str] = set()
    for what, name in steps:
        if what == "creating":
            names.add(name)
        elif what == "deleted":
            names.discard(name)
    return names


def names_in(journal: Journal) -> set[str]:
    return {entry.name for entry in journal.left()}


def test_nothing_acknowledged_is_lost_wherever_the_process_is_killed(workers: Workers, calls: Counter[str]) -> None:
    killed = 0
    for name, count in calls.items():
        for number in range(1, count + 1):
            directory = workers.run("-e", f"inject={name}:signal=KILL:when={number}")
            done = [(what, resource) for _, what, resource in said(directory)]
            killed += len(done) < len(STEPS)
            assert done == STEPS[: len(done)]
            journal = Journal(directory / "state" / "journal.jsonl")
            where = f"killed when it entered call {number} of {name}, after {done}"
            # The step that was cut short has taken effect or not; both are fine, because nobody relied on it.
            assert names_in(journal) in (listed(done), listed(STEPS[: len(done) + 1])), where
            before = names_in(journal)
            journal.append(Entry("run", "cluster", "group", "after", "creating"))
            assert names_in(journal) == before | {"after"}, where
            journal.compact()
            assert names_in(journal) == before | {"after"}, where
            files = {path.name for path in journal.path.parent.iterdir()}
            assert files == {"journal.jsonl"}, where
    assert killed > 60


def test_nothing_refused_has_happened_and_nothing_acknowledged_is_lost_whatever_fails(
    workers: Workers, calls: Counter[str]
) -> None:
    refused = 0
    for name, errors in REFUSED.items():
        for number in range(1, calls[name] + 1):
            for error in errors:
                directory = workers.run("-e", f"inject={name}:error={error}:when={number}")
                results = said(directory)
                if len(results) < len(STEPS):
                    continue  # the call was the worker's own, which says what it has done
                done = [(what, resource) for result, what, resource in results if result == "done"]
                refused += len(done) < len(results)
                where = f"{error} from call {number} of {name}: {results}"
                assert names_in(Journal(directory / "state" / "journal.jsonl")) == listed(done), where
    assert refused > 20
