"""The states of a trial: a table of allowed transitions, and which states are final."""

from enum import StrEnum


class TrialState(StrEnum):
    """The state of a trial; from ``queued`` on in the service's words."""

    WAITING = "waiting"  # for a free node; not submitted yet
    QUEUED = "queued"
    RUNNING = "running"
    TERMINATING = "terminating"
    SUCCEEDED = "succeeded"
    FAILED = "failed"

    @property
    def is_finished(self) -> bool:
        """Whether the state is final."""
        return not MOVES[self]

    @property
    def is_active(self) -> bool:
        """Whether it holds nodes, or waits in the cluster's queue for them."""
        return self is not TrialState.WAITING and not self.is_finished


_S = TrialState
_ENDS = frozenset({_S.SUCCEEDED, _S.FAILED})
MOVES: dict[TrialState, frozenset[TrialState]] = {
    _S.WAITING: frozenset({_S.QUEUED}),
    _S.QUEUED: frozenset({_S.RUNNING, _S.TERMINATING}) | _ENDS,
    _S.RUNNING: frozenset({_S.QUEUED, _S.TERMINATING}) | _ENDS,  # queued again: its node was removed
    _S.TERMINATING: _ENDS,
    _S.SUCCEEDED: frozenset(),
    _S.FAILED: frozenset(),
}


def moved(state: TrialState, reported: str) -> TrialState:
    """The state after a report of the service; a report that no transition allows is stale, and ignored."""
    try:
        new = TrialState(reported)
    except ValueError:
        return state
    return new if new in MOVES[state] else state
