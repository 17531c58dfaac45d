import pytest

from harness.experiments.state import TRANSITIONS, TrialState, next_state


def test_every_state_but_waiting_can_be_reached() -> None:
    reached = {state for moves in TRANSITIONS.values() for state in moves}
    assert reached == set(TrialState) - {TrialState.WAITING}


def test_only_success_and_failure_are_final() -> None:
    assert {state for state in TrialState if state.is_finished} == {TrialState.SUCCEEDED, TrialState.FAILED}


def test_what_was_submitted_and_has_not_ended_holds_nodes() -> None:
    assert {state.value for state in TrialState if state.is_active} == {"queued", "running", "terminating"}


@pytest.mark.parametrize("reported", ["queued", "running"])
def test_a_stale_answer_does_not_bring_a_trial_back(reported: str) -> None:
    assert next_state(TrialState.SUCCEEDED, reported) is TrialState.SUCCEEDED


def test_a_job_whose_node_was_taken_away_is_queued_again() -> None:
    assert next_state(TrialState.RUNNING, "queued") is TrialState.QUEUED


def test_an_unknown_state_changes_nothing() -> None:
    assert next_state(TrialState.RUNNING, "meditating") is TrialState.RUNNING
