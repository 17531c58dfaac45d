"""Responses of Resource Manager to injected faults."""

from datetime import datetime

from harness.emulator.context import Request, Response
from harness.emulator.fault_targets import Trouble
from harness.emulator.providers.arm import errors


def troubled(request: Request, trouble: Trouble, *, subscription: str, now: datetime) -> Response:
    """The response to any request; the fault of an expired token is handled elsewhere."""
    match trouble:
        case "throttled":
            return errors.throttled(subscription)
        case "unavailable":
            return errors.unavailable()
        case "absent":
            return _absent(request.path)
        case _:
            return errors.failed(subscription, now)


def _absent(path: str) -> Response:
    """The response that says that a resource or group does not exist yet."""
    words = path.strip("/").split("/")
    group = words[3] if len(words) > 3 else ""
    if len(words) < 7:
        return errors.group_not_found(group)
    return errors.resource_not_found("/".join(words[5:]), group)
