"""The process of an emulator that ends with its launcher: its start, its end, and its output."""

import os
import selectors
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from harness.compute.process_handle import ends
from harness.emulator.bounded_log import LAUNCHED
from harness.emulator.options import Options
from harness.emulator.server_process import server_command, server_environment
from harness.errors import EmulatorError

_START_SECONDS = 30.0
_STOP_SECONDS = 10.0
_LAST_LINES = 20
_LAST_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Ending:
    """How an emulator ended.

    Attributes:
        reason: the end of a sentence whose subject is the emulator: ``was ended by SIGKILL``.
        log: its last output, or where that is.
    """

    reason: str
    log: str


@dataclass(frozen=True, slots=True)
class LaunchedProcess:
    """The process of an emulator, a child of this one."""

    _process: subprocess.Popen[bytes]
    _log: IO[bytes]

    def ending(self) -> Ending | None:
        """How the emulator ended; None while it runs."""
        code = self._process.poll()
        if code is None:
            return None
        lines = _last_lines(_last_bytes(self._log))
        return Ending(_reason(code), "\n".join(["it printed last:", *lines]) if lines else "it printed nothing")


@contextmanager
def launched_process(options: Options) -> Iterator[LaunchedProcess]:
    """Run an emulator that is ready for the duration of the block.

    Raises:
        EmulatorError: the emulator did not start; the message ends with its output.
    """
    with (
        os.fdopen(os.memfd_create(LAUNCHED), "w+b") as log,  # in memory, because the disk may be full
        subprocess.Popen(
            server_command(options),
            env=server_environment(options, os.environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # Ctrl-C reaches only the launcher, which then stops the emulator in order
        ) as process,
    ):
        _wait_until_ready(process, log)
        try:
            yield LaunchedProcess(process, log)
        finally:
            process.terminate()  # a child keeps its process id until it has been waited for
            if process.returncode is None:
                ends(process.pid, _STOP_SECONDS)
            process.kill()


def start_error(printed: str) -> EmulatorError:
    """The error for an emulator that ended before it was ready, with its output."""
    silent = f"nothing: it was killed, perhaps for lack of memory, or took longer than {_START_SECONDS:.0f} seconds"
    lines = _last_lines(printed) or [silent]
    return EmulatorError("\n".join(["the emulator did not start; it printed:", *lines]))


def _wait_until_ready(process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
    if process.stdout is not None:
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            events = selector.select(_START_SECONDS)
        if events and process.stdout.readline():
            return
    process.kill()
    process.wait()
    raise start_error(_last_bytes(log))


def _reason(code: int) -> str:
    """The meaning of a return code of ``subprocess``."""
    if code >= 0:
        return f"ended with exit code {code}"
    is_known = -code in {number.value for number in signal.Signals}
    return f"was ended by {signal.Signals(-code).name if is_known else f'signal {-code}'}"


def _last_bytes(log: IO[bytes]) -> str:
    size = os.fstat(log.fileno()).st_size
    return os.pread(log.fileno(), _LAST_BYTES, max(0, size - _LAST_BYTES)).decode("utf-8", "replace")


def _last_lines(printed: str) -> list[str]:
    return printed.strip().splitlines()[-_LAST_LINES:]
