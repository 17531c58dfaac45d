"""Files are downloaded in the background, in the order of the requests."""

import threading
from collections.abc import Iterator

import pytest

from harness.clock import SteppingClock, SystemClock
from harness.experiments.fetching import BackgroundFetcher, ImmediateFetcher

PATIENCE = 60.0


@pytest.fixture
def background() -> Iterator[BackgroundFetcher]:
    fetcher = BackgroundFetcher(SystemClock())
    yield fetcher
    fetcher.close()


def test_what_is_fetched_at_once_is_here_before_anything_else_happens() -> None:
    fetched = []
    future = ImmediateFetcher(SteppingClock()).begin(lambda: fetched.append("file"))

    assert future.done()
    assert fetched == ["file"]


def test_fetching_at_once_waits_on_the_clock_of_the_cloud() -> None:
    clock = SteppingClock()
    before = clock.monotonic()
    ImmediateFetcher(clock).wait([], 7.0)

    assert clock.monotonic() == before + 7.0


def test_the_run_continues_during_a_download(background: BackgroundFetcher) -> None:
    gate = threading.Event()
    first = background.begin(lambda: gate.wait(PATIENCE))
    second = background.begin(lambda: threading.current_thread() is threading.main_thread())

    assert not first.done()
    gate.set()
    background.wait([second], PATIENCE)
    assert (first.result(0), second.result(0)) == (True, False)


def test_an_error_is_that_of_its_own_file(background: BackgroundFetcher) -> None:
    def fail() -> None:
        raise ValueError("unreachable")

    failed, other = background.begin(fail), background.begin(lambda: "file")

    with pytest.raises(ValueError, match="unreachable"):
        failed.result(PATIENCE)
    assert other.result(PATIENCE) == "file"


def test_nothing_begins_after_the_end(background: BackgroundFetcher) -> None:
    gate = threading.Event()
    first = background.begin(lambda: gate.wait(PATIENCE))
    late = background.begin(lambda: "late")
    background.close()
    gate.set()

    assert first.result(PATIENCE)
    assert background._thread is not None
    background._thread.join(PATIENCE)
    assert not late.done()
