"""The driver as the emulator has it: a child process, started when it is needed, and again whenever it has ended."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec

from harness.clock import SystemClock
from harness.compute.ray.messages import Connected, News, Order, Unreachable, decode_news, encode

_PAUSES = (0.2, 1.0, 3.0, 10.0)  # seconds before it is started again; the last one from then on
_STEADY = 60.0  # seconds after which the end of a driver has nothing to do with that of the one before


class DriverProcess:
    """Gives orders to a driver and hears its news.

    Args:
        settings: the first line that it reads, for the present cluster; called for each start, from a thread.
        environment: its variables, called likewise.
        hear: called with each news, from a thread.
        standing: the orders that a new driver gets first.
        log: the file that gets what it prints.
    """

    def __init__(
        self,
        settings: Callable[[], Mapping[str, str]],
        environment: Callable[[], Mapping[str, str]],
        *,
        hear: Callable[[News], None],
        standing: Callable[[], Iterable[Order]],
        log: Path,
    ) -> None:
        self._settings, self._environment = settings, environment
        self._hear, self._standing, self._log = hear, standing, log
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._is_connected = False  # only then does it read, so that writing to it takes no time

    def ensure(self) -> None:
        """Have a driver, now and until ``close``."""
        with self._lock:
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(target=self._keep, name="ray-driver", daemon=True)
                self._thread.start()

    def give(self, order: Order) -> None:
        """Give an order to the present driver; one that is not connected yet gets it if it is a standing one."""
        with self._lock:
            if self._is_connected:
                self._write(encode(order))

    @property
    def is_connected(self) -> bool:
        """Whether there is a driver that Ray has answered."""
        return self._is_connected

    def close(self) -> None:
        """End the driver; jobs continue."""
        self._closing.set()
        with self._lock:
            thread, process = self._thread, self._process
        if process is not None:
            process.kill()
        if thread is not None:
            thread.join()

    def _keep(self) -> None:
        failures, clock = 0, SystemClock()
        while not self._closing.is_set():
            began = clock.monotonic()
            try:
                self._run()
            except OSError as error:  # a full disk, or no process more: it may pass
                self._hear(Unreachable(f"the driver of Ray cannot be started: {error}"))
            failures = failures_after(failures, clock.monotonic() - began)
            self._closing.wait(_PAUSES[min(failures, len(_PAUSES)) - 1])

    def _run(self) -> None:
        """From the start of a driver to its end.

        Raises:
            OSError: it does not start.
        """
        settings, environment = self._settings(), self._environment()
        with self._started(environment) as process:
            with self._lock:
                self._process = process
                self._write(msgspec.json.encode(settings) + b"\n")
            if self._closing.is_set():
                process.kill()
            for line in process.stdout or ():
                news = decode_news(line)
                if isinstance(news, Connected):
                    self._connect()
                self._hear(news)
            with self._lock:
                self._is_connected, self._process = False, None
            process.kill()

    def _started(self, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        self._log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "harness.compute.ray"],
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )

    def _connect(self) -> None:
        with self._lock:
            self._is_connected = True
            for order in self._standing():
                self._write(encode(order))

    def _write(self, content: bytes) -> None:
        if self._process is None or self._process.stdin is None:
            return
        try:
            self._process.stdin.write(content)
            self._process.stdin.flush()
        except OSError:  # it has ended, which its reader will see
            return


def failures_after(earlier: int, lived: float) -> int:
    """How many drivers in a row have ended soon, after the end of one more.

    Whether Ray has answered says nothing: an order or the machine may end each driver right after that.

    Args:
        earlier: how many before it.
        lived: seconds from its start to its end.
    """
    return 1 if lived >= _STEADY else earlier + 1
