"""SIGINT, SIGTERM and SIGHUP as an exception, raised only where all created resources are known and will be deleted."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import Any, Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_DRAINING = b"\nharness: no new trial starts, and running trials continue to their end; Ctrl-C again ends them\n"
_DELETING = b"\nharness: deleting the resources of the run; this takes a moment\n"


class Interrupted(KeyboardInterrupt):
    """A signal asked the process to end; ``exit_code`` is 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP."""

    def __init__(self, signum: int) -> None:
        super().__init__(signal.Signals(signum).name)
        self.exit_code = 128 + signum


class _Zone:
    """A block in which signals are allowed or held; no signal can arrive between its beginning and its registration."""

    def __init__(self, owner: "Interruption", *, allows: bool) -> None:
        self._owner = owner
        self._allows = allows

    def __enter__(self) -> None:
        self._owner.move(1, allows=self._allows)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._owner.move(-1, allows=self._allows)


class Interruption:
    """Turns a signal into ``Interrupted``: once, and never during cleanup.

    Until ``installed``, signals have their previous effect.

    Args:
        eager: whether a signal is raised everywhere but in ``held`` blocks, as Python does, and nothing drains. By
            default a signal is raised in ``allowed`` blocks only; one that arrives between them is raised at the
            beginning of the next.
    """

    def __init__(self, *, eager: bool = False) -> None:
        self._eager = eager
        self._allowed = 0
        self._held = 0
        self._raised = False
        self._drained = 0
        self.is_draining = False
        self.signum: int | None = None

    def allowed(self) -> _Zone:
        """A block in which a signal may be raised.

        Raises:
            Interrupted: at its beginning, if a signal arrived before.
        """
        return _Zone(self, allows=True)

    def held(self) -> _Zone:
        """A block in which no signal is raised; one that arrives is raised at its end, if it is allowed there."""
        return _Zone(self, allows=False)

    def move(self, step: int, *, allows: bool) -> None:
        """Enter (``step`` 1) or leave (-1) an ``allowed`` or ``held`` block."""
        if allows:
            self._allowed += step
        else:
            self._held += step
        if step > 0 or not allows:
            self._raise_pending()

    @contextmanager
    def draining(self) -> Iterator[None]:
        """A block in which the first Ctrl-C only sets ``is_draining``: nothing new should begin."""
        self._drained += 1
        try:
            yield
        finally:
            self._drained -= 1

    @contextmanager
    def installed(self) -> Iterator[Self]:
        """Handle SIGINT, SIGTERM and SIGHUP during the block; in a thread other than the main thread, do nothing.

        A SIGHUP that is ignored, as under ``nohup``, stays ignored.
        """
        if threading.current_thread() is not threading.main_thread():
            yield self
            return
        is_nohup = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        signals = [signum for signum in _SIGNALS if signum != signal.SIGHUP or not is_nohup]
        previous: dict[int, Any] = {signum: signal.signal(signum, self._handle) for signum in signals}
        try:
            yield self
        finally:
            for signum, handler in previous.items():
                signal.signal(signum, handler)

    def _handle(self, signum: int, _frame: FrameType | None) -> None:
        if signum == signal.SIGINT and self._drained and not (self.is_draining or self._eager) and self.signum is None:
            self.is_draining = True
            _notify(_DRAINING)
            return
        if self.signum is None:
            self.signum = signum
        if self._held or self._raised:
            _notify(_DELETING)
        self._raise_pending()

    def _raise_pending(self) -> None:
        is_allowed = (self._eager or self._allowed > 0) and self._held == 0
        if self.signum is not None and is_allowed and not self._raised:
            self._raised = True
            raise Interrupted(self.signum)


def _notify(text: bytes) -> None:
    """Write to standard error, also when the signal has interrupted ``print``, or the terminal is closed."""
    with suppress(OSError):
        os.write(2, text)
