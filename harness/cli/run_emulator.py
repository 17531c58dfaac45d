"""The emulator of a run. One of the run's own starts while the rest of the command is imported, which takes as long."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from harness.cli.options import DEFAULT_DIRECTORY
from harness.cli.output import say
from harness.config import Settings
from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import LaunchedEmulator, data_directory, find, launched, start_detached
from harness.emulator.launched_process import Ending
from harness.emulator.options import Options


def _stay() -> None:
    """Leave an emulator running that is not the run's own."""


def _unknown() -> None:
    """Know nothing of the end of an emulator that is not the run's own: it may be started again."""


@dataclass(frozen=True, slots=True)
class RunEmulator:
    """The emulator of a run.

    Attributes:
        find: waits until it is ready. Raises EmulatorError where it does not start.
        leave: says that the run needs it no longer; one of the run's own begins to end, for which nobody waits here.
        ending: says how one of the run's own has ended before it was left; None where it has not.
    """

    find: Callable[[], Endpoint]
    leave: Callable[[], None] = _stay
    ending: Callable[[], Ending | None] = _unknown


@contextmanager
def emulator_for_run(settings: Settings, *, outlives: bool) -> Iterator[RunEmulator]:
    """The project's own emulator where it runs, else one that ends with the block.

    Args:
        settings: name the directory of the project's own emulator.
        outlives: start the project's own emulator where it does not run, and keep it.
    """
    directory = settings.emulator_dir or DEFAULT_DIRECTORY
    running = find(directory)
    if running is not None:
        yield RunEmulator(lambda: running)
    elif outlives:  # it does not start for a run that is refused
        yield RunEmulator(lambda: _kept(Options(directory, cntk_python=settings.cntk_python)))
    else:
        with _entered_meanwhile(_launched(settings)) as starting:
            yield starting


def _kept(options: Options) -> Endpoint:
    """Start an emulator that outlives the run, and say so."""
    endpoint = start_detached(options)
    place = options.directory
    say(f"an emulator keeps running in {place}; end it with: harness emulator stop --dir {place}")
    return endpoint


@contextmanager
def _launched(settings: Settings) -> Iterator[LaunchedEmulator]:
    with (
        data_directory(settings.emulator_dir) as directory,
        launched(Options(directory, cntk_python=settings.cntk_python)) as emulator,
    ):
        yield emulator


@contextmanager
def _entered_meanwhile(context: AbstractContextManager[LaunchedEmulator]) -> Iterator[RunEmulator]:
    """Enter a context in a thread, and leave it there, at the end of the block at the latest."""
    with ThreadPoolExecutor(1) as thread:
        entering = thread.submit(context.__enter__)
        leaving: list[Future[bool | None]] = []

        def leave() -> None:
            if not leaving and entering.exception() is None:
                leaving.append(thread.submit(context.__exit__, None, None, None))

        def ending() -> Ending | None:
            return entering.result().ending() if entering.exception() is None and not leaving else None

        try:
            yield RunEmulator(lambda: entering.result().endpoint, leave, ending)
        finally:
            leave()
            for ended in leaving:
                ended.result()
