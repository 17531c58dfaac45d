"""Struck at any system call, an operation on storage has happened as a whole or not at all.

The services run in a small process over a real store and directory. strace kills it at one system call of an operation,
or lets that call fail for want of room (ENOSPC), of a working disk (EIO) or of a thread (EAGAIN). Then what is to be
seen is compared with what was to be seen before the operation and after it: all that was acknowledged is there, and
nothing that was refused.

By default a sample of the calls is struck, always the same one: it depends on the name of the operation and of the call
alone. The calls at which a fault was found once are always struck. The full dose strikes every call.

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
from tests.emulator.storage_service.lone_storage import ACCOUNT, Answer
from tests.emulator.storage_service.observation import Seen

IS_FULL = os.environ.get("HARNESS_TEST_DOSE") == "full"
SAMPLE = {"signal=KILL": 3, "error=ENOSPC": 2, "error=EIO": 1, "error=EAGAIN": 1}  # system calls of each operation
LINES = 12  # of what is wrong that are shown
FAILING = {  # the calls that reach the disk; locks (fcntl) do not
    *("openat", "close", "fstat", "newfstatat", "statx", "lseek", "getdents64", "statfs", "fstatfs"),
    *("pread64", "pwrite64", "pwritev", "pwritev2", "ftruncate", "truncate", "fallocate", "copy_file_range"),
    *("mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "rename", "renameat", "renameat2", "utimensat"),
    *("fsync", "fdatasync", "link", "linkat", "symlink", "symlinkat", "readlink", "readlinkat", "ioctl"),
}
THREADS = {"clone", "clone3"}  # the calls that start a thread, which a system without room for one refuses
_CALL = re.compile(r"^(\d+) +(\w+)\(")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace"),
]


@dataclass(frozen=True)
class Strike:
    """One system call of an operation, and what happens at it."""

    name: str
    number: int
    effect: str

    def __str__(self) -> str:
        return f"{self.effect} at {self.name} {self.number}"


FOUND_FAULTS = {  # strikes after which an operation that had been refused had happened
    "commit blocks": [Strike("newfstatat", 4, "error=ENOSPC")],
}


@dataclass(frozen=True)
class Shown:
    """What is to be seen of the services while they live, and when they have started again."""

    living: Seen
    restarted: Seen


class Run:
    """A process that has prepared its storage, and waits for the word to perform its operation."""

    def __init__(self, root: Path, link: Connection, process: BaseProcess) -> None:
        self.root, self._link, self._process = root, link, process
        self._tracer: subprocess.Popen[str] | None = None
        self.pid, self.start = self._received()

    def perform(self, *options: str) -> Answer | None:
        """The answer to the operation, under strace; None if the process is killed before."""
        tracer = subprocess.Popen(["strace", "-f", "-p", str(self.pid), *options], stderr=subprocess.PIPE, text=True)
        assert tracer.stderr is not None
        line = tracer.stderr.readline()
        if "attached" not in line:
            tracer.wait()
            pytest.skip(f"needs the right to trace processes: {line.strip()}")
        self._tracer = tracer
        try:
            self._link.send("perform")
            answer: Answer | None = self._received()
        except (EOFError, ConnectionError):
            answer = None
        return answer

    def observe(self) -> Seen:
        """What the process shows after its operation, when nothing strikes it any more."""
        if self._tracer is not None:
            self._tracer.terminate()
            self._tracer.communicate()
            self._tracer = None
        self._link.send("observe")
        seen: Seen = self._received()
        return seen

    def kill(self) -> None:
        """End the process, if it has not been ended, and whoever traces it."""
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
    """Starts processes, and remembers what an operation does where nothing strikes."""

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

    def restarted(self, run: Run) -> Seen:
        """What is to be seen when the services start again after a run."""
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=faulted_process.restarted, args=(run.root, run.start, theirs))
        process.start()
        theirs.close()
        try:
            seen: Seen = received(ours, process)
            return seen
        finally:
            process.kill()
            process.join()
            ours.close()

    def _shown(self, run: Run) -> "Shown":
        living = run.observe()
        run.kill()
        return Shown(living, self.restarted(run))

    def undisturbed(self, operation: str) -> tuple["Shown", Counter[str]]:
        """What an operation leads to, and the system calls that it makes: name and number."""
        log = self._folder / "log"
        with self.run(operation) as run:
            answer = run.perform("-o", str(log))
            assert answer is not None
            assert answer.status < 300, answer
            shown = self._shown(run)
            lines = log.read_text(errors="replace").splitlines()
            counted = Counter(match.groups() for line in lines if (match := _CALL.match(line)))
            most: Counter[str] = Counter()
            for (_, name), count in counted.items():
                most[name] = max(most[name], count)
            return shown, most


def received(link: Connection, process: BaseProcess) -> Any:
    """The next message of a process, however long it takes.

    Raises:
        EOFError: the process has ended without one.
    """
    wait([link, process.sentinel])
    if not link.poll():  # it may have sent one just before its end
        raise EOFError("the process has ended without an answer")
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


@pytest.mark.parametrize("late", [True, False], ids=["a job wrote later", "nobody wrote"])
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
    """Each system call of an operation with each effect, or a sample of them and those that found a fault before."""
    chosen = list(FOUND_FAULTS.get(operation, ()))
    for effect, size in SAMPLE.items():
        every = [
            Strike(name, number + 1, effect)
            for name, count in sorted(calls.items())
            if effect == "signal=KILL" or name in (THREADS if effect == "error=EAGAIN" else FAILING)
            for number in range(count)
        ]
        # Each strike has a rank of its own, so that one call more or less changes little of the sample.
        every.sort(key=lambda strike: random.Random(f"{operation}: {strike}").random())
        chosen += [strike for strike in every[: None if IS_FULL else size] if strike not in chosen]
    return chosen


def struck(bench: Bench, operation: str, strike: Strike, after: Shown) -> Iterator[str]:
    """What is wrong after an operation at one of whose system calls something has happened."""
    before = bench.before
    with bench.run(operation) as run:
        answer = run.perform(*inject(strike))
        if answer is None:
            expected = [before, after]
        elif answer.status < 300:
            expected = [after]
        else:
            expected = [before]
        status = answer.status if answer else "no answer"
        if answer is not None and strike.effect != "signal=KILL":  # which may strike after the answer, too
            seen, living = run.observe(), [each.living for each in expected]
            if seen not in living:
                yield f"{strike} ({status}): {difference(seen, nearest(seen, living))}"
        run.kill()
        seen, restarted = bench.restarted(run), [each.restarted for each in expected]
        if seen not in restarted:
            yield f"{strike} ({status}), restarted: {difference(seen, nearest(seen, restarted))}"


def inject(strike: Strike) -> tuple[str, ...]:
    """Options of strace."""
    effect = f"inject={strike.name}:{strike.effect}:when={strike.number}"
    return ("-o", "/dev/null", "-e", f"trace={strike.name}", "-e", effect)


def nearest(seen: Seen, expected: Sequence[Seen]) -> Seen:
    """What shares most with what is to be seen."""
    return max(expected, key=lambda each: len(seen.items() & each.items()))


def difference(seen: Seen, expected: Seen) -> str:
    """The first lines that differ, with their addresses."""
    found = []
    for key in sorted(seen | expected):
        there, wanted = seen.get(key, "").splitlines(), expected.get(key, "").splitlines()
        found += [f"{key}: {line}" for line in there if line not in wanted]
        found += [f"{key}: not {line}" for line in wanted if line not in there]
    shown = found[:LINES] + [f"and {len(found) - LINES} more lines"] * (len(found) > LINES)
    return "".join(f"\n    {line[:300]}" for line in shown)
