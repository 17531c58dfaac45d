"""Starting, finding and stopping an emulator from another process."""

import contextlib
import fcntl
import os
import selectors
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

from harness.emulator.endpoint import Endpoint
from harness.emulator.options import Images, Options, parse_account
from harness.emulator.paths import DataDirectory
from harness.emulator.temporary_directory import temporary_directory
from harness.errors import EmulatorError

_START_SECONDS = 30.0
_STOP_SECONDS = 10.0


def find(directory: Path) -> Endpoint | None:
    """The emulator that serves a data directory now, or None: whoever serves it holds its lock."""
    paths = DataDirectory(directory.absolute())
    try:
        endpoint = msgspec.json.decode(paths.endpoint.read_bytes(), type=Endpoint)
        with paths.lock.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return endpoint
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise EmulatorError(f"{paths.endpoint} cannot be read ({error}); start the emulator again") from error
    return None


@contextmanager
def launch(
    directory: Path | None = None,
    *,
    port: int = 0,
    only: str = "",
    accounts: Sequence[str] = (),
    pace: float = 0.0,
    images: Images = "host",
    cntk_python: Path | None = None,
) -> Iterator[Endpoint]:
    """An emulator for as long as the block lasts; it also ends when this process is killed.

    Args:
        directory: the data directory; default a temporary one, deleted at the end.
        port: of the proxy; 0 takes a free one.
        only: ``storage``, to serve nothing else, with the well-known development account.
        accounts: storage accounts to have besides the first one, each ``NAME:KEY``.
        pace: as in ``Options``, like the next two.
        images: what becomes of jobs that ask for a container image.
        cntk_python: the interpreter of CNTK jobs.

    Raises:
        EmulatorError: it did not start; the message ends with what it printed.
    """
    with contextlib.ExitStack() as stack:
        if directory is None:
            directory = stack.enter_context(temporary_directory())
        options = Options(
            directory,
            port,
            guarded=True,
            only=only,
            accounts=tuple(map(parse_account, accounts)),
            pace=pace,
            images=images,
            cntk_python=cntk_python,
        )
        process = stack.enter_context(_started(options))
        endpoint = find(directory)
        if endpoint is None:
            raise EmulatorError(f"the emulator in {directory} ended as soon as it was ready")
        try:
            yield endpoint
        finally:
            _stop(process.pid)


def start_detached(options: Options) -> Endpoint:
    """Start an emulator that outlives this process; what it prints goes to ``emulator.log`` in its directory.

    Raises:
        EmulatorError: it did not start, or one serves the directory already.
    """
    directory = options.directory
    if running := find(directory):
        raise EmulatorError(
            f"the data directory {directory} is in use by the emulator with process id {running.pid}; "
            "stop it with 'harness emulator stop', or choose another --dir"
        )
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = DataDirectory(directory.absolute()).log
    with log.open("ab") as stream:
        done = subprocess.run(
            [*_command(options), "--detach"],
            env=os.environ | options.environment(),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            check=False,
        )
    if done.returncode != 0:
        raise _did_not_start(log.read_text(errors="replace"))
    endpoint = find(directory)
    if endpoint is None:
        raise EmulatorError(f"the emulator in {directory} ended as soon as it was ready")
    return endpoint


def stop(directory: Path) -> bool:
    """Stop the emulator of a data directory and wait until it has; False if none runs."""
    endpoint = find(directory)
    if endpoint is None:
        return False
    _stop(endpoint.pid)
    return True


def ends(pid: int, seconds: float) -> bool:
    """Whether a process ends within so many seconds.

    One that runs no more has ended, also while nobody collects it: process 1 of a container may do so late or never.
    """
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(process, selectors.EVENT_READ)
            return bool(selector.select(seconds))
    finally:
        os.close(process)


@contextmanager
def _started(options: Options) -> Iterator[subprocess.Popen[bytes]]:
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(
            _command(options),
            env=os.environ | options.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for the one who launched it, who then stops it in order
        ) as process,
    ):
        _wait_until_ready(process, log)
        yield process


def _command(options: Options) -> list[str]:
    return [sys.executable, "-m", "harness.emulator", *options.words()]


def _wait_until_ready(process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
    if process.stdout is not None:
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            answered = selector.select(_START_SECONDS)
        if answered and process.stdout.readline():
            return
    process.kill()
    process.wait()
    raise _did_not_start(os.pread(log.fileno(), 1 << 16, 0).decode("utf-8", "replace"))


def _did_not_start(printed: str) -> EmulatorError:
    return EmulatorError("\n".join(["the emulator did not start; it printed:", *printed.strip().splitlines()[-20:]]))


def _stop(pid: int) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if ends(pid, _STOP_SECONDS):
            return
