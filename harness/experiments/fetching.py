"""When the files of a job that has ended are fetched: at once, or beside everything else that a run does."""

import queue
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Protocol, TypeVar

from harness.clock import Clock

T = TypeVar("T")


class Fetcher(Protocol):
    """Carries out what fetches files, in the order in which it is asked to."""

    def begin(self, fetch: Callable[[], T]) -> Future[T]:
        """Begin to fetch; the future holds what came, or the error."""

    def wait(self, futures: Iterable[Future[T]], seconds: float) -> None:
        """Return when one of some futures is done, or after a while."""

    def close(self) -> None:
        """Begin nothing more; whoever fetches is not waited for."""


class FetchAtOnce:
    """Fetches when it is asked to, so that the requests of a run always have one order."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def begin(self, fetch: Callable[[], T]) -> Future[T]:
        """Fetch; the future is done."""
        future: Future[T] = Future()
        future.set_result(fetch())
        return future

    def wait(self, _futures: Iterable[Future[T]], seconds: float) -> None:
        """Let time pass."""
        self._clock.sleep(seconds)

    def close(self) -> None:
        """Nothing is under way."""


class FetchBeside:
    """Fetches in a thread, one after the other.

    The thread does not keep the process: a run that is asked to end cannot wait for a large file.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tasks: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def begin(self, fetch: Callable[[], T]) -> Future[T]:
        """Have it fetched after what was asked for before."""
        future: Future[T] = Future()
        self._tasks.put(lambda: _fulfil(future, fetch))
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="fetcher", daemon=True)
            self._thread.start()
        return future

    def wait(self, futures: Iterable[Future[T]], seconds: float) -> None:
        """Return when one of some futures is done, or after a while; with no futures, let time pass."""
        if waited := list(futures):
            wait(waited, timeout=seconds, return_when=FIRST_COMPLETED)
        else:
            self._clock.sleep(seconds)

    def close(self) -> None:
        """Begin nothing more; the thread ends after the file that it is at."""
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
