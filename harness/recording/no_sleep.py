"""No waiting while a story replays: the Azure SDKs' pauses between polls and retries take no time."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_PAUSING = ("azure", "msrest", "msrestazure", "urllib3")
# They took `sleep` by name when they were imported.
_TOOK_IT_BY_NAME = ("azure.storage.common.storageclient",)
_CHANGING = threading.Lock()


class _SkippedSleep:
    """Stands for ``time.sleep`` as long as somebody replays; sleeps for everybody but the SDKs."""

    def __init__(self, real: Callable[[float], None]) -> None:
        self.real = real
        self.users = 0

    def __call__(self, seconds: float, /) -> None:
        caller = str(sys._getframe(1).f_globals.get("__name__", ""))  # noqa: SLF001 - who waits decides
        if self.users == 0 or caller.partition(".")[0] not in _PAUSING:
            self.real(seconds)


@contextmanager
def no_sleep() -> Iterator[None]:
    """Let no SDK sleep while the block runs: pollers look again at once. Blocks may nest and overlap in threads."""
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
