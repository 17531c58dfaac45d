"""Decisions of a run: which actions the states of the trials and the time require. Pure."""

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
    """The state of one trial that decisions depend on.

    Attributes:
        nodes: how many nodes its job needs.
        since: when it entered its state, in the clock's monotonic seconds.
        submitted: when its job was submitted, in the same seconds.
        returns: how often the job was returned to the queue because its node was removed.
        is_stopping: whether the harness has terminated its job.
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
    """How an attempt of a trial failed; ``text`` describes it to users."""

    reason: Reason
    text: str


Action = Submit | Stop


def decide(trials: Sequence[TrialView], *, capacity: int, now: float, limits: Limits) -> tuple[Action, ...]:
    """The actions that are due.

    Jobs are submitted in file order while the cluster has free nodes. A job that does not fit waits, and the jobs
    after it wait too, so that a large job is not overtaken for ever. A job that is queued or running for longer than
    its limit is stopped. A job that alternates between both states is stopped when the sum of both limits is over.

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
    limits_by_state = {TrialState.QUEUED: ("queued", limits.queued), TrialState.RUNNING: ("running", limits.running)}
    if trial.is_stopping or trial.state not in limits_by_state:
        return ""
    name, limit = limits_by_state[trial.state]
    seconds, most = now - trial.since, limit.total_seconds()
    if seconds > most:
        return f"was {name} for {seconds:.0f} s, and limits.{name} is {most:.0f} s"
    seconds, most = now - trial.submitted, (limits.queued + limits.running).total_seconds()
    if trial.returns and seconds > most:
        times = f"was returned to the queue {trial.returns} times, because its nodes were removed"
        return f"{times}, and had not ended after {seconds:.0f} s; limits.queued and limits.running are {most:.0f} s"
    return ""


def failure_of(view: JobView, stopped: Stop | None) -> Failure | None:
    """How a finished job failed, if another attempt may end differently; else None.

    Args:
        view: the state of the job.
        stopped: why the harness terminated the job; None if it did not.
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
        history: the failures of the earlier attempts.
        retries: the retries of the scenario.
    """
    earlier_failures = sum(earlier.reason == failure.reason for earlier in history)
    return earlier_failures < retries.most(failure.reason, exit_code)
