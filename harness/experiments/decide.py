"""What to do next in a run: pure, from where the trials are and what time it is."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.experiments.state import TrialState
from harness.scenario.model import Limits


@dataclass(frozen=True, slots=True)
class TrialView:
    """One trial as decisions see it.

    Attributes:
        nodes: how many nodes its job takes.
        since: when it came into its state, in the clock's monotonic seconds.
        submitted: when its job was submitted, likewise.
        returns: how often the job has gone back to the queue, because its node was removed.
        is_stopping: its job has been asked to end.
    """

    id: str
    state: TrialState
    nodes: int
    since: float
    submitted: float = 0.0
    returns: int = 0
    is_stopping: bool = False


@dataclass(frozen=True, slots=True)
class Submit:
    """Submit the trial's job."""

    trial: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Terminate the trial's job, which fails for this reason."""

    trial: str
    reason: str


Action = Submit | Stop


def decide(trials: Sequence[TrialView], *, capacity: int, now: float, limits: Limits) -> tuple[Action, ...]:
    """The actions that are due.

    Jobs are submitted in file order, as many as the cluster has nodes for. A job that does not fit waits, and so do
    those behind it, so that a large job is not overtaken for ever. A job that is queued or runs for too long is
    stopped. So is one that changes between the two for longer than both together may take.

    Args:
        trials: all of the run, in file order.
        capacity: nodes of the cluster.
        now: the clock's monotonic seconds.
        limits: of the scenario.
    """
    stops = [Stop(trial.id, reason) for trial in trials if (reason := _overdue(trial, now, limits))]
    free = capacity - sum(trial.nodes for trial in trials if trial.state.is_active)
    submits = []
    for trial in trials:
        if trial.state is not TrialState.WAITING:
            continue
        if trial.nodes > free:
            break
        free -= trial.nodes
        submits.append(Submit(trial.id))
    return (*stops, *submits)


def _overdue(trial: TrialView, now: float, limits: Limits) -> str:
    longest = {TrialState.QUEUED: ("queued", limits.queued), TrialState.RUNNING: ("running", limits.running)}
    if trial.is_stopping or trial.state not in longest:
        return ""
    name, limit = longest[trial.state]
    seconds, most = now - trial.since, limit.total_seconds()
    if seconds > most:
        return f"was {name} for {seconds:.0f} s, and limits.{name} is {most:.0f} s"
    seconds, most = now - trial.submitted, (limits.queued + limits.running).total_seconds()
    if trial.returns and seconds > most:
        times = f"went back to the queue {trial.returns} times, as its nodes were taken away"
        return f"{times}, and was not done after {seconds:.0f} s; limits.queued and limits.running are {most:.0f} s"
    return ""
