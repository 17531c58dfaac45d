"""What a fault may strike, and what a host answers then: known to every service, which need not know of fault plans."""

from dataclasses import dataclass
from typing import Literal

from harness.fault_plans import Scope

InjectedError = Literal["throttled", "unavailable", "failed", "absent", "expired", "full"]
"""What a host can be made to answer: 429 or its like, 503, 500, 404, 401 for the token, a full disk."""


@dataclass(frozen=True, slots=True)
class FaultTarget:
    """What a request or a decision concerns, as far as a plan's scope can tell.

    Attributes:
        group: a resource group; empty where there is none.
        share: a share or container; empty where there is none.
        polls: whether a request polls a long-running operation, which belongs to every scope.
    """

    service: Literal["arm", "aad", "storage", "compute"]
    group: str = ""
    share: str = ""
    polls: bool = False


def covers(scope: Scope, place: FaultTarget) -> bool:
    """Whether a plan of this scope may strike there."""
    if not (scope.group or scope.shares) or place.polls:
        return True
    if place.share:
        return place.share in scope.shares
    return bool(place.group) and place.group.lower() == scope.group.lower()
