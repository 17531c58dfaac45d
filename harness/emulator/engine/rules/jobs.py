"""The life of a job; pure. Its phases and the moves between them:

queued -> starting -> running -> succeeded | failed      starting, running -> queued (its nodes were released)
queued -> failed (terminated)
"""

import sys
from collections.abc import Mapping
from datetime import datetime

from msgspec.structs import replace

from harness.compute.backend import Progress
from harness.emulator.engine.model.address import Address
from harness.emulator.engine.model.records import Cluster, Job, Phase, Problem, Reason
from harness.emulator.engine.model.spec import JobPriority, JobSpec
from harness.emulator.engine.rules.pace import SUBMIT, Pace

MOVES: Mapping[Phase, frozenset[Phase]] = {
    "queued": frozenset({"starting", "failed"}),
    "starting": frozenset({"queued", "running", "succeeded", "failed"}),
    "running": frozenset({"queued", "succeeded", "failed"}),
    "succeeded": frozenset(),
    "failed": frozenset(),
}
_RANKS = {JobPriority.LOW: -1000, JobPriority.NORMAL: 0, JobPriority.HIGH: 1000}
TERMINATED = Problem("JobTerminated", "The specified job has been terminated by the user")
_ENDINGS: Mapping[Reason, Problem] = {
    "terminated": TERMINATED,
    "stopped": TERMINATED,
    "cluster deleted": Problem("JobClusterDeleted", "The cluster of the job was deleted while the job ran"),
}


def rank(spec: JobSpec) -> int:
    """The rank of a job in its queue: a higher one starts first."""
    return spec.priority if spec.priority is not None else _RANKS[spec.scheduling_priority]


def new_job(
    address: Address, spec: JobSpec, cluster: Cluster, *, location: str, incarnation: str, now: datetime, pace: Pace
) -> Job:
    """A job that was just submitted to a cluster, and can start shortly after.

    Args:
        incarnation: names this job among all that ever had its address.
    """
    return Job(
        address=address,
        location=location,
        spec=spec,
        cluster=sys.intern(cluster.key),  # thousands of jobs may wait for one cluster
        incarnation=incarnation,
        segment="",
        logs="",
        volumes=(),
        created=now,
        ready=pace.after(now, SUBMIT),
        phase="queued",
        changed=now,
    )


def assign_nodes(job: Job, nodes: tuple[str, ...]) -> Job:
    """The job with the nodes that it will run on."""
    return _to(job, "starting", nodes=nodes)


def requeue(job: Job, now: datetime) -> Job:
    """The job, back in the queue because its nodes were released."""
    return _to(job, "queued", nodes=(), run=job.run + 1, started=None, ending=None, changed=now)


def apply_progress(job: Job, progress: Progress, now: datetime) -> Job:
    """The job in the state that its back end reports; the same object if nothing changed."""
    if progress.state == "finished":
        return _finished(job, progress, now)
    if progress.state in ("preparing", "running") and job.phase == "starting":
        started = progress.started or now
        return _to(job, "running", started=started, changed=started)
    return job


def fail_to_start(job: Job, problem: Problem, now: datetime, *, exit_code: int | None = None) -> Job:
    """The job after a failed start."""
    return _to(job, "failed", started=now, ended=now, changed=now, problems=(problem,), exit_code=exit_code)


def withdraw(job: Job, now: datetime) -> Job:
    """A queued job after its termination. The service dates its start to the request, and its end to now."""
    since = job.terminating.since if job.terminating else now
    return _to(job, "failed", started=since, ended=now, changed=now, problems=(TERMINATED,))


def _finished(job: Job, progress: Progress, now: datetime) -> Job:
    started, ended = progress.started or now, progress.ended or now
    if progress.error == "JobTerminated" and job.ending == "requeued":
        return requeue(job, now)
    if progress.lost_nodes and job.ending in (None, "requeued"):
        return requeue(job, now)
    if progress.error is None:
        return _to(job, "succeeded", started=started, ended=ended, changed=ended, exit_code=progress.exit_code)
    problem = Problem(progress.error, progress.message or progress.error, progress.details)
    is_ended = progress.error == "JobTerminated" or bool(progress.lost_nodes)
    if is_ended and job.ending:
        problem = _ENDINGS.get(job.ending, problem)
    exit_code = None if is_ended else progress.exit_code
    return _to(job, "failed", started=started, ended=ended, changed=ended, exit_code=exit_code, problems=(problem,))


def _to(job: Job, phase: Phase, **changes: object) -> Job:
    if phase not in MOVES[job.phase]:
        raise ValueError(f"a job does not move from {job.phase} to {phase}")
    return replace(job, phase=phase, **changes)
