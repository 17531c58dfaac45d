"""The common part of all handlers: API versions, long-running operations, and responses."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

import msgspec

from harness.emulator.context import Request, Response
from harness.emulator.engine.engine import Engine
from harness.emulator.engine.model.address import BATCH_AI
from harness.emulator.engine.model.records import Resource, Secrets
from harness.emulator.engine.operations import Created
from harness.emulator.engine.repository import Repository
from harness.emulator.guids import new_guid
from harness.emulator.providers.batchai import errors
from harness.emulator.providers.batchai.errors import BatchAIError
from harness.emulator.providers.batchai.model.v2017_09_01_preview import Version2017
from harness.emulator.providers.batchai.model.v2018_03_01 import Version2018March
from harness.emulator.providers.batchai.model.v2018_05_01 import Version2018May
from harness.emulator.providers.batchai.model.version import Version
from harness.emulator.wire import JSON, arm_error, etag, http_date, json_response, retry_after

R = TypeVar("R", bound=Resource)

_VERSIONS: tuple[Version, ...] = (Version2018May(), Version2018March(), Version2017())
VERSIONS: Mapping[str, Version] = {version.name: version for version in _VERSIONS}
_MANAGEMENT = "https://management.azure.com"
_WRITES, _DELETES = 1199, 14_999  # remaining calls of a subscription in an hour, after its first one
_FEWEST = 200  # remaining calls to show: nothing is limited here, so no client should slow down
_POLLED = 500  # resources whose last response is cached


@dataclass(frozen=True)
class Service:
    """The responses and long-running operations of all handlers.

    Attributes:
        engine: moves the resources.
    """

    engine: Engine
    _polled: dict[tuple[str, str], tuple[Resource, bytes, list[tuple[str, str]]]] = field(default_factory=dict)
    _writes: "itertools.cycle[int]" = field(default_factory=lambda: itertools.cycle(range(_WRITES, _FEWEST, -1)))
    _deletes: "itertools.cycle[int]" = field(default_factory=lambda: itertools.cycle(range(_DELETES, _FEWEST, -1)))

    def version(self, request: Request, type_: str, *supported: str) -> Version:
        """The API version of a request.

        Raises:
            BatchAIError: that version does not have this type of resource.
        """
        name = request.query.get("api-version", "").lower()
        if name not in supported:
            raise errors.unsupported_version(name, type_, supported)
        return VERSIONS[name]

    def version_by_address(self, request: Request, type_: str, parent_path: str = "workspaces") -> Version:
        """The API version of a request for a type that is in workspaces, or before 2018-05 directly in the group.

        Args:
            type_: the type of resource.
            parent_path: the types that contain it since 2018-05.

        Raises:
            BatchAIError: that version does not have the type at this address.
        """
        if "workspace" in request.params:
            return self.version(request, f"{parent_path}/{type_}", "2018-05-01")
        return self.version(request, type_, "2018-03-01", "2017-09-01-preview")

    @property
    def repository(self) -> Repository:
        """Every resource."""
        return self.engine.repository

    def now(self) -> datetime:
        """The current time."""
        return self.engine.clock.now()

    def create(
        self, request: Request, resource: Created, version: Version, *, seconds: float, secrets: Secrets | None = None
    ) -> Response:
        """Store a new resource with the operation that creates it, which takes ``seconds`` at a pace of 1."""
        target = version.target(resource.address)
        operation = self.engine.operations.create(resource, target=target, seconds=seconds, secrets=secrets)
        return self.accepted_response(request, version, operation.id, resource)

    def delete(self, request: Request, resource: Resource, version: Version, *, seconds: float) -> Response:
        """Begin to delete a resource, or join the deletion in progress."""
        target = version.target(resource.address)
        operation = self.engine.operations.delete(resource, target=target, seconds=seconds)
        return self.accepted_response(request, version, operation, resource)

    # Responses

    def resource_response(self, document: object, last_modified: datetime, *, is_write: bool = False) -> Response:
        """The response that shows one resource, with its last modification."""
        response = json_response(200, document, headers=_validators(last_modified))
        return self._with_service_headers(response, is_write=is_write)

    def cached_response(
        self, resource: R, version: Version, show: Callable[[R], object], *, last_modified: datetime
    ) -> Response:
        """The response that shows one resource; its body is encoded again only after the resource has changed."""
        cached = self._polled.get((version.name, resource.key))
        if cached is None or cached[0] is not resource:
            if len(self._polled) >= _POLLED:
                self._polled.clear()
            headers = [*_validators(last_modified), ("content-type", JSON)]
            cached = self._polled[version.name, resource.key] = (resource, msgspec.json.encode(show(resource)), headers)
        _, body, headers = cached
        return self._with_service_headers(Response(200, body, headers=[*headers]))

    def document_response(self, document: object) -> Response:
        """The response that shows anything but a single resource."""
        return self._with_service_headers(json_response(200, document))

    def empty_response(self, status: int, *, is_write: bool = False) -> Response:
        """A response without a body."""
        return self._with_service_headers(Response(status), is_write=is_write)

    def accepted_response(self, request: Request, version: Version, operation: str, resource: Resource) -> Response:
        """The response to a long-running operation: the URL of its status, and when to poll it."""
        subscription = f"{_MANAGEMENT}/subscriptions/{request.params['subscription']}"
        base = f"{subscription}/providers/{BATCH_AI}/locations/{resource.location}"
        query = f"{operation}?api-version={request.query['api-version']}"
        headers = [
            ("azure-asyncoperation", f"{base}/operationresults/{query}"),
            ("location", f"{base}/{version.location_path}/{query}"),
            retry_after(request, self.engine.pace.retry_after),
        ]
        if self.repository.may_move(resource):
            self.engine.wake()
        is_deletion = request.method == "DELETE" and not version.is_flat
        answer = self._with_service_headers(Response(202, headers=headers), is_write=not is_deletion)
        if is_deletion:
            answer.headers.append(("x-ms-ratelimit-remaining-subscription-deletes", str(next(self._deletes))))
        return answer

    def error_response(self, error: BatchAIError) -> Response:
        """The response for an error, of the service or of Resource Manager in front of it."""
        answer = arm_error(error.status, error.code, str(error))
        if error.gateway:
            answer.headers.append(("x-ms-failure-cause", "gateway"))
            return answer
        if error.status == 404:  # only these errors have their message as the reason phrase, as recorded
            answer.reason = str(error)
        return self._with_service_headers(answer)

    def _with_service_headers(self, answer: Response, *, is_write: bool = False) -> Response:
        answer.headers += [("server", "Microsoft-HTTPAPI/2.0"), ("request-id", new_guid())]
        if is_write:
            answer.headers.append(("x-ms-ratelimit-remaining-subscription-writes", str(next(self._writes))))
        return answer


def _validators(last_modified: datetime) -> list[tuple[str, str]]:
    """The validators of a representation (RFC 9110, section 8.8)."""
    return [("etag", etag(last_modified)), ("last-modified", http_date(last_modified))]
