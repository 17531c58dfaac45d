"""Responses of Resource Manager to injected faults."""

from datetime import datetime

from harness.emulator.context import Request, Response
from harness.emulator.fault_targets import InjectedError
from harness.emulator.providers.arm import errors


def fault_response(request: Request, trouble: InjectedError, *, subscription: str, now: datetime) -> Response:
    """The response to a request that a fault hits; ``ResourceManager.refuse`` handles expired tokens."""
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
    """The response of a service that does not see a new resource or group yet."""
    segments = path.strip("/").split("/")
    group = segments[3] if len(segments) > 3 else ""
    if len(segments) < 7:
        return errors.group_not_found(group)
    return errors.resource_not_found("/".join(segments[5:]), group)
