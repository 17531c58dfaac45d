"""No waiting in a replay: the pauses of the Azure SDKs between polls and retries take no time.

This replaces ``time.sleep`` in the whole process, so it happens only where somebody asks for it. The clients of the
harness do not need it: they wait on the clock of their cloud, which a replay steps.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_PAUSING = ("azure", "msrest", "msrestazure", "urllib3")
# Modules that imported `sleep` by its name.
_TOOK_IT_BY_NAME = ("azure.storage.common.storageclient",)
_CHANGING = threading.Lock()


class _SkippedSleep:
    """Replaces ``time.sleep``, and sleeps for everybody but the SDKs."""

    def __init__(self, real: Callable[[float], None]) -> None:
        self.real = real
        self.users = 0

    def __call__(self, seconds: float, /) -> None:
        caller = str(sys._getframe(1).f_globals.get("__name__", ""))  # noqa: SLF001 - who waits decides
        if self.users == 0 or caller.partition(".")[0] not in _PAUSING:
            self.real(seconds)


@contextmanager
def no_sleep() -> Iterator[None]:
    """Let no Azure SDK sleep while the block runs: its pollers poll again at once.

    Everybody else's ``time.sleep`` sleeps. Blocks may nest, and overlap in threads.
    """
    with _CHANGING:
        skipped: Any = time.sleep
        if not isinstance(skipped, _SkippedSleep):
            skipped = _SkippedSleep(skipped)
            _put(skipped.real, skipped)
        skipped.users += 1
    try:
        yield
    finally:
        with _CHANGING:
            skipped.users -= 1
            if skipped.users == 0:
                _put(skipped, skipped.real)


def _put(old: Any, new: Any) -> None:
    if time.sleep is old:
        time.sleep = new
    for name in _TOOK_IT_BY_NAME:
        module = sys.modules.get(name)
        if module is not None and getattr(module, "sleep", None) is old:
            module.sleep = new  # type: ignore[attr-defined]
