"""Leases on shares, files, containers and blobs: each operation takes a lease and returns the next one; pure.

Source: Microsoft's "Lease Share", "Lease File", "Lease Container" and "Lease Blob".
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from harness.emulator.storage_service import errors
from harness.emulator.storage_service.errors import StorageError
from harness.emulator.storage_service.model import Lease

State = Literal["available", "leased", "expired", "breaking", "broken"]
FOR_EVER = -1
_SHORTEST, _LONGEST = 15, 60  # seconds of a lease that is not infinite


def state(lease: Lease, now: datetime) -> State:
    """The state of a lease at a time."""
    if not lease.id:
        return "available"
    over = lease.until is not None and lease.until <= now
    if lease.breaking:
        return "broken" if over else "breaking"
    return "expired" if over else "leased"


def is_locked(lease: Lease, now: datetime) -> bool:
    """Whether only the holder of the lease may change the resource."""
    return state(lease, now) in ("leased", "breaking")


def describe(lease: Lease, now: datetime) -> list[tuple[str, str]]:
    """The properties of a lease: its status, its state and, while it is active, its duration."""
    current = state(lease, now)
    properties = [("lease-status", "locked" if is_locked(lease, now) else "unlocked"), ("lease-state", current)]
    if current == "leased":
        properties.append(("lease-duration", "infinite" if lease.duration == FOR_EVER else "fixed"))
    return properties


def headers(lease: Lease, now: datetime) -> list[tuple[str, str]]:
    """The properties of a lease as headers."""
    return [(f"x-ms-{name}", value) for name, value in describe(lease, now)]


@dataclass(frozen=True, slots=True)
class Action:
    """The parameters of a Lease request.

    Args:
        verb: ``acquire``, ``renew``, ``change``, ``release`` or ``break``.
        duration: seconds, -1 for infinite, None if absent.
        proposed: an id for the new lease, or empty.
        lease_id: the id of the lease that the caller holds, or empty.
        period: seconds until a broken lease ends, None if absent.
        endless: whether only infinite leases are allowed (files).
    """

    verb: str
    duration: int | None
    proposed: str
    lease_id: str
    period: int | None
    endless: bool


def apply(action: Action, lease: Lease, now: datetime) -> Lease:
    """The lease after an action.

    Raises:
        StorageError: the action is unknown, incomplete, or not allowed in the lease's state.
    """
    step = _STEPS.get(action.verb)
    if step is None:
        raise errors.invalid_header("x-ms-lease-action")
    return step(action, lease, now)


def remaining(lease: Lease, now: datetime) -> int:
    """Whole seconds until a breaking lease ends."""
    if lease.until is None or lease.until <= now:
        return 0
    return -int(-(lease.until - now).total_seconds() // 1)


def after_write(lease: Lease, now: datetime) -> Lease:
    """The lease after a write to its resource.

    A write removes an expired or broken lease, which then can no longer be renewed.
    """
    return lease if is_locked(lease, now) else Lease()


def check(lease: Lease, lease_id: str, now: datetime, *, noun: str, change: bool) -> None:
    """Check that a request has the lease that it needs.

    Args:
        lease_id: the ``x-ms-lease-id`` of the request, or empty.
        noun: ``Share``, ``File``, ``Container`` or ``Blob``.
        change: whether the operation writes; then it must name an active lease.

    Raises:
        StorageError: the request names no lease, another lease, or one that has ended.
    """
    locked = is_locked(lease, now)
    if not lease_id:
        if change and locked:
            named = "file share" if noun == "Share" else noun.lower()
            text = f"There is currently a lease on the {named} and no lease ID was specified in the request."
            raise errors.lease(412, "LeaseIdMissing", text)
        return
    identifier = _identifier(lease_id, "x-ms-lease-id")
    if not lease.id:
        text = f"There is currently no lease on the {noun.lower()}."
        raise errors.lease(412, f"LeaseNotPresentWith{noun}Operation", text)
    if lease.id != identifier:
        text = f"The lease ID specified did not match the lease ID for the {noun.lower()}."
        raise errors.lease(412, f"LeaseIdMismatchWith{noun}Operation", text)
    if not locked:
        text = f"A lease ID was specified, but the lease for the {noun.lower()} has expired."
        raise errors.lease(412, "LeaseLost", text)


def _acquire(action: Action, lease: Lease, now: datetime) -> Lease:
    duration = action.duration
    if duration is None:
        raise errors.missing_header("x-ms-lease-duration")
    if duration != FOR_EVER and (action.endless or not _SHORTEST <= duration <= _LONGEST):
        raise errors.invalid_header("x-ms-lease-duration")
    proposed = _identifier(action.proposed, "x-ms-proposed-lease-id") if action.proposed else str(uuid.uuid4())
    current = state(lease, now)
    if current == "breaking" or (current == "leased" and lease.id != proposed):
        raise _present_error()
    return _active_lease(proposed, duration, now)


def _renew(action: Action, lease: Lease, now: datetime) -> Lease:
    _require_holder(action, lease)
    if lease.breaking:
        text = "The lease ID matched, but the lease has been broken explicitly and cannot be renewed."
        raise errors.lease(409, "LeaseIsBrokenAndCannotBeRenewed", text)
    return _active_lease(lease.id, lease.duration, now)


def _change(action: Action, lease: Lease, now: datetime) -> Lease:
    if not action.proposed:
        raise errors.missing_header("x-ms-proposed-lease-id")
    proposed = _identifier(action.proposed, "x-ms-proposed-lease-id")
    lease_id = _identifier(action.lease_id, "x-ms-lease-id") if action.lease_id else ""
    current = state(lease, now)
    if current == "breaking":
        text = "The lease ID matched, but the lease is currently in breaking state and cannot be changed."
        raise errors.lease(409, "LeaseIsBreakingAndCannotBeChanged", text)
    if current != "leased":
        raise _absent_error()
    if lease.id not in (lease_id, proposed):
        raise _mismatch_error()
    return Lease(proposed, lease.duration, lease.until)


def _release(action: Action, lease: Lease, _now: datetime) -> Lease:
    _require_holder(action, lease)
    return Lease()


def _break(action: Action, lease: Lease, now: datetime) -> Lease:
    current = state(lease, now)
    if current == "available":
        raise _absent_error()
    if action.period is not None and not 0 <= action.period <= _LONGEST:
        raise errors.invalid_header("x-ms-lease-break-period")
    if current in ("broken", "expired"):
        return Lease(lease.id, lease.duration, now, breaking=True)
    if lease.until is None:  # breaking an infinite lease ends it at once, unless the request gives a period
        end = now + timedelta(seconds=action.period or 0)
    else:
        end = lease.until
        if action.period is not None:
            end = min(end, now + timedelta(seconds=action.period))
    return Lease(lease.id, lease.duration, end, breaking=True)


_STEPS: dict[str, Callable[[Action, Lease, datetime], Lease]] = {
    "acquire": _acquire,
    "renew": _renew,
    "change": _change,
    "release": _release,
    "break": _break,
}


def _active_lease(lease_id: str, duration: int, now: datetime) -> Lease:
    return Lease(lease_id, duration, None if duration == FOR_EVER else now + timedelta(seconds=duration))


def _require_holder(action: Action, lease: Lease) -> None:
    if not action.lease_id:
        raise errors.missing_header("x-ms-lease-id")
    if lease.id != _identifier(action.lease_id, "x-ms-lease-id"):
        raise _mismatch_error()


def _identifier(text: str, header: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise errors.invalid_header(header) from None


def _present_error() -> StorageError:
    return errors.lease(409, "LeaseAlreadyPresent", "There is already a lease present.")


def _absent_error() -> StorageError:
    text = "There is currently no lease on the resource."
    return errors.lease(409, "LeaseNotPresentWithLeaseOperation", text)


def _mismatch_error() -> StorageError:
    text = "The lease ID specified did not match the lease ID for the resource with the specified lease operation."
    return errors.lease(409, "LeaseIdMismatchWithLeaseOperation", text)
