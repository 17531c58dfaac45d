"""Decisions of a run: the next actions, from the states of the trials and the time; pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from harness.experiments.state import TrialState
from harness.scenario.model import Limits
from harness.scenario.retries import RetrySpec
from harness.services.service import JobView

StopKind = Literal["limit", "pruned"]
Reason = Literal["node_lost", "exit_code", "timeout"]

_TIMEOUT = re.compile(r"\w*(WallClockTimeExceeded|JobTimedOut|JobTimeout)", re.IGNORECASE)
_NODE_LOST = re.compile(r"\w*(Preempt|NodeLost|NodeUnusable|NodeFailure|NodeRemoved)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TrialView:
    """One trial as decisions see it.

    Attributes:
        nodes: how many nodes its job takes.
        since: when it entered its state, in the clock's monotonic seconds.
        submitted: when its job was submitted, in the same seconds.
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
    """Terminate the trial's job; its outcome fails for this reason."""

    trial: str
    reason: str
    kind: StopKind = "limit"


@dataclass(frozen=True, slots=True)
class Failure:
    """How an attempt of a trial failed; ``text`` is for people."""

    reason: Reason
    text: str


Action = Submit | Stop


def decide(trials: Sequence[TrialView], *, capacity: int, now: float, limits: Limits) -> tuple[Action, ...]:
    """The actions that are due.

    Jobs are submitted in file order, as many as the cluster has nodes for. A job that does not fit waits, and so do
    those behind it, so that a large job is not overtaken for ever. A job that is queued or runs for too long is
    stopped. So is one that changes between the two for longer than both together may take.

    Args:
        trials: all trials of the run, in file order.
        capacity: the number of nodes of the cluster.
        now: the clock's monotonic seconds.
        limits: the limits of the scenario.
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


def failure_of(view: JobView, stopped: Stop | None) -> Failure | None:
    """How a finished job failed, if another attempt may end differently; else None.

    Args:
        view: the state of the job.
        stopped: why the harness had it terminated; None where it did not.
    """
    if view.state == "succeeded" or (stopped is not None and stopped.kind == "pruned"):
        return None
    codes = [error.partition(":")[0] for error in view.errors]
    if stopped is not None or any(map(_TIMEOUT.match, codes)):
        return Failure("timeout", stopped.reason if stopped else view.errors[0])
    if any(map(_NODE_LOST.match, codes)):
        return Failure("node_lost", view.errors[0])
    if view.exit_code:
        return Failure("exit_code", f"exit code {view.exit_code}")
    return None


def is_retried(failure: Failure, exit_code: int | None, history: Sequence[Failure], retries: RetrySpec) -> bool:
    """Whether a failed trial is tried again.

    Args:
        failure: the failure of the last attempt.
        exit_code: the exit code of the last attempt.
        history: the failures of the attempts before.
        retries: the retries of the scenario.
    """
    before = sum(earlier.reason == failure.reason for earlier in history)
    return before < retries.most(failure.reason, exit_code)
