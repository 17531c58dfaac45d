"""Translation of the service's job states to the states that all services share. Pure."""

import re
from collections.abc import Mapping
from typing import Any

from harness.services.service import JobView
from harness.services.timestamps import parse_timestamp

_STATES: Mapping[str, str] = {
    "Running": "running",
    "CancelRequested": "terminating",
    "Finalizing": "terminating",
    "Completed": "succeeded",
    "Failed": "failed",
    "Canceled": "failed",
    "NotResponding": "running",  # the job may recover; limits.running ends the wait
}
_CANCELLED = "Canceled"
_EXIT_CODE = re.compile(r"(?:status|exit) code (-?\d+)")


def state_of(status: str) -> str:
    """The state of a job; every state before it runs, such as pulling an image or booting nodes, counts as queued."""
    return _STATES.get(status, "queued")


def job_view(name: str, job: Mapping[str, Any], details: Mapping[str, Any] | None) -> JobView:
    """Convert the service's report on a job.

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
    if state == "failed" and (match := _EXIT_CODE.search(message)):
        exit_code = int(match[1])
    errors = [message] if message else []
    if status == _CANCELLED:
        errors.append("Canceled: the job was cancelled")
    return JobView(
        name=name,
        state=state,
        exit_code=exit_code,
        errors=tuple(errors),
        created=parse_timestamp((job.get("systemData") or {}).get("createdAt")),
        started=parse_timestamp(run.get("startTimeUtc")),
        ended=parse_timestamp(run.get("endTimeUtc")),
        command=(str(properties.get("command")),),
    )


def _message(run: Mapping[str, Any]) -> str:
    error = (run.get("error") or {}).get("error") or {}
    return f"{error.get('code')}: {error.get('message')}" if error else ""
