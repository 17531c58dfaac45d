"""How a trial moves: a table of allowed moves, and when it is over."""

from enum import StrEnum


class TrialState(StrEnum):
    """Where a trial is; from ``queued`` on in the service's own words."""

    WAITING = "waiting"  # for a free node; not submitted yet
    QUEUED = "queued"
    RUNNING = "running"
    TERMINATING = "terminating"
    SUCCEEDED = "succeeded"
    FAILED = "failed"

    @property
    def is_finished(self) -> bool:
        """Whether it can move no more."""
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
    """The state after the service has reported one; a report that no move allows is stale and changes nothing."""
    try:
        new = TrialState(reported)
    except ValueError:
        return state
    return new if new in MOVES[state] else state
