"""A process that uses the journal is killed, or refused, at every system call: nothing acknowledged is lost.

strace attaches to a process that is about to use the journal, and kills it when it enters its nth call of one kind, or
makes that call fail. The entries that the process has acknowledged are then compared with those in the journal.
"""

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.resources import Entry, Journal
from tests.traced_workers import Workers, calls_in, started_workers

pytestmark = [
    pytest.mark.slow,  # about a hundred processes, each killed at another system call
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed"),
]

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
        journal.open_entries()
    else:
        journal.append(Entry("run", "cluster", "group", name, what))

def work(directory):
    results = os.open(directory / "results", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    gate = os.open(directory / "gate", os.O_RDONLY)
    journal = Journal(directory / "state" / "journal.jsonl")
    print(os.getpid(), flush=True)
    os.read(gate, 1)
    for what, name in STEPS:
        try:
            do(journal, what, name)
            os.write(results, f"done {what} {name}\\n".encode())
        except JournalError as error:
            os.write(results, f"refused {what} {name}\\n".encode())
    os._exit(0)
"""
STEPS = [("creating", "a"), ("creating", "b"), ("deleted", "b"), ("compact", ""), ("creating", "c"), ("left", "")]

# Calls that fail on a full, broken or unwritable disk. An error of close does not matter, because the line is on the
# disk before.
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


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    with started_workers(WORKERS, tmp_path_factory.mktemp("workers")) as started:
        yield started


@pytest.fixture(scope="module")
def calls(workers: Workers) -> Counter[str]:
    """The number of calls of each kind that an undisturbed process makes."""
    directory = workers.run()
    assert read_results(directory) == [("done", *step) for step in STEPS]
    return calls_in(directory)


def read_results(directory: Path) -> list[tuple[str, str, str]]:
    lines = (directory / "results").read_text().split("\n")
    return [tuple(line.split(" ")) for line in lines[:-1]]


def listed(steps: list[tuple[str, str]]) -> set[str]:
    """The model: the names that a journal lists after some steps."""
    names: set[str] = set()
    for action, name in steps:
        if action == "creating":
            names.add(name)
        elif action == "deleted":
            names.discard(name)
    return names


def names_in(journal: Journal) -> set[str]:
    return {entry.name for entry in journal.open_entries()}


def test_nothing_acknowledged_is_lost_wherever_the_process_is_killed(workers: Workers, calls: Counter[str]) -> None:
    killed = 0
    for name, count in calls.items():
        for number in range(1, count + 1):
            directory = workers.run("-e", f"inject={name}:signal=KILL:when={number}")
            completed = [(what, resource) for _, what, resource in read_results(directory)]
            killed += len(completed) < len(STEPS)
            assert completed == STEPS[: len(completed)]
            journal = Journal(directory / "state" / "journal.jsonl")
            situation = f"killed when it entered call {number} of {name}, after {completed}"
            # The interrupted step has taken effect or not; both are correct, because it was not acknowledged.
            assert names_in(journal) in (listed(completed), listed(STEPS[: len(completed) + 1])), situation
            before = names_in(journal)
            journal.append(Entry("run", "cluster", "group", "after", "creating"))
            assert names_in(journal) == before | {"after"}, situation
            journal.compact()
            assert names_in(journal) == before | {"after"}, situation
            files = {path.name for path in journal.path.parent.iterdir()}
            assert files == {"journal.jsonl"}, situation
    assert killed > 60


def test_nothing_refused_has_happened_and_nothing_acknowledged_is_lost_whatever_fails(
    workers: Workers, calls: Counter[str]
) -> None:
    refused = 0
    for name, errors in REFUSED.items():
        for number in range(1, calls[name] + 1):
            for error in errors:
                directory = workers.run("-e", f"inject={name}:error={error}:when={number}")
                results = read_results(directory)
                if len(results) < len(STEPS):
                    continue  # the call was the worker's write of its results
                completed = [(what, resource) for result, what, resource in results if result == "done"]
                refused += len(completed) < len(results)
                situation = f"{error} from call {number} of {name}: {results}"
                assert names_in(Journal(directory / "state" / "journal.jsonl")) == listed(completed), situation
    assert refused > 20
