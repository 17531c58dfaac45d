"""A fault at any system call of an operation on storage leaves the operation completely done or not done at all.

The services run in a small process over a real store and directory. strace kills it at one system call of an operation,
or makes that call fail: disk full (ENOSPC), disk broken (EIO) or no more threads (EAGAIN). Then the test compares the
observation of the services with those before and after the operation: an acknowledged operation has happened, a refused
one has not.

By default the test strikes a sample of the calls, always the same one: it depends only on the names of the operation
and of the call. It always strikes the calls at which a fault was found before. The full dose strikes every call.

HARNESS_TEST_DOSE=full pytest tests/emulator/storage_service/test_system_calls.py
"""

import multiprocessing
import os
import random
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.storage_service import faulted_process
from tests.emulator.storage_service.every_operation import OPERATIONS
from tests.emulator.storage_service.lone_storage import ACCOUNT, StorageResponse
from tests.emulator.storage_service.observation import Observation

IS_FULL = os.environ.get("HARNESS_TEST_DOSE") == "full"
SAMPLE = {"signal=KILL": 3, "error=ENOSPC": 2, "error=EIO": 1, "error=EAGAIN": 1}  # system calls of each operation
LINES = 12  # the number of differences to show
FAILING = {  # the calls that reach the disk; locks (fcntl) do not
    *("openat", "close", "fstat", "newfstatat", "statx", "lseek", "getdents64", "statfs", "fstatfs"),
    *("pread64", "pwrite64", "pwritev", "pwritev2", "ftruncate", "truncate", "fallocate", "copy_file_range"),
    *("mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "rename", "renameat", "renameat2", "utimensat"),
    *("fsync", "fdatasync", "link", "linkat", "symlink", "symlinkat", "readlink", "readlinkat", "ioctl"),
}
THREADS = {"clone", "clone3"}  # the calls that start a thread, which fail if the system has no more threads
_CALL = re.compile(r"^(\d+) +(\w+)\(")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace"),
]


@dataclass(frozen=True)
class Strike:
    """A system call of an operation, and the fault that strikes it."""

    name: str
    number: int
    effect: str

    def __str__(self) -> str:
        return f"{self.effect} at {self.name} {self.number}"


FOUND_FAULTS = {  # strikes after which a refused operation had happened
    "commit blocks": [Strike("newfstatat", 4, "error=ENOSPC")],
}


@dataclass(frozen=True)
class Shown:
    """The observations of the services in the same process, and after a restart."""

    living: Observation
    restarted: Observation


class Run:
    """A process that has prepared its storage, and waits for the command to perform its operation."""

    def __init__(self, root: Path, link: Connection, process: BaseProcess) -> None:
        self.root, self._link, self._process = root, link, process
        self._tracer: subprocess.Popen[str] | None = None
        self.pid, self.start = self._received()

    def perform(self, *options: str) -> StorageResponse | None:
        """Perform the operation under strace; returns its response, or None if the process is killed before."""
        tracer = subprocess.Popen(["strace", "-f", "-p", str(self.pid), *options], stderr=subprocess.PIPE, text=True)
        assert tracer.stderr is not None
        line = tracer.stderr.readline()
        if "attached" not in line:
            tracer.wait()
            pytest.skip(f"needs the right to trace processes: {line.strip()}")
        self._tracer = tracer
        try:
            self._link.send("perform")
            response: StorageResponse | None = self._received()
        except (EOFError, ConnectionError):
            response = None
        return response

    def observe(self) -> Observation:
        """The observation of the process after its operation, without faults."""
        if self._tracer is not None:
            self._tracer.terminate()
            self._tracer.communicate()
            self._tracer = None
        self._link.send("observe")
        observed: Observation = self._received()
        return observed

    def kill(self) -> None:
        """End the process, if it still runs, and its tracer."""
        self._process.kill()
        if self._tracer is not None:
            with suppress(subprocess.TimeoutExpired):
                self._tracer.wait(1)
            self._tracer.kill()
            self._tracer.communicate()
            self._tracer = None
        self._process.join()

    def _received(self) -> Any:
        return received(self._link, self._process)


class Bench:
    """Starts processes, and has the observation before an operation."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._number = folder, 0
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([faulted_process.__name__])
        with self.run("") as run:
            self.before = self._shown(run)

    @contextmanager
    def run(self, operation: str) -> Iterator[Run]:
        self._number += 1
        root = self._folder / str(self._number)
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=faulted_process.perform, args=(root, operation, theirs))
        process.start()
        theirs.close()
        run = Run(root, ours, process)
        try:
            yield run
        finally:
            run.kill()
            ours.close()
            shutil.rmtree(root, ignore_errors=True)

    def restarted(self, run: Run) -> Observation:
        """The observation after the services start again on the directory of a run."""
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=faulted_process.restarted, args=(run.root, run.start, theirs))
        process.start()
        theirs.close()
        try:
            observed: Observation = received(ours, process)
            return observed
        finally:
            process.kill()
            process.join()
            ours.close()

    def _shown(self, run: Run) -> "Shown":
        living = run.observe()
        run.kill()
        return Shown(living, self.restarted(run))

    def undisturbed(self, operation: str) -> tuple["Shown", Counter[str]]:
        """The observations after an operation without faults, and its system calls: names and counts."""
        log = self._folder / "log"
        with self.run(operation) as run:
            response = run.perform("-o", str(log))
            assert response is not None
            assert response.status < 300, response
            shown = self._shown(run)
            lines = log.read_text(errors="replace").splitlines()
            counted = Counter(match.groups() for line in lines if (match := _CALL.match(line)))
            most: Counter[str] = Counter()
            for (_, name), count in counted.items():
                most[name] = max(most[name], count)
            return shown, most


def received(link: Connection, process: BaseProcess) -> Any:
    """The next message of a process, without a timeout.

    Raises:
        EOFError: the process has ended without one.
    """
    wait([link, process.sentinel])
    if not link.poll():  # the process may have sent a message just before its end
        raise EOFError("the process has ended without a response")
    return link.recv()


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("system-calls"))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_has_happened_as_a_whole_or_not_at_all(bench: Bench, operation: str) -> None:
    after, calls = bench.undisturbed(operation)
    assert after != bench.before
    faults = [problem for strike in strikes(operation, calls) for problem in struck(bench, operation, strike, after)]

    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("late", [True, False], ids=["a job wrote later", "no job wrote"])
def test_what_a_job_wrote_after_a_kill_is_not_undone(bench: Bench, late: bool) -> None:
    with bench.run("put range over data") as run:
        assert run.perform(*inject(Strike("utimensat", 1, "signal=KILL"))) is None
        run.kill()
        path = run.root / "storage" / ACCOUNT / "file" / "data" / "f"
        torn = path.read_bytes()
        if late:
            path.write_bytes(torn)
            os.utime(path, (path.stat().st_atime, path.stat().st_mtime + 120))
        bench.restarted(run)

        assert b"n" * 3000 in torn
        assert (path.read_bytes() == torn) == late


def strikes(operation: str, calls: Counter[str]) -> list[Strike]:
    """Each system call of an operation with each effect, or a sample of them with those that found a fault before."""
    chosen = list(FOUND_FAULTS.get(operation, ()))
    for effect, size in SAMPLE.items():
        every = [
            Strike(name, number + 1, effect)
            for name, count in sorted(calls.items())
            if effect == "signal=KILL" or name in (THREADS if effect == "error=EAGAIN" else FAILING)
            for number in range(count)
        ]
        # The rank of a strike depends on nothing else, so that one more call changes little of the sample.
        every.sort(key=lambda strike: random.Random(f"{operation}: {strike}").random())
        chosen += [strike for strike in every[: None if IS_FULL else size] if strike not in chosen]
    return chosen


def struck(bench: Bench, operation: str, strike: Strike, after: Shown) -> Iterator[str]:
    """The differences after an operation with a fault at one of its system calls."""
    before = bench.before
    with bench.run(operation) as run:
        response = run.perform(*inject(strike))
        if response is None:
            expected = [before, after]
        elif response.status < 300:
            expected = [after]
        else:
            expected = [before]
        status = response.status if response else "no response"
        if response is not None and strike.effect != "signal=KILL":  # a kill may also strike after the response
            observed, living = run.observe(), [shown.living for shown in expected]
            if observed not in living:
                yield f"{strike} ({status}): {difference(observed, nearest(observed, living))}"
        run.kill()
        observed, restarted = bench.restarted(run), [shown.restarted for shown in expected]
        if observed not in restarted:
            yield f"{strike} ({status}), restarted: {difference(observed, nearest(observed, restarted))}"


def inject(strike: Strike) -> tuple[str, ...]:
    """Options of strace."""
    effect = f"inject={strike.name}:{strike.effect}:when={strike.number}"
    return ("-o", "/dev/null", "-e", f"trace={strike.name}", "-e", effect)


def nearest(observed: Observation, expected: Sequence[Observation]) -> Observation:
    """The expected observation that has most in common with the actual one."""
    return max(expected, key=lambda candidate: len(observed.items() & candidate.items()))


def difference(observed: Observation, expected: Observation) -> str:
    """The first lines that differ, with their addresses."""
    lines = []
    for key in sorted(observed | expected):
        actual_lines, expected_lines = observed.get(key, "").splitlines(), expected.get(key, "").splitlines()
        lines += [f"{key}: {line}" for line in actual_lines if line not in expected_lines]
        lines += [f"{key}: not {line}" for line in expected_lines if line not in actual_lines]
    shown = lines[:LINES] + [f"and {len(lines) - LINES} more lines"] * (len(lines) > LINES)
    return "".join(f"\n    {line[:300]}" for line in shown)
