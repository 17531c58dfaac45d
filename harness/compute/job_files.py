"""The files through which a back end and a job's supervisor communicate: the plan and the state of the job.

A batch system, or anything else that can run the supervisor (``supervisor.py``, standard library only) with the job
directory under the same path, runs a complete job: its steps, streams, logs, limits and exit code.
"""

import dataclasses
import functools
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.atomic_file import write_file
from harness.compute.backend import ERRORS, Plan, Progress
from harness.compute.paths import JobPaths


def encode_plan(plan: Plan) -> bytes:
    """Encode a plan as the JSON that a supervisor reads."""
    return json.dumps(_to_json(plan)).encode()


def write_plan(paths: JobPaths, plan: Plan) -> None:
    """Write the plan for the supervisor, readable by its owner alone; the supervisor removes the file."""
    write_file(paths.plan, encode_plan(plan))


def read_progress(paths: JobPaths) -> Progress:
    """Return the progress that a job's supervisor has written; ``waiting`` if it has written none yet."""
    return decode_progress(read_state(paths))


def write_state(paths: JobPaths, state: Mapping[str, Any]) -> None:
    """Write the state of a job whose supervisor runs on another machine."""
    write_file(paths.state, json.dumps(state).encode() + b"\n")


def read_state(paths: JobPaths) -> dict[str, Any]:
    """Return the last complete state of a job; ``waiting`` if there is none yet."""
    try:
        states = paths.state.read_bytes().split(b"\n")[:-1]
    except (FileNotFoundError, IsADirectoryError):
        states = []
    state: dict[str, Any] = json.loads(states[-1]) if states else {"state": "waiting"}
    return state


def decode_progress(state: Mapping[str, Any]) -> Progress:
    """Convert a state that a supervisor has written."""
    error = state.get("error")
    details = tuple((name, value) for name, value in state.get("details", ()))
    return Progress(
        state["state"],
        started=_utc_time(state.get("started")),
        ended=_utc_time(state.get("ended")),
        exit_code=state.get("exit_code"),
        error=error,
        message=state.get("message") or (ERRORS[error] if error else None),
        details=details,
        lost_nodes=tuple(value for name, value in details if name == "nodeId") if error == "JobNodeLost" else (),
    )


def _utc_time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


@functools.singledispatch
def _to_json(value: object) -> object:
    """Convert a plan to JSON values; dispatched by type, so that a new field needs no code here."""
    if dataclasses.is_dataclass(value):
        return {field.name: _to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return value


@_to_json.register
def _(value: Path) -> object:
    return str(value)


@_to_json.register
def _(value: tuple) -> object:  # type: ignore[type-arg]
    return [_to_json(item) for item in value]


@_to_json.register(Mapping)
def _(value: Mapping[object, object]) -> object:
    return {str(key): _to_json(item) for key, item in value.items()}
