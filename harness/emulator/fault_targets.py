"""The targets of faults, and the errors that hosts answer with. Services need only these types, not fault plans."""

from dataclasses import dataclass
from typing import Literal

from harness.fault_plans import Scope

InjectedError = Literal["throttled", "unavailable", "failed", "absent", "expired", "full"]
"""An error that a host answers with: 429 or the service's equivalent, 503, 500, 404, 401 for the token, a full disk."""


@dataclass(frozen=True, slots=True)
class FaultTarget:
    """What a request or a decision concerns, as far as the scope of a fault plan distinguishes it.

    Attributes:
        group: a resource group; empty if there is none.
        share: a share or container; empty if there is none.
        polls: whether a request polls a long-running operation, which belongs to every scope.
    """

    service: Literal["arm", "aad", "storage", "compute"]
    group: str = ""
    share: str = ""
    polls: bool = False


def covers(scope: Scope, target: FaultTarget) -> bool:
    """Whether a fault plan of this scope applies to a target."""
    if not (scope.group or scope.shares) or target.polls:
        return True
    if target.share:
        return target.share in scope.shares
    return bool(target.group) and target.group.lower() == scope.group.lower()
