"""A process that makes a temporary data directory is killed at each system call; its remains are found and deleted."""

import shutil
from collections import Counter
from collections.abc import Iterator

import pytest

from harness.emulator.orphans import find_orphans, remove_orphan
from tests.traced_workers import Workers, calls_in, started_workers

pytestmark = [
    pytest.mark.slow,  # about a hundred processes, each killed at another system call
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed"),
]

WORKERS = """
import os, tempfile
from harness.emulator.temporary_directory import temporary_directory

def work(directory):
    tempfile.tempdir = str(directory / "tmp")
    os.mkdir(tempfile.tempdir)
    gate = os.open(directory / "gate", os.O_RDONLY)
    print(os.getpid(), flush=True)
    os.read(gate, 1)
    with temporary_directory():
        pass
    os._exit(0)
"""


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    with started_workers(WORKERS, tmp_path_factory.mktemp("workers")) as started:
        yield started


@pytest.fixture(scope="module")
def calls(workers: Workers) -> Counter[str]:
    """How many system calls of each kind an undisturbed process makes."""
    directory = workers.run()
    assert list((directory / "tmp").iterdir()) == []
    return calls_in(directory)


def test_what_is_left_is_found_and_deleted_wherever_the_process_is_killed(
    workers: Workers, calls: Counter[str]
) -> None:
    remaining = 0
    for name, count in calls.items():
        for number in range(1, count + 1):
            temporary = workers.run("-e", f"inject={name}:signal=KILL:when={number}") / "tmp"
            directories = list(temporary.iterdir())
            message = f"killed at call {number} of {name}: {[list(directory.iterdir()) for directory in directories]}"
            orphans = [orphan for orphan in find_orphans(directories) if orphan.directory in directories]
            assert [orphan.directory for orphan in orphans] == directories, message
            assert all(map(remove_orphan, orphans)), message
            assert list(temporary.iterdir()) == [], message
            remaining += len(directories)
    assert remaining > 10
