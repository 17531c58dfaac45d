from itertools import islice

import pytest

from harness.clock import SteppingClock
from harness.clouds import Poller


def test_pauses_grow_to_the_longest() -> None:
    pauses = list(islice(Poller(SteppingClock(), 0.01, 0.5).pauses(), 30))
    assert pauses[0] == 0.01
    assert pauses == sorted(pauses)
    assert pauses[-1] == 0.5


def test_pauses_stay_where_no_longest_is_given() -> None:
    assert set(islice(Poller(SteppingClock(), 15).pauses(), 5)) == {15}


def test_what_is_done_at_once_takes_no_time() -> None:
    clock = SteppingClock()
    assert Poller(clock, 15).until(lambda: 7, lambda value: value == 7, deadline=60) == 7
    assert clock.monotonic() == 0


@pytest.mark.parametrize(("ready", "expected"), [(60, "ready"), (61, None)])
def test_looking_ends_with_the_deadline(ready: float, expected: str | None) -> None:
    clock = SteppingClock()
    poll = lambda: "ready" if clock.monotonic() >= ready else "not yet"  # noqa: E731
    assert Poller(clock, 1).until(poll, lambda value: value == "ready", deadline=60) == expected
