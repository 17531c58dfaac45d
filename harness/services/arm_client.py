"""Raw requests to Resource Manager, whose responses are JSON.

They use the session of the cloud, so they are retried, recorded and replayed like those of every other client.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from azure.core import PipelineClient
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    DecodeError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.core.pipeline.policies import UserAgentPolicy
from azure.core.rest import HttpRequest, HttpResponse
from azure.mgmt.core.exceptions import ARMErrorFormat

_MANAGEMENT = "https://management.azure.com"
_ERRORS: Mapping[int, type[HttpResponseError]] = {
    401: ClientAuthenticationError,
    404: ResourceNotFoundError,
    409: ResourceExistsError,
}
_MOST_PAGES = 1000


class Document(dict[str, Any]):
    """A JSON object of a response. Access to a missing field raises an error of the service."""

    def __missing__(self, name: str) -> Any:
        identifier = self.get("id")
        raise AzureError(f"the answer lacks the field {name}{f' of {identifier}' if identifier else ''}")


class ArmClient:
    """Sends requests with the token of the cloud; it is created like the SDKs' management clients.

    Args:
        credential: not used, because the policy has it.
        subscription_id: the subscription of the cloud.
        authentication_policy: authorizes requests.
        transport: sends requests.

    Attributes:
        version: the default version of the API; each namespace has a subclass with its version.
    """

    version: ClassVar[str]

    def __init__(
        self, credential: object, subscription_id: str, *, authentication_policy: Any, transport: Any, **_options: Any
    ) -> None:
        del credential
        self.subscription_id = subscription_id
        policies = [UserAgentPolicy("batchai-harness"), authentication_policy]
        self._client: PipelineClient[Any, Any] = PipelineClient(_MANAGEMENT, policies=policies, transport=transport)

    def send(self, method: str, url: str, *, body: object = None, version: str = "", **query: str) -> HttpResponse:
        """Send a request, and return the response.

        Args:
            method: the HTTP method.
            url: a resource id, or an absolute URL, which is used unchanged.
            body: a JSON value; None for no body.
            version: the version of the API, if ``url`` is a resource id.
            query: further parameters.

        Raises:
            HttpResponseError: the service refuses.
        """
        is_absolute = url.startswith("https://")
        request = HttpRequest(
            method,
            url if is_absolute else f"{_MANAGEMENT}{url}",
            params={} if is_absolute else {"api-version": version or self.version, **query},
            json=body,
        )
        response: HttpResponse = self._client.send_request(request)
        if response.status_code >= 400:
            kind = _ERRORS.get(response.status_code, HttpResponseError)
            raise kind(response=response, error_format=ARMErrorFormat)
        return response

    def get(self, url: str, *, version: str = "", **query: str) -> Document:
        """Read a resource. Raises HttpResponseError; ResourceNotFoundError if it does not exist."""
        return document_of(self.send("GET", url, version=version, **query))

    def find(self, url: str, *, version: str = "") -> Document | None:
        """Read a resource; None if it does not exist. Raises HttpResponseError."""
        try:
            return self.get(url, version=version)
        except ResourceNotFoundError:
            return None

    def list(self, url: str, **query: str) -> Iterator[Document]:
        """Yield the elements of all pages of a list. Raises HttpResponseError."""
        page = self.get(url, **query)
        for _ in range(_MOST_PAGES):
            yield from page.get("value") or ()
            following = page.get("nextLink")
            if not following:
                return
            page = self.get(following)


def document_of(response: HttpResponse) -> Document:
    """Parse the JSON object in a response.

    Raises:
        DecodeError: the response holds no JSON object.
    """
    try:
        document = json.loads(response.text(), object_hook=Document)
    except ValueError:
        document = None
    if not isinstance(document, Document):
        raise DecodeError("the answer is no JSON object", response=response)
    return document
