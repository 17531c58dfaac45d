from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.clouds.retry_policy import CLOUD, LOCAL, REPLAY, RetryPolicy, Trouble, is_passing

RULE = RetryPolicy(first=1.0, longest=8.0, total=60.0, grace=10.0, tries=6, reaches=3)


def pause(trouble: Trouble = Trouble.BUSY, *, number: int = 1, elapsed: float = 0, told: float = 0, draw: float = 1):
    return RULE.pause(trouble, number=number, elapsed=elapsed, told=told, draw=draw)


def test_pauses_double_up_to_the_longest_and_end_with_the_tries() -> None:
    assert [pause(number=number) for number in range(1, 7)] == [1, 2, 4, 8, 8, None]


def test_clients_that_failed_together_do_not_come_back_together() -> None:
    assert [pause(number=3, draw=draw) for draw in (0, 0.5, 1)] == [2, 3, 4]


def test_a_retry_after_that_is_longer_than_our_own_pause_is_kept() -> None:
    assert pause(told=17) == 17
    assert pause(number=4, told=2) == 8


def test_what_would_come_after_the_total_is_not_waited_for() -> None:
    assert pause(told=61) is None
    assert pause(number=4, elapsed=53) is None


def test_where_nobody_listens_it_ends_sooner() -> None:
    assert pause(Trouble.UNREACHABLE, number=2) == 2
    assert pause(Trouble.UNREACHABLE, number=3) is None


def test_what_is_not_seen_yet_is_asked_for_as_long_as_the_grace_lasts() -> None:
    assert pause(Trouble.EARLY, number=20, elapsed=1) == 8
    assert pause(Trouble.EARLY, number=1, elapsed=9.5) is None


def test_clocks_that_differ_are_not_waited_for_longer_and_longer() -> None:
    assert [pause(Trouble.SKEWED, number=number) for number in (1, 5, 6)] == [1, 1, None]


@given(
    rule=st.sampled_from([CLOUD, LOCAL, REPLAY]),
    trouble=st.sampled_from(Trouble),
    draws=st.lists(st.floats(0, 1), min_size=1),
    told=st.floats(0, 100),
)
def test_it_always_ends_within_the_total(rule: RetryPolicy, trouble: Trouble, draws: list[float], told: float) -> None:
    elapsed, number = 0.0, 1
    while True:
        draw = draws[number % len(draws)]
        wait = rule.pause(trouble, number=number, elapsed=elapsed, told=told, draw=draw)
        if wait is None:
            break
        elapsed, number = elapsed + wait, number + 1
    assert elapsed <= max(rule.total, rule.grace)


def test_the_pauses_of_what_is_more_than_one_request_are_as_many() -> None:
    pauses = list(RULE.pauses())
    assert len(pauses) == RULE.tries - 1
    assert all(one <= next_ for one, next_ in pairwise(pauses))


@pytest.mark.parametrize(("status", "passes"), [(429, True), (503, True), (501, False), (404, False), (409, False)])
def test_which_answers_may_be_another_in_a_moment(status: int, passes: bool) -> None:
    assert is_passing(status) is passes
