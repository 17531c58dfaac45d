"""Strategies for scenarios with one mistake, and the field that the error message must name."""

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
        document: the scenario as plain data.
        field: the wrong field, in the form of messages: ``job.nodes``.
    """

    document: dict[str, Any]
    field: str


def flawed_scenarios() -> st.SearchStrategy[Flawed]:
    """Generate scenarios with one wrong field."""
    return st.builds(_add_flaw, scenarios(), st.sampled_from(sorted(_FLAWS)))


def _add_flaw(document: dict[str, Any], field: str) -> Flawed:
    wrong = copy.deepcopy(document)
    _FLAWS[field](wrong)
    return Flawed(wrong, field)


def _set_field(*field_path: str, value: Any) -> _Change:
    def change(document: dict[str, Any]) -> None:
        for name in field_path[:-1]:
            document = document.setdefault(name, {})
        document[field_path[-1]] = value

    return change


def _remove_field(*field_path: str) -> _Change:
    def change(document: dict[str, Any]) -> None:
        for name in field_path[:-1]:
            document = document[name]
        del document[field_path[-1]]

    return change


_FLAWS: dict[str, _Change] = {
    "resource_group": _remove_field("resource_group"),
    "cluster.name": _set_field("cluster", "name", value="not a name"),
    "cluster.nodes": _set_field("cluster", "nodes", value=0),
    "cluster.sise": _set_field("cluster", "sise", value="STANDARD_NC6"),
    "job.toolkit": _set_field("job", "toolkit", value="theano"),
    "job.nodes": _set_field("job", "nodes", value=10_000),
    "job.stdouterr": _set_field("job", "stdouterr", value="$AZ_BATCHAI_MOUNT_ROOT/~nowhere/logs"),
    "job.preparation": _set_field("job", "preparation", value="echo {thereIsNoSuchParameter}"),
    "job.environment.WHERE": _set_field("job", "environment", "WHERE", value="$AZ_BATCHAI_INPUT_thereIsNone"),
    "metrics.odd.pattern": _set_field("metrics", "odd", value={"pattern": "no group"}),
    "expect.metrics.unmeasured": _set_field("expect", "metrics", "unmeasured", value={"max": 1}),
    "expect.files.nowhere": _set_field("expect", "files", "nowhere", value=["*"]),
    "limits.running": _set_field("limits", "running", value="PT0S"),
    "sweep.grid.unused": _set_field("sweep", value={"grid": {"unused": [1, 2]}}),
    "scope": _set_field("scope", value="eternity"),
}
