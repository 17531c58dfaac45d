from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from harness.experiments.decide import Stop, Submit, TrialView, decide
from harness.experiments.state import TrialState
from harness.scenario.model import Limits

LIMITS = Limits(queued=timedelta(minutes=30), running=timedelta(hours=2))


def view(name: str, state: str, nodes: int = 1, since: float = 0.0, *, is_stopping: bool = False) -> TrialView:
    return TrialView(name, TrialState(state), nodes, since, is_stopping=is_stopping)


def test_as_many_are_submitted_as_there_are_nodes_in_file_order() -> None:
    trials = [view(name, "waiting") for name in "abc"]
    assert decide(trials, capacity=2, now=0, limits=LIMITS) == (Submit("a"), Submit("b"))


def test_a_job_takes_as_many_nodes_as_it_says() -> None:
    trials = [view("a", "running", 2), view("b", "waiting", 2), view("c", "waiting", 1)]
    assert decide(trials, capacity=3, now=0, limits=LIMITS) == ()


def test_a_small_job_does_not_overtake_a_large_one() -> None:
    trials = [view("a", "running", 1), view("large", "waiting", 2), view("small", "waiting", 1)]
    assert decide(trials, capacity=2, now=0, limits=LIMITS) == ()


def test_nodes_of_a_job_that_has_ended_are_free() -> None:
    trials = [view("a", "succeeded", 2), view("b", "failed", 2), view("c", "waiting", 2)]
    assert decide(trials, capacity=2, now=0, limits=LIMITS) == (Submit("c"),)


def test_a_job_that_waits_too_long_is_stopped_with_the_reason() -> None:
    (action,) = decide([view("a", "queued")], capacity=1, now=1801, limits=LIMITS)
    assert action == Stop("a", "was queued for 1801 s, and limits.queued is 1800 s")


def test_a_job_that_runs_too_long_is_stopped_once() -> None:
    overdue = [view("a", "running"), view("b", "running", is_stopping=True)]
    (action,) = decide(overdue, capacity=2, now=7201, limits=LIMITS)
    assert action == Stop("a", "was running for 7201 s, and limits.running is 7200 s")


def test_a_job_that_is_preempted_for_ever_is_stopped_when_both_limits_are_used_up() -> None:
    trial = TrialView("a", TrialState.RUNNING, 1, since=8999.0, submitted=0.0, returns=40)
    assert decide([trial], capacity=1, now=9000, limits=LIMITS) == ()
    (action,) = decide([trial], capacity=1, now=9001, limits=LIMITS)
    assert action.reason == (
        "was returned to the queue 40 times, because its nodes were removed, and had not ended after 9001 s; "
        "limits.queued and limits.running are 9000 s"
    )


def test_waiting_for_a_node_of_ours_is_not_queueing() -> None:
    trials = [view("a", "running", since=9000), view("b", "waiting")]
    assert decide(trials, capacity=1, now=9001, limits=LIMITS) == ()


states = st.sampled_from([state.value for state in TrialState])
trials = st.lists(st.tuples(states, st.integers(1, 4)), max_size=12)


@given(trials, st.integers(4, 8))
def test_never_more_nodes_are_asked_for_than_there_are(drawn: list[tuple[str, int]], capacity: int) -> None:
    views = [view(str(number), state, nodes) for number, (state, nodes) in enumerate(drawn)]
    submitted = {action.trial for action in decide(views, capacity=capacity, now=0, limits=LIMITS)}
    active = sum(trial.nodes for trial in views if trial.state.is_active)
    submitted_nodes = sum(trial.nodes for trial in views if trial.id in submitted)
    assert not submitted or active + submitted_nodes <= capacity


@given(trials, st.integers(4, 8))
def test_something_is_always_submitted_to_an_idle_cluster(drawn: list[tuple[str, int]], capacity: int) -> None:
    views = [view(str(number), state, nodes) for number, (state, nodes) in enumerate(drawn)]
    is_idle = not any(trial.state.is_active for trial in views)
    waits = any(trial.state is TrialState.WAITING for trial in views)
    assert not (is_idle and waits) or decide(views, capacity=capacity, now=0, limits=LIMITS)
