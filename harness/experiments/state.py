"""The states of a trial: a table of allowed transitions, and which states are final."""

from enum import StrEnum


class TrialState(StrEnum):
    """The state of a trial; ``queued`` and the later ones are states of Batch AI's jobs."""

    WAITING = "waiting"  # waits for a free node; its job is not submitted yet
    QUEUED = "queued"
    RUNNING = "running"
    TERMINATING = "terminating"
    SUCCEEDED = "succeeded"
    FAILED = "failed"

    @property
    def is_finished(self) -> bool:
        """Whether the state is final."""
        return not TRANSITIONS[self]

    @property
    def is_active(self) -> bool:
        """Whether its job has nodes, or waits for them in the cluster's queue."""
        return self is not TrialState.WAITING and not self.is_finished


_S = TrialState
_FINAL_STATES = frozenset({_S.SUCCEEDED, _S.FAILED})
TRANSITIONS: dict[TrialState, frozenset[TrialState]] = {
    _S.WAITING: frozenset({_S.QUEUED}),
    _S.QUEUED: frozenset({_S.RUNNING, _S.TERMINATING}) | _FINAL_STATES,
    _S.RUNNING: frozenset({_S.QUEUED, _S.TERMINATING}) | _FINAL_STATES,  # queued again: its node was removed
    _S.TERMINATING: _FINAL_STATES,
    _S.SUCCEEDED: frozenset(),
    _S.FAILED: frozenset(),
}


def next_state(state: TrialState, reported: str) -> TrialState:
    """The state after a report of the service; a report that no transition allows is stale and changes nothing."""
    try:
        new = TrialState(reported)
    except ValueError:
        return state
    return new if new in TRANSITIONS[state] else state
