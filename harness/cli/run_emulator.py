"""The emulator of a run. One of the run's own starts while the rest of the command is imported, which takes as long."""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

from harness.cli.options import DEFAULT_DIRECTORY
from harness.cli.output import say
from harness.clouds.local_emulator import running_emulator
from harness.config import Settings
from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import find, start_detached
from harness.emulator.options import Options

FindEmulator = Callable[[], Endpoint]
T = TypeVar("T")


@contextmanager
def emulator_for_run(settings: Settings, *, outlives: bool) -> Iterator[FindEmulator]:
    """The project's own emulator where it runs, else one that ends with the block.

    Args:
        settings: name the directory of the project's own emulator.
        outlives: start the project's own emulator where it does not run, and keep it.

    Yields:
        A function that waits until the emulator is ready, to be called once. It raises EmulatorError where it does not
        start.
    """
    directory = settings.emulator_dir or DEFAULT_DIRECTORY
    running = find(directory)
    if running is not None:
        yield lambda: running
    elif outlives:  # it does not start for a run that is refused
        yield lambda: _kept(Options(directory, cntk_python=settings.cntk_python))
    else:
        with _entered_meanwhile(running_emulator(settings)) as starting:
            yield starting


def _kept(options: Options) -> Endpoint:
    """Start an emulator that outlives the run, and say so."""
    endpoint = start_detached(options)
    place = options.directory
    say(f"an emulator keeps running in {place}; end it with: harness emulator stop --dir {place}")
    return endpoint


@contextmanager
def _entered_meanwhile(context: AbstractContextManager[T]) -> Iterator[Callable[[], T]]:
    """Enter a context in a thread, and leave it at the end of the block.

    Yields:
        A function that waits for what entering it gives, or raises what it raises.
    """
    with ThreadPoolExecutor(1) as thread:
        entering = thread.submit(context.__enter__)
        try:
            yield entering.result
        finally:
            if entering.exception() is None:
                context.__exit__(*sys.exc_info())
