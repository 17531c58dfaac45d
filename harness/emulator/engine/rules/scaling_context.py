"""The input of the scaling rules of a cluster: the time, its queue, its quota, its machines, its set-up tasks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from harness.emulator.engine.model.records import Problem
from harness.emulator.engine.rules.pace import Pace


@dataclass(frozen=True, slots=True)
class NodeQuota:
    """The most nodes that the subscription's quota allows a cluster, and the message if the cluster needs more."""

    most: int
    message: str


@dataclass(frozen=True, slots=True)
class NodeMachines:
    """The ids of the coming nodes that have machines, and why the others have none yet."""

    placed: frozenset[str]
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ScalingContext:
    """The input of the scaling rules of a cluster.

    ``nodes_needed`` is how many nodes the jobs in its queue could use. ``setups`` holds the result of each set-up task
    that has ended, by node: True for success, or its problem. ``mounts`` is the problem of a mount that failed.
    ``quota`` is None where nothing limits the cluster. ``machines`` says which nodes have a machine; it is None where
    nodes need no machine.
    """

    now: datetime
    pace: Pace
    nodes_needed: int = 0
    has_setup: bool = False
    setups: Mapping[str, bool | Problem] = field(default_factory=dict)
    mounts: Problem | None = None
    quota: NodeQuota | None = None
    machines: NodeMachines | None = None
