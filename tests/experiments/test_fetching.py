"""Files are fetched beside everything else, in the order in which that was asked for."""

import threading
from collections.abc import Iterator

import pytest

from harness.clock import SteppingClock, SystemClock
from harness.experiments.fetching import FetchAtOnce, FetchBeside

PATIENCE = 60.0


@pytest.fixture
def beside() -> Iterator[FetchBeside]:
    made = FetchBeside(SystemClock())
    yield made
    made.close()


def test_what_is_fetched_at_once_is_here_before_anything_else_happens() -> None:
    fetched = []
    future = FetchAtOnce(SteppingClock()).begin(lambda: fetched.append("file"))

    assert future.done()
    assert fetched == ["file"]


def test_fetching_at_once_waits_on_the_clock_of_the_cloud() -> None:
    clock = SteppingClock()
    before = clock.monotonic()
    FetchAtOnce(clock).wait([], 7.0)

    assert clock.monotonic() == before + 7.0


def test_others_go_on_while_something_is_fetched_beside_them(beside: FetchBeside) -> None:
    gate = threading.Event()
    first = beside.begin(lambda: gate.wait(PATIENCE))
    second = beside.begin(lambda: threading.current_thread() is threading.main_thread())

    assert not first.done()
    gate.set()
    beside.wait([second], PATIENCE)
    assert (first.result(0), second.result(0)) == (True, False)


def test_an_error_is_that_of_its_own_file(beside: FetchBeside) -> None:
    def fail() -> None:
        raise ValueError("unreachable")

    failed, other = beside.begin(fail), beside.begin(lambda: "file")

    with pytest.raises(ValueError, match="unreachable"):
        failed.result(PATIENCE)
    assert other.result(PATIENCE) == "file"


def test_nothing_begins_after_the_end(beside: FetchBeside) -> None:
    gate = threading.Event()
    under_way = beside.begin(lambda: gate.wait(PATIENCE))
    late = beside.begin(lambda: "late")
    beside.close()
    gate.set()

    assert under_way.result(PATIENCE)
    assert beside._thread is not None
    beside._thread.join(PATIENCE)
    assert not late.done()
