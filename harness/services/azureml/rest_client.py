"""Raw requests to Azure Machine Learning: Resource Manager, and the run history of a region.

Microsoft's own client for jobs needs 60 packages and sends the same requests. These go through the one session of a
cloud, so they are retried, recorded and replayed like those of every other client.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from azure.core import PipelineClient
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.core.pipeline.policies import UserAgentPolicy
from azure.core.rest import HttpRequest, HttpResponse
from azure.mgmt.core.exceptions import ARMErrorFormat

from harness.clouds import Poller
from harness.errors import ProvisioningError

VERSION = "2025-09-01"
"""The API version of everything below Microsoft.MachineLearningServices."""

_MANAGEMENT = "https://management.azure.com"
_ERRORS: Mapping[int, type[HttpResponseError]] = {
    401: ClientAuthenticationError,
    404: ResourceNotFoundError,
    409: ResourceExistsError,
}
_ENDED = frozenset({"succeeded", "failed", "canceled"})
_MOST_PAGES = 1000


class RestClient:
    """Requests with the token of the cloud; made like the SDKs' management clients.

    Args:
        credential: not used: the policy holds it.
        subscription_id: of the cloud.
        authentication_policy: signs requests.
        transport: sends them.
    """

    def __init__(
        self, credential: object, subscription_id: str, *, authentication_policy: Any, transport: Any, **_options: Any
    ) -> None:
        del credential
        self.subscription_id = subscription_id
        policies = [UserAgentPolicy("batchai-harness"), authentication_policy]
        self._client: PipelineClient[Any, Any] = PipelineClient(_MANAGEMENT, policies=policies, transport=transport)

    def send(self, method: str, url: str, *, body: object = None, version: str = VERSION, **query: str) -> HttpResponse:
        """The response to a request.

        Args:
            method: the HTTP method.
            url: a resource id, or an absolute address, which is sent as it is.
            body: a JSON value; None for none.
            version: the API version, where ``url`` is a resource id.
            query: further parameters.

        Raises:
            HttpResponseError: the service refuses.
        """
        is_absolute = url.startswith("https://")
        request = HttpRequest(
            method,
            url if is_absolute else f"{_MANAGEMENT}{url}",
            params={} if is_absolute else {"api-version": version, **query},
            json=body,
        )
        response: HttpResponse = self._client.send_request(request)
        if response.status_code >= 400:
            kind = _ERRORS.get(response.status_code, HttpResponseError)
            raise kind(response=response, error_format=ARMErrorFormat)
        return response

    def get(self, url: str, *, version: str = VERSION, **query: str) -> dict[str, Any]:
        """A resource. Raises HttpResponseError; ResourceNotFoundError where there is none."""
        document: dict[str, Any] = self.send("GET", url, version=version, **query).json()
        return document

    def find(self, url: str, *, version: str = VERSION) -> dict[str, Any] | None:
        """A resource; None where there is none. Raises HttpResponseError."""
        try:
            return self.get(url, version=version)
        except ResourceNotFoundError:
            return None

    def list(self, url: str, **query: str) -> Iterator[dict[str, Any]]:
        """Every element of a list, page after page. Raises HttpResponseError."""
        page = self.get(url, **query)
        for _ in range(_MOST_PAGES):
            yield from page.get("value") or ()
            following = page.get("nextLink")
            if not following:
                return
            page = self.get(following)

    def finish(self, response: HttpResponse, poller: Poller, *, what: str, deadline: float) -> None:
        """Return when the long-running operation that an answer has begun is over; its address is followed as it is.

        Args:
            response: the answer to a PUT, a POST or a DELETE.
            poller: of the cloud.
            what: the operation, for the message: ``create compute mycluster``.
            deadline: seconds.

        Raises:
            HttpResponseError: the service refuses.
            ProvisioningError: the operation failed, or took too long.
        """
        address = response.headers.get("Azure-AsyncOperation") or response.headers.get("Location")
        if response.status_code not in (201, 202) or not address:
            return
        is_status = "Azure-AsyncOperation" in response.headers
        if not is_status and response.status_code == 201:
            return  # the address of what was created
        end = poller.clock.monotonic() + deadline
        for pause in poller.pauses():
            poller.clock.sleep(pause_before(response.headers, pause, most=max(0.0, end - poller.clock.monotonic())))
            response = self.send("GET", address)
            if _is_over(response, is_status=is_status, what=what):
                return
            if poller.clock.monotonic() >= end:
                break
        raise ProvisioningError(f"cannot {what}: it was not done after {deadline:.0f} s")


def _is_over(response: HttpResponse, *, is_status: bool, what: str) -> bool:
    if not is_status:
        return response.status_code != 202
    document = response.json()
    status = str(document.get("status", "")).lower()
    if status not in _ENDED:
        return False
    if status != "succeeded":
        error = document.get("error") or {}
        reason = f"{error.get('code', '')}: {error.get('message', '')}".strip(": ") or f"it is {status}"
        raise ProvisioningError(f"cannot {what}: {reason}")
    return True


def pause_before(headers: Mapping[str, str], otherwise: float, *, most: float) -> float:
    """Seconds to wait before the next look: what the service asks for, if it is a time, else ``otherwise``."""
    for name, unit in (("x-ms-retry-after-ms", 1000.0), ("Retry-After", 1.0)):
        with suppress(KeyError, ValueError):
            asked = float(headers[name]) / unit
            return min(asked if asked > 0 else otherwise, most)
    return min(otherwise, most)
