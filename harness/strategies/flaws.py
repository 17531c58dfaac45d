"""Scenarios with one mistake, and the field that a message about it must name."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from harness.strategies.scenarios import scenarios

_Change = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Flawed:
    """A scenario that cannot be loaded.

    Attributes:
        document: plain data.
        field: what is wrong in it, as messages have it: ``job.nodes``.
    """

    document: dict[str, Any]
    field: str


def flawed_scenarios() -> st.SearchStrategy[Flawed]:
    """Scenarios that would be right but for one field."""
    return st.builds(_flawed, scenarios(), st.sampled_from(sorted(_FLAWS)))


def _flawed(document: dict[str, Any], field: str) -> Flawed:
    wrong = copy.deepcopy(document)
    _FLAWS[field](wrong)
    return Flawed(wrong, field)


def _setting(*field_path: str, value: Any) -> _Change:
    def change(document: dict[str, Any]) -> None:
        for name in field_path[:-1]:
            document = document.setdefault(name, {})
        document[field_path[-1]] = value

    return change


def _removing(*field_path: str) -> _Change:
    def change(document: dict[str, Any]) -> None:
        for name in field_path[:-1]:
            document = document[name]
        del document[field_path[-1]]

    return change


_FLAWS: dict[str, _Change] = {
    "resource_group": _removing("resource_group"),
    "cluster.name": _setting("cluster", "name", value="not a name"),
    "cluster.nodes": _setting("cluster", "nodes", value=0),
    "cluster.sise": _setting("cluster", "sise", value="STANDARD_NC6"),
    "job.toolkit": _setting("job", "toolkit", value="theano"),
    "job.nodes": _setting("job", "nodes", value=10_000),
    "job.stdouterr": _setting("job", "stdouterr", value="$AZ_BATCHAI_MOUNT_ROOT/~nowhere/logs"),
    "job.preparation": _setting("job", "preparation", value="echo {thereIsNoSuchParameter}"),
    "job.environment.WHERE": _setting("job", "environment", "WHERE", value="$AZ_BATCHAI_INPUT_thereIsNone"),
    "metrics.odd.pattern": _setting("metrics", "odd", value={"pattern": "no group"}),
    "expect.metrics.unmeasured": _setting("expect", "metrics", "unmeasured", value={"max": 1}),
    "expect.files.nowhere": _setting("expect", "files", "nowhere", value=["*"]),
    "limits.running": _setting("limits", "running", value="PT0S"),
    "sweep.grid.unused": _setting("sweep", value={"grid": {"unused": [1, 2]}}),
    "scope": _setting("scope", value="eternity"),
}
