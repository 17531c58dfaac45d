"""Lease requests of the storage services: headers to an action, and the new lease to a response."""

from datetime import datetime

from harness.emulator.context import Response
from harness.emulator.storage_service import headers, leases
from harness.emulator.storage_service.model import Lease
from harness.emulator.storage_service.operations import Call

_STATUS = {"acquire": 201, "renew": 200, "change": 200, "release": 200, "break": 202}


def apply_request(call: Call, lease: Lease, *, endless: bool) -> tuple[leases.Action, Lease]:
    """The action in a lease request, and the lease after it.

    Args:
        endless: whether only infinite leases are allowed.

    Raises:
        StorageError: the request is not allowed.
    """
    request = call.request
    action = leases.Action(
        verb=request.headers.get("x-ms-lease-action", "").lower(),
        duration=headers.number(request, "x-ms-lease-duration", least=-1, most=1 << 31),
        proposed=request.headers.get("x-ms-proposed-lease-id", ""),
        lease_id=request.headers.get("x-ms-lease-id", ""),
        period=headers.number(request, "x-ms-lease-break-period", most=1 << 31),
        endless=endless,
    )
    return action, leases.apply(action, lease, call.now)


def lease_response(action: leases.Action, lease: Lease, now: datetime, stamps: list[tuple[str, str]]) -> Response:
    """The response to a lease request."""
    response_headers = list(stamps)
    if action.verb == "break":
        response_headers.append(("x-ms-lease-time", str(leases.remaining(lease, now))))
    elif action.verb != "release":
        response_headers.append(("x-ms-lease-id", lease.id))
    return Response(_STATUS[action.verb], headers=response_headers)
