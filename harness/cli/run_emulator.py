"""The emulator of a run. A temporary emulator starts while the rest of the command is imported, to save time."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from harness.cli.options import DEFAULT_DIRECTORY
from harness.cli.output import say
from harness.config import Settings
from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import LaunchedEmulator, data_directory, find, launch_with, start_detached
from harness.emulator.launched_process import Ending
from harness.emulator.options import Options


def _keep_running() -> None:
    """Do nothing: an emulator that the run did not start keeps running."""


def _no_ending() -> None:
    """Return no ending: an emulator that the run did not start may be stopped and started again."""


@dataclass(frozen=True, slots=True)
class RunEmulator:
    """The emulator of a run.

    Attributes:
        find: waits until the emulator is ready. Raises EmulatorError if it does not start.
        leave: declares that the run no longer needs the emulator. A temporary emulator begins to stop; ``leave`` does
            not wait for that.
        ending: says how a temporary emulator ended before ``leave``; None if it did not end.
    """

    find: Callable[[], Endpoint]
    leave: Callable[[], None] = _keep_running
    ending: Callable[[], Ending | None] = _no_ending


@contextmanager
def emulator_for_run(settings: Settings, *, outlives: bool) -> Iterator[RunEmulator]:
    """Use the project's emulator if it runs, else a temporary emulator that ends with the block.

    Args:
        settings: name the directory of the project's emulator.
        outlives: start the project's emulator if it does not run, and keep it running after the run.
    """
    directory = settings.emulator_dir or DEFAULT_DIRECTORY
    running = find(directory)
    if running is not None:
        yield RunEmulator(lambda: running)
    elif outlives:  # started by `find`, hence not for a run that is refused
        yield RunEmulator(lambda: _start_lasting(Options(directory, cntk_python=settings.cntk_python)))
    else:
        with _entered_in_thread(_launched(settings)) as emulator:
            yield emulator


def _start_lasting(options: Options) -> Endpoint:
    """Start an emulator that outlives the run, and say how to stop it."""
    endpoint = start_detached(options)
    directory = options.directory
    say(f"an emulator keeps running in {directory}; to stop it: harness emulator stop --dir {directory}")
    return endpoint


@contextmanager
def _launched(settings: Settings) -> Iterator[LaunchedEmulator]:
    with (
        data_directory(settings.emulator_dir) as directory,
        launch_with(Options(directory, cntk_python=settings.cntk_python)) as emulator,
    ):
        yield emulator


@contextmanager
def _entered_in_thread(context: AbstractContextManager[LaunchedEmulator]) -> Iterator[RunEmulator]:
    """Enter a context in a thread, and exit it in that thread, at the end of the block at the latest."""
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
            for future in leaving:
                future.result()
