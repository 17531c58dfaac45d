"""The files through which a back end and a job's supervisor speak: the plan, and how far the job is.

Whatever runs the supervisor (``supervisor.py``, standard library alone) where it sees the job directory under the same
path, a batch system for one, gets a whole job for that: its steps, streams, logs, limits and exit code.
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
    """What a supervisor runs."""
    return json.dumps(_encoded(plan)).encode()


def write_plan(paths: JobPaths, plan: Plan) -> None:
    """Write what the supervisor runs, for its owner alone; it removes the file once it has read it."""
    write_file(paths.plan, encode_plan(plan))


def read_progress(paths: JobPaths) -> Progress:
    """How far a job is, as its supervisor says; ``waiting`` where it has said nothing yet."""
    return progress_of(read_state(paths))


def write_state(paths: JobPaths, state: Mapping[str, Any]) -> None:
    """Write how far a job is in place of its supervisor, which runs elsewhere."""
    write_file(paths.state, json.dumps(state).encode() + b"\n")


def read_state(paths: JobPaths) -> dict[str, Any]:
    """The last state of a job that was written whole; ``waiting`` where there is none yet."""
    try:
        states = paths.state.read_bytes().split(b"\n")[:-1]
    except (FileNotFoundError, IsADirectoryError):
        states = []
    state: dict[str, Any] = json.loads(states[-1]) if states else {"state": "waiting"}
    return state


def progress_of(state: Mapping[str, Any]) -> Progress:
    """How far a job is, of what its supervisor has written."""
    error = state.get("error")
    details = tuple((name, value) for name, value in state.get("details", ()))
    return Progress(
        state["state"],
        started=_moment(state.get("started")),
        ended=_moment(state.get("ended")),
        exit_code=state.get("exit_code"),
        error=error,
        message=state.get("message") or (ERRORS[error] if error else None),
        details=details,
        lost_nodes=tuple(value for name, value in details if name == "nodeId") if error == "JobNodeLost" else (),
    )


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


@functools.singledispatch
def _encoded(value: object) -> object:
    """The plan as JSON has it; dispatched by type so that a new field needs no second place."""
    if dataclasses.is_dataclass(value):
        return {field.name: _encoded(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return value


@_encoded.register
def _(value: Path) -> object:
    return str(value)


@_encoded.register
def _(value: tuple) -> object:  # type: ignore[type-arg]
    return [_encoded(item) for item in value]


@_encoded.register(Mapping)
def _(value: Mapping[object, object]) -> object:
    return {str(key): _encoded(item) for key, item in value.items()}
