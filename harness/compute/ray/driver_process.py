"""The driver as a child process of the emulator, started when it is needed, and restarted whenever it has ended."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec

from harness.clock import SystemClock
from harness.compute.ray.messages import Connected, Event, Order, Unreachable, decode_event, encode

_PAUSES = (0.2, 1.0, 3.0, 10.0)  # seconds before the first restarts; the last value applies to all further ones
_STABLE_SECONDS = 60.0  # a driver that has run for so long does not count as another failure in a row


class DriverProcess:
    """Sends orders to a driver and receives its events.

    Args:
        settings: returns the first line that the driver reads; called for each start, from a thread.
        environment: returns the driver's variables; called for each start, from a thread.
        on_event: called with each event, from a thread.
        initial_orders: the orders that a new driver gets first.
        log: the file that receives the output of the driver.
    """

    def __init__(
        self,
        settings: Callable[[], Mapping[str, str]],
        environment: Callable[[], Mapping[str, str]],
        *,
        on_event: Callable[[Event], None],
        initial_orders: Callable[[], Iterable[Order]],
        log: Path,
    ) -> None:
        self._settings, self._environment = settings, environment
        self._on_event, self._initial_orders, self._log = on_event, initial_orders, log
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._is_connected = False  # a driver reads orders only when it is connected, so that a write never blocks

    def ensure_started(self) -> None:
        """Keep a driver running until ``close``."""
        with self._lock:
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(target=self._supervise, name="ray-driver", daemon=True)
                self._thread.start()

    def send(self, order: Order) -> None:
        """Send an order to a connected driver; a driver that connects later gets the initial orders instead."""
        with self._lock:
            if self._is_connected:
                self._write(encode(order))

    @property
    def is_connected(self) -> bool:
        """Whether a driver is connected to Ray."""
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

    def _supervise(self) -> None:
        failures, clock = 0, SystemClock()
        while not self._closing.is_set():
            started = clock.monotonic()
            try:
                self._run()
            except OSError as error:  # a full disk or the limit of processes may be temporary
                self._on_event(Unreachable(f"the driver of Ray cannot be started: {error}"))
            failures = count_failures(failures, clock.monotonic() - started)
            self._closing.wait(_PAUSES[min(failures, len(_PAUSES)) - 1])

    def _run(self) -> None:
        """Start a driver and process its events until it ends.

        Raises:
            OSError: the driver does not start.
        """
        settings, environment = self._settings(), self._environment()
        with self._spawn(environment) as process:
            with self._lock:
                self._process = process
                self._write(msgspec.json.encode(settings) + b"\n")
            if self._closing.is_set():
                process.kill()
            for line in process.stdout or ():
                event = decode_event(line)
                if isinstance(event, Connected):
                    self._connect()
                self._on_event(event)
            with self._lock:
                self._is_connected, self._process = False, None
            process.kill()

    def _spawn(self, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
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
            for order in self._initial_orders():
                self._write(encode(order))

    def _write(self, content: bytes) -> None:
        if self._process is None or self._process.stdin is None:
            return
        try:
            self._process.stdin.write(content)
            self._process.stdin.flush()
        except OSError:  # the driver has ended, which the reading thread notices
            return


def count_failures(failures: int, lifetime: float) -> int:
    """Return how many drivers in a row have ended early, after the end of one more.

    A connection to Ray does not make a driver stable: an order or the machine may end each driver right after that.

    Args:
        failures: the number before the end of this driver.
        lifetime: seconds from its start to its end.
    """
    return 1 if lifetime >= _STABLE_SECONDS else failures + 1
