"""The pauses and the number of retries."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.clock import SteppingClock
from harness.clouds.retry_policy import CLOUD, DELETION, LOCAL, REPLAY, Failure, RetryPolicy, is_transient

POLICY = RetryPolicy(first=1.0, longest=8.0, total=60.0, visibility=10.0, tries=6, unreachable_tries=3)


def pause(
    failure: Failure = Failure.BUSY, *, number: int = 1, elapsed: float = 0, retry_after: float = 0, jitter: float = 1
) -> float | None:
    return POLICY.pause(failure, number=number, elapsed=elapsed, retry_after=retry_after, jitter=jitter)


def test_pauses_double_up_to_the_longest_and_end_with_the_tries() -> None:
    assert [pause(number=number) for number in range(1, 7)] == [1, 2, 4, 8, 8, None]


def test_clients_that_failed_together_do_not_come_back_together() -> None:
    assert [pause(number=3, jitter=jitter) for jitter in (0, 0.5, 1)] == [2, 3, 4]


def test_a_retry_after_that_is_longer_than_our_own_pause_is_kept() -> None:
    assert pause(retry_after=17) == 17
    assert pause(number=4, retry_after=2) == 8


def test_what_would_come_after_the_total_is_not_waited_for() -> None:
    assert pause(retry_after=61) is None
    assert pause(number=4, elapsed=53) is None


def test_a_refused_connection_ends_sooner() -> None:
    assert pause(Failure.UNREACHABLE, number=2) == 2
    assert pause(Failure.UNREACHABLE, number=3) is None


def test_what_is_not_seen_yet_is_asked_for_as_long_as_the_grace_lasts() -> None:
    assert pause(Failure.NOT_VISIBLE_YET, number=20, elapsed=1) == 8
    assert pause(Failure.NOT_VISIBLE_YET, number=1, elapsed=9.5) is None


def test_clocks_that_differ_are_not_waited_for_longer_and_longer() -> None:
    assert [pause(Failure.CLOCK_SKEW, number=number) for number in (1, 5, 6)] == [1, 1, None]


@given(
    policy=st.sampled_from([CLOUD, LOCAL, REPLAY, DELETION]),
    failure=st.sampled_from(Failure),
    jitters=st.lists(st.floats(0, 1), min_size=1),
    retry_after=st.floats(0, 100),
)
def test_it_always_ends_within_the_total(
    policy: RetryPolicy, failure: Failure, jitters: list[float], retry_after: float
) -> None:
    elapsed, number = 0.0, 1
    while True:
        jitter = jitters[number % len(jitters)]
        wait = policy.pause(failure, number=number, elapsed=elapsed, retry_after=retry_after, jitter=jitter)
        if wait is None:
            break
        elapsed, number = elapsed + wait, number + 1
    assert elapsed <= max(policy.total, policy.visibility)


def test_what_waits_by_the_rule_counts_the_tries_and_their_time() -> None:
    clock = SteppingClock()
    retries = POLICY.retries(clock)
    waits = [retries.wait() for _ in range(6)]

    assert waits == [True] * 5 + [False]
    assert (retries.number, retries.elapsed, clock.monotonic()) == (6, 23.0, 23.0)


def test_a_token_is_replaced_at_once_and_then_with_pauses() -> None:
    assert [pause(Failure.TOKEN_EXPIRED, number=number) for number in (1, 2, 6, 7)] == [0, 1, 1, None]


@pytest.mark.parametrize(("status", "passes"), [(429, True), (503, True), (501, False), (404, False), (409, False)])
def test_which_answers_may_be_another_in_a_moment(status: int, passes: bool) -> None:
    assert is_transient(status) is passes
