"""Translation of the states of jobs, from the words of this service to those of all services. Pure."""

import re
from collections.abc import Mapping
from typing import Any

from harness.services.moments import moment_of
from harness.services.service import JobView

_STATES: Mapping[str, str] = {
    "Running": "running",
    "CancelRequested": "terminating",
    "Finalizing": "terminating",
    "Completed": "succeeded",
    "Failed": "failed",
    "Canceled": "failed",
    "NotResponding": "running",  # the job may recover; limits.running ends the wait
}
_FAILED_BY_HAND = "Canceled"
_EXIT_CODE = re.compile(r"(?:status|exit) code (-?\d+)")


def state_of(status: str) -> str:
    """The state of a job; everything before it runs counts as queued, such as pulling an image or booting nodes."""
    return _STATES.get(status, "queued")


def job_view(name: str, job: Mapping[str, Any], details: Mapping[str, Any] | None) -> JobView:
    """The service's report on a job.

    Args:
        name: the job's name in the scenario.
        job: the resource.
        details: the details of its run, with its times and its error; None for a job that has not ended.
    """
    properties, run = job["properties"], details or {}
    status = str(properties.get("status"))
    state = state_of(status)
    message = _message(run)
    exit_code = 0 if state == "succeeded" else None
    if state == "failed" and (found := _EXIT_CODE.search(message)):
        exit_code = int(found[1])
    errors = [message] if message else []
    if status == _FAILED_BY_HAND:
        errors.append("Canceled: the job was cancelled")
    return JobView(
        name=name,
        state=state,
        exit_code=exit_code,
        errors=tuple(errors),
        created=moment_of((job.get("systemData") or {}).get("createdAt")),
        started=moment_of(run.get("startTimeUtc")),
        ended=moment_of(run.get("endTimeUtc")),
        command=(str(properties.get("command")),),
    )


def _message(run: Mapping[str, Any]) -> str:
    error = (run.get("error") or {}).get("error") or {}
    return f"{error.get('code')}: {error.get('message')}" if error else ""
