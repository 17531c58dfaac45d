"""Skip the pauses of the Azure SDKs between polls and retries in a replay.

`no_sleep` replaces ``time.sleep`` in the entire process, so a caller has to request it. The clients of the harness do
not need it: they wait on the clock of their cloud, which a replay steps.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_SDK_PACKAGES = ("azure", "msrest", "msrestazure", "urllib3")
# Modules that imported `sleep` by its name.
_IMPORTERS_OF_SLEEP = ("azure.storage.common.storageclient",)
_LOCK = threading.Lock()


class _SkippedSleep:
    """Replaces ``time.sleep``, and sleeps unless the caller is an SDK."""

    def __init__(self, real: Callable[[float], None]) -> None:
        self.real = real
        self.users = 0

    def __call__(self, seconds: float, /) -> None:
        caller = str(sys._getframe(1).f_globals.get("__name__", ""))  # noqa: SLF001 - the caller decides
        if self.users == 0 or caller.partition(".")[0] not in _SDK_PACKAGES:
            self.real(seconds)


@contextmanager
def no_sleep() -> Iterator[None]:
    """Let the pollers of Azure SDKs poll without pauses while the block runs.

    Other callers of ``time.sleep`` still sleep. Blocks may be nested, and may overlap in threads.
    """
    with _LOCK:
        skipped: Any = time.sleep
        if not isinstance(skipped, _SkippedSleep):
            skipped = _SkippedSleep(skipped)
            _replace_sleep(skipped.real, skipped)
        skipped.users += 1
    try:
        yield
    finally:
        with _LOCK:
            skipped.users -= 1
            if skipped.users == 0:
                _replace_sleep(skipped, skipped.real)


def _replace_sleep(old: Any, new: Any) -> None:
    if time.sleep is old:
        time.sleep = new
    for name in _IMPORTERS_OF_SLEEP:
        module = sys.modules.get(name)
        if module is not None and getattr(module, "sleep", None) is old:
            module.sleep = new  # type: ignore[attr-defined]
