"""A lock belongs to one process at a time, and never to a process that has ended."""

import fcntl
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.file_lock import FileLockedError, holder_of, is_locked, lock_file

HOLD = """
import sys
from pathlib import Path
from harness.file_lock import lock_file
with lock_file(Path(sys.argv[1])):
    print(flush=True)
    input()
"""


@contextmanager
def holding(path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a process that holds the lock of a file."""
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


def test_it_is_held_inside_the_block_alone(path: Path) -> None:
    with lock_file(path):
        assert is_locked(path)
    assert not is_locked(path)


def test_a_new_file_is_for_its_owner_alone_unless_another_mode_is_given(path: Path, tmp_path: Path) -> None:
    with lock_file(path), lock_file(tmp_path / "other", mode=0o644):
        assert path.stat().st_mode & 0o777 == 0o600
        assert (tmp_path / "other").stat().st_mode & 0o777 == 0o644


def test_a_file_is_made_unless_it_must_be_there(path: Path) -> None:
    with pytest.raises(FileNotFoundError), lock_file(path, create=False):
        pass
    assert not path.exists()


def test_its_content_can_be_read_and_written(path: Path) -> None:
    with lock_file(path) as descriptor:
        os.write(descriptor, b"content")
        assert os.pread(descriptor, 10, 0) == b"content"
    assert path.read_bytes() == b"content"


@pytest.mark.parametrize("wait", [0.0, 0.01])
def test_the_holder_is_named(path: Path, wait: float) -> None:
    with holding(path) as process:
        assert is_locked(path)
        named = pytest.raises(FileLockedError, match=f"locked by process {process.pid}")
        with named as caught, lock_file(path, wait=wait):
            pass
        assert (caught.value.path, caught.value.holder) == (path, process.pid)


def test_no_holder_is_named_without_a_lock(path: Path) -> None:
    with path.open("wb") as stream:
        assert holder_of(stream.fileno()) is None


def test_it_is_free_when_its_holder_was_killed(path: Path) -> None:
    with holding(path) as process:
        process.kill()
        process.wait()
        with lock_file(path):
            assert is_locked(path)


@pytest.mark.parametrize("wait", [None, 600.0])
def test_a_waiting_process_gets_the_lock(path: Path, wait: float | None) -> None:
    with holding(path) as process:
        assert process.stdin is not None
        process.stdin.close()  # its holder ends soon
        with lock_file(path, wait=wait):
            assert is_locked(path)
    assert not is_locked(path)


def test_a_file_that_was_replaced_during_the_wait_is_not_locked(path: Path) -> None:
    """The holder may replace the file, and release the lock of the old file."""
    with holding(path) as process:
        (path.parent / "new").touch()
        (path.parent / "new").replace(path)
        with lock_file(path, wait=600):  # the new one is free
            assert is_locked(path)
        assert process.poll() is None


@pytest.mark.parametrize("operation", [fcntl.LOCK_SH, fcntl.LOCK_EX], ids=["is_locked", "thread after its timeout"])
def test_a_momentary_holder_does_not_prevent_a_lock(path: Path, operation: int) -> None:
    """``is_locked`` takes the lock for a moment, and so does a thread whose wait has timed out."""
    path.touch()
    taken = threading.Event()

    def take() -> None:
        with lock_file(path):
            taken.set()

    with path.open() as momentary:
        fcntl.flock(momentary, operation)
        taking = threading.Thread(target=take)
        taking.start()
        until(lambda: "->" in lines_of_locks(path))
        assert not taken.is_set()
    taking.join()
    assert taken.is_set()


def lines_of_locks(path: Path) -> str:
    """Return the kernel's list of the locks of a file; ``->`` marks a waiting process."""
    lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    return "\n".join(line for line in lines if f":{path.stat().st_ino} " in line)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "it does not hold after a minute"
        time.sleep(0.01)


def test_a_pipe_does_not_block(path: Path) -> None:
    os.mkfifo(path)
    assert not is_locked(path)
