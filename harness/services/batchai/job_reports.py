"""The JSON of jobs in requests and in the service's reports, which is the same. Pure."""

from collections.abc import Mapping
from typing import Any

from harness.services.service import JobView
from harness.services.timestamps import parse_timestamp

_SETTINGS = (
    "cntkSettings",
    "tensorFlowSettings",
    "pyTorchSettings",
    "caffeSettings",
    "caffe2Settings",
    "chainerSettings",
    "horovodSettings",
    "customMpiSettings",
    "customToolkitSettings",
)
_COMMAND = ("pythonScriptFilePath", "commandLineArgs", "masterCommandLineArgs", "commandLine")


def command_of(job: Mapping[str, Any]) -> tuple[str, ...]:
    """The command of a job in a request or a report: script, arguments, command line, image."""
    properties = job.get("properties") or {}
    parts = [properties.get(name) or {} for name in _SETTINGS]
    texts = [part.get(name) for part in parts for name in _COMMAND]
    container = properties.get("containerSettings") or {}
    texts.append((container.get("imageSourceRegistry") or {}).get("image"))
    return tuple(text for text in texts if text)


def job_view(job: Mapping[str, Any]) -> JobView:
    """Convert the service's report on a job."""
    properties = job.get("properties") or {}
    info = properties.get("executionInfo") or {}
    return JobView(
        name=job["name"],
        state=str(properties.get("executionState")),
        exit_code=info.get("exitCode"),
        errors=tuple(f"{error.get('code')}: {error.get('message')}" for error in info.get("errors") or ()),
        created=parse_timestamp(properties.get("creationTime")),
        started=parse_timestamp(info.get("startTime")),
        ended=parse_timestamp(info.get("endTime")),
        command=command_of(job),
    )
