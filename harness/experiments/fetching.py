"""Downloads of finished jobs' files: immediately, or in a thread while the run continues."""

import queue
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Protocol, TypeVar

from harness.clock import Clock

T = TypeVar("T")


class Fetcher(Protocol):
    """Performs downloads in the order in which they are requested."""

    def begin(self, fetch: Callable[[], T]) -> Future[T]:
        """Begin a download; the future holds its result or its error."""

    def wait(self, futures: Iterable[Future[T]], seconds: float) -> None:
        """Return when one of the futures is done, or after ``seconds``."""

    def close(self) -> None:
        """Begin no more downloads, without waiting for the current one."""


class ImmediateFetcher:
    """Downloads before ``begin`` returns, so that the requests of a run always have the same order."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def begin(self, fetch: Callable[[], T]) -> Future[T]:
        """Download; the returned future is done."""
        future: Future[T] = Future()
        future.set_result(fetch())
        return future

    def wait(self, _futures: Iterable[Future[T]], seconds: float) -> None:
        """Sleep, since every future is done."""
        self._clock.sleep(seconds)

    def close(self) -> None:
        """Do nothing, since no download is running."""


class BackgroundFetcher:
    """Downloads in a thread, one job after another.

    The thread is a daemon, so that an interrupted run does not wait for a large file.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tasks: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def begin(self, fetch: Callable[[], T]) -> Future[T]:
        """Queue the download behind the earlier ones."""
        future: Future[T] = Future()
        self._tasks.put(lambda: _fulfil(future, fetch))
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="fetcher", daemon=True)
            self._thread.start()
        return future

    def wait(self, futures: Iterable[Future[T]], seconds: float) -> None:
        """Return when one of the futures is done, or after ``seconds``; without futures, sleep."""
        if pending := list(futures):
            wait(pending, timeout=seconds, return_when=FIRST_COMPLETED)
        else:
            self._clock.sleep(seconds)

    def close(self) -> None:
        """Begin no more downloads; the thread ends after its current file."""
        self._is_closed = True
        self._tasks.put(lambda: None)

    def _run(self) -> None:
        while not self._is_closed:
            self._tasks.get()()


def _fulfil(future: Future[T], fetch: Callable[[], T]) -> None:
    try:
        result = fetch()
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(result)
