"""What happens to resources, as frozen records: the command line draws them, the plugin logs them."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Began:
    """A step began: ``creating`` or ``deleting`` something, or ``registering`` a provider."""

    step: str
    name: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A step ended well."""

    step: str
    name: str


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """The nodes of a cluster, counted; ``str`` is the quickstart's own line."""

    state: str
    target: int
    allocated: int
    idle: int
    unusable: int
    running: int
    preparing: int
    leaving: int

    def __str__(self) -> str:
        return (
            f"Cluster state: {self.state} Target: {self.target}; Allocated: {self.allocated}; "
            f"Idle: {self.idle}; Unusable: {self.unusable}; Running: {self.running}; "
            f"Preparing: {self.preparing}; Leaving: {self.leaving}"
        )


@dataclass(frozen=True, slots=True)
class TeardownFailed:
    """Something is left behind; ``harness reap`` deletes it later."""

    name: str
    reason: str


Event = Began | Ended | ClusterStatus | TeardownFailed
Sink = Callable[[Event], None]
