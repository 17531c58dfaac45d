"""What all handlers share: API versions, long-running operations, and the form of responses."""

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

VERSIONS: Mapping[str, Version] = {each.name: each for each in (Version2018May(), Version2018March(), Version2017())}
_MANAGEMENT = "https://management.azure.com"
_WRITES, _DELETES = 1199, 14_999  # calls that a subscription has left in an hour, after its first one
_FEWEST = 200  # that are shown: where nothing is limited, nobody is to slow down
_POLLED = 500  # resources whose last response is kept


@dataclass(frozen=True)
class Service:
    """What all handlers use.

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
            BatchAIError: the type of resource is not there in that version.
        """
        name = request.query.get("api-version", "").lower()
        if name not in supported:
            raise errors.unsupported_version(name, type_, supported)
        return VERSIONS[name]

    def placed_version(self, request: Request, type_: str, above: str = "workspaces") -> Version:
        """The API version of a request for a type that lies in workspaces, or before 2018-05 in the group itself.

        Args:
            above: what the type lies in since 2018-05.

        Raises:
            BatchAIError: the type is not there, in that version.
        """
        if "workspace" in request.params:
            return self.version(request, f"{above}/{type_}", "2018-05-01")
        return self.version(request, type_, "2018-03-01", "2017-09-01-preview")

    @property
    def repository(self) -> Repository:
        """Every resource."""
        return self.engine.repository

    def now(self) -> datetime:
        """The moment of a request."""
        return self.engine.clock.now()

    def create(
        self, request: Request, resource: Created, version: Version, *, seconds: float, secrets: Secrets | None = None
    ) -> Response:
        """Store a new resource with the operation that makes it, which takes that many of the service's seconds."""
        target = version.target(resource.address)
        operation = self.engine.operations.create(resource, target=target, seconds=seconds, secrets=secrets)
        return self.accepted(request, version, operation.id, resource)

    def delete(self, request: Request, resource: Resource, version: Version, *, seconds: float) -> Response:
        """Begin to delete a resource, or join the deletion that has begun."""
        target = version.target(resource.address)
        operation = self.engine.operations.delete(resource, target=target, seconds=seconds)
        return self.accepted(request, version, operation, resource)

    # Answers

    def one(self, document: object, written: datetime, *, is_write: bool = False) -> Response:
        """The response that shows one resource, with the moment that it was last written."""
        stamps = [("etag", etag(written)), ("last-modified", http_date(written))]
        return self._stamped(json_response(200, document, headers=stamps), is_write=is_write)

    def polled(self, resource: R, version: Version, show: Callable[[R], object], *, written: datetime) -> Response:
        """The response that shows one resource; its body is encoded once for as long as the resource does not move."""
        known = self._polled.get((version.name, resource.key))
        if known is None or known[0] is not resource:
            if len(self._polled) >= _POLLED:
                self._polled.clear()
            stamps = [("etag", etag(written)), ("last-modified", http_date(written)), ("content-type", JSON)]
            known = self._polled[version.name, resource.key] = (resource, msgspec.json.encode(show(resource)), stamps)
        _, body, stamps = known
        return self._stamped(Response(200, body, headers=[*stamps]))

    def value(self, document: object) -> Response:
        """The response that shows anything but a single resource."""
        return self._stamped(json_response(200, document))

    def empty(self, status: int, *, is_write: bool = False) -> Response:
        """A response without a body."""
        return self._stamped(Response(status), is_write=is_write)

    def accepted(self, request: Request, version: Version, operation: str, resource: Resource) -> Response:
        """The response to a long-running operation: the address of its status, and when to poll it."""
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
        answer = self._stamped(Response(202, headers=headers), is_write=request.method != "DELETE" or version.is_flat)
        if request.method == "DELETE" and not version.is_flat:
            answer.headers.append(("x-ms-ratelimit-remaining-subscription-deletes", str(next(self._deletes))))
        return answer

    def refused(self, error: BatchAIError) -> Response:
        """The response that refuses, by the service or by Resource Manager in front of it."""
        answer = arm_error(error.status, error.code, str(error))
        if error.gateway:
            answer.headers.append(("x-ms-failure-cause", "gateway"))
            return answer
        if error.status == 404:  # the sentence is the reason phrase, as recorded of these alone
            answer.reason = str(error)
        return self._stamped(answer)

    def _stamped(self, answer: Response, *, is_write: bool = False) -> Response:
        answer.headers += [("server", "Microsoft-HTTPAPI/2.0"), ("request-id", new_guid())]
        if is_write:
            answer.headers.append(("x-ms-ratelimit-remaining-subscription-writes", str(next(self._writes))))
        return answer
