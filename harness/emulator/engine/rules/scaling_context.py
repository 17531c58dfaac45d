"""What the next step of a cluster depends on: the time, its queue, its quota, its machines, its set-up tasks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from harness.emulator.engine.model.records import Problem
from harness.emulator.engine.rules.pace import Pace


@dataclass(frozen=True, slots=True)
class NodeQuota:
    """The most nodes that the subscription's quota allows a cluster, and what the cluster reports if it needs more."""

    most: int
    message: str


@dataclass(frozen=True, slots=True)
class NodeMachines:
    """The coming nodes that have machines, by id, and why the others have none yet."""

    placed: frozenset[str]
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ScalingContext:
    """What the next step of a cluster depends on.

    ``wanted`` is how many nodes the jobs in its queue could use. ``setups`` holds the result of each set-up task that
    has ended, by node: True for success, or its problem. ``mounts`` is the problem of a mount that failed. ``quota`` is
    None where nothing limits the cluster. ``machines`` says which nodes have one, None where nodes need none.
    """

    now: datetime
    pace: Pace
    wanted: int = 0
    has_setup: bool = False
    setups: Mapping[str, bool | Problem] = field(default_factory=dict)
    mounts: Problem | None = None
    quota: NodeQuota | None = None
    machines: NodeMachines | None = None
