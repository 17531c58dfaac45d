"""The order of jobs: rank, then age; a large job is never starved."""

from hypothesis import given
from hypothesis import strategies as st

from harness.emulator.engine.rules.queue import Queue, nodes_needed, startable_jobs
from tests.emulator.engine.rules.conftest import at


def queue_of(*jobs: tuple[int, int, str]) -> Queue:
    queue = Queue()
    for rank, seconds, key in jobs:
        queue.add((-rank, at(seconds), key))
    return queue


def test_a_higher_rank_goes_first_and_equal_ones_in_order_of_age() -> None:
    assert list(queue_of((0, 1, "a"), (0, 0, "b"), (9, 5, "c"))) == ["c", "b", "a"]


def test_a_job_that_waits_for_nodes_keeps_those_behind_it_waiting() -> None:
    waiting = queue_of((0, 0, "large"), (0, 1, "small"))
    sizes = {"large": 2, "small": 1}

    assert startable_jobs(waiting, free=1, capacity=2, size=sizes.get) == []
    assert startable_jobs(waiting, free=3, capacity=3, size=sizes.get) == ["large", "small"]


def test_a_job_larger_than_its_cluster_is_skipped() -> None:
    waiting = queue_of((0, 0, "huge"), (0, 1, "small"))

    assert startable_jobs(waiting, free=1, capacity=2, size={"huge": 3, "small": 1}.get) == ["small"]


def test_a_job_that_must_not_start_yet_is_skipped() -> None:
    waiting = queue_of((0, 0, "young"), (0, 1, "old"))

    assert startable_jobs(waiting, free=1, capacity=1, size={"old": 1}.get) == ["old"]


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(0, 5), st.integers(1, 4)), max_size=12), st.integers(0, 8))
def test_what_is_chosen_fits_and_is_in_order(jobs: list[tuple[int, int, int]], free: int) -> None:
    waiting = queue_of(*((rank, age, str(index)) for index, (rank, age, _) in enumerate(jobs)))
    sizes = {str(index): size for index, (_, _, size) in enumerate(jobs)}
    startable = startable_jobs(waiting, free=free, capacity=8, size=sizes.get)

    assert sum(sizes[key] for key in startable) <= free
    assert startable == list(waiting)[: len(startable)]
    assert nodes_needed(waiting, 8, sizes.get) == min(8, sum(sizes.values()))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), unique=True))
def test_a_queue_forgets_what_is_removed_and_nothing_else(jobs: list[tuple[int, int]]) -> None:
    waiting = Queue()
    entries = [(-rank, at(age), f"{rank}.{age}") for rank, age in jobs]
    for entry in entries + entries:
        waiting.add(entry)
    for entry in entries[::2]:
        waiting.remove(entry)
        waiting.remove(entry)

    assert list(waiting) == [key for _, _, key in sorted(entries[1::2])]
