"""SIGINT, SIGTERM and SIGHUP as one exception, raised only where what was made so far is known and will be deleted."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import Any, Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_DRAINING = b"\nharness: no trial begins any more, and those that run are waited for; Ctrl-C again ends them\n"
_PATIENCE = b"\nharness: deleting what was made; this takes a moment\n"


class Interrupted(KeyboardInterrupt):
    """The process was asked to end; ``exit_code`` is 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP."""

    def __init__(self, signum: int) -> None:
        super().__init__(signal.Signals(signum).name)
        self.exit_code = 128 + signum


class _Zone:
    """A block that counts itself while it lasts; no signal falls between it and its count."""

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
    """What a run does when it is asked to end: once, and never in the middle of cleaning up.

    Until ``installed``, signals do what they did before.

    Args:
        eager: nothing drains, and a signal is raised anywhere but in ``held`` blocks, as Python itself does; otherwise
            in ``allowed`` blocks alone, and at the beginning of the next one when it comes between them.
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
            Interrupted: at once, when one came before.
        """
        return _Zone(self, allows=True)

    def held(self) -> _Zone:
        """A block in which no signal is raised; one that comes is raised at its end, if it may be there."""
        return _Zone(self, allows=False)

    def move(self, step: int, *, allows: bool) -> None:
        """Enter (1) or leave (-1) a block of one kind."""
        if allows:
            self._allowed += step
        else:
            self._held += step
        if step > 0 or not allows:
            self._raise_what_waits()

    @contextmanager
    def draining(self) -> Iterator[None]:
        """A block in which the first Ctrl-C only asks, by ``is_draining``, that nothing new begins."""
        self._drained += 1
        try:
            yield
        finally:
            self._drained -= 1

    @contextmanager
    def installed(self) -> Iterator[Self]:
        """Handle SIGINT, SIGTERM and SIGHUP while the block lasts; in a thread other than the main one, change nothing.

        A SIGHUP that is ignored stays so, as by ``nohup``.
        """
        if threading.current_thread() is not threading.main_thread():
            yield self
            return
        wanted = [one for one in _SIGNALS if one != signal.SIGHUP or signal.getsignal(one) != signal.SIG_IGN]
        before: dict[int, Any] = {signum: signal.signal(signum, self._handle) for signum in wanted}
        try:
            yield self
        finally:
            for signum, handler in before.items():
                signal.signal(signum, handler)

    def _handle(self, signum: int, _frame: FrameType | None) -> None:
        if signum == signal.SIGINT and self._drained and not (self.is_draining or self._eager) and self.signum is None:
            self.is_draining = True
            _tell(_DRAINING)
            return
        if self.signum is None:
            self.signum = signum
        if self._held or self._raised:
            _tell(_PATIENCE)
        self._raise_what_waits()

    def _raise_what_waits(self) -> None:
        may = (self._eager or self._allowed > 0) and self._held == 0
        if self.signum is not None and may and not self._raised:
            self._raised = True
            raise Interrupted(self.signum)


def _tell(text: bytes) -> None:
    """Write to standard error, not by ``print``, which may be what was interrupted; a closed terminal takes nothing."""
    with suppress(OSError):
        os.write(2, text)
