"""The emulator that a run uses: a running one, or a new one."""

from collections.abc import Iterator
from contextlib import contextmanager

from harness.config import Settings
from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import find, launch


@contextmanager
def running_emulator(settings: Settings) -> Iterator[Endpoint]:
    """Find the emulator that serves ``emulator_dir``, or start one for the duration of the block."""
    directory = settings.emulator_dir
    endpoint = find(directory) if directory is not None else None
    if endpoint is not None:
        yield endpoint
        return
    with launch(directory, cntk_python=settings.cntk_python) as launched:
        yield launched
