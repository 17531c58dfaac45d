"""Raw requests to Azure Machine Learning: Resource Manager, and the run history of a region.

Microsoft's own client for jobs needs 60 packages and sends the same requests.
"""

from collections.abc import Mapping
from contextlib import suppress

from azure.core.rest import HttpResponse

from harness.clouds import Poller
from harness.errors import ProvisioningError
from harness.services.arm_client import ArmClient, document_of

VERSION = "2025-09-01"
"""The API version of everything below Microsoft.MachineLearningServices."""

_ENDED = frozenset({"succeeded", "failed", "canceled"})


class RestClient(ArmClient):
    """Sends requests with the token of the cloud, and waits for long-running operations."""

    version = VERSION

    def finish(self, response: HttpResponse, poller: Poller, *, action: str, deadline: float) -> None:
        """Wait for the end of a long-running operation, by polling the URL in the response to its first request.

        Args:
            response: the response to a PUT, a POST or a DELETE.
            poller: the poller of the cloud.
            action: the operation, for the message: ``create compute mycluster``.
            deadline: the longest wait, in seconds.

        Raises:
            HttpResponseError: the service refuses.
            ProvisioningError: the operation failed, or took too long.
        """
        address = response.headers.get("Azure-AsyncOperation") or response.headers.get("Location")
        if response.status_code not in (201, 202) or not address:
            return
        is_status = "Azure-AsyncOperation" in response.headers
        if not is_status and response.status_code == 201:
            return  # the URL is that of the created resource
        end = poller.clock.monotonic() + deadline
        for pause in poller.pauses():
            poller.clock.sleep(pause_before(response.headers, pause, most=max(0.0, end - poller.clock.monotonic())))
            response = self.send("GET", address)
            if _is_over(response, is_status=is_status, action=action):
                return
            if poller.clock.monotonic() >= end:
                break
        raise ProvisioningError(f"cannot {action}: it was not done after {deadline:.0f} s")


def _is_over(response: HttpResponse, *, is_status: bool, action: str) -> bool:
    if not is_status:
        return response.status_code != 202
    document = document_of(response)
    status = str(document.get("status", "")).lower()
    if status not in _ENDED:
        return False
    if status != "succeeded":
        error = document.get("error") or {}
        reason = f"{error.get('code', '')}: {error.get('message', '')}".strip(": ") or f"it is {status}"
        raise ProvisioningError(f"cannot {action}: {reason}")
    return True


def pause_before(headers: Mapping[str, str], otherwise: float, *, most: float) -> float:
    """Seconds before the next poll: the service's request if it is a number, else ``otherwise``; at most ``most``."""
    for name, unit in (("x-ms-retry-after-ms", 1000.0), ("Retry-After", 1.0)):
        with suppress(KeyError, ValueError):
            seconds = float(headers[name]) / unit
            return min(seconds if seconds > 0 else otherwise, most)
    return min(otherwise, most)
