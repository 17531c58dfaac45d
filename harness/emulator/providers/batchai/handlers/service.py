"""What all operations share: versions, long-running operations, and how the service writes its answers."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from harness.clock import Clock
from harness.emulator.context import Request, Response
from harness.emulator.engine.model.address import BATCH_AI
from harness.emulator.engine.model.records import Cluster, FileServer, Job, Operation, Pending, Secrets
from harness.emulator.engine.repository import Repository, Resource
from harness.emulator.engine.rules.pace import Pace
from harness.emulator.guids import new_guid, ordered_guid
from harness.emulator.providers.batchai import errors
from harness.emulator.providers.batchai.errors import BatchAIError
from harness.emulator.providers.batchai.model.v2017_09_01_preview import Version2017
from harness.emulator.providers.batchai.model.v2018_03_01 import Version2018March
from harness.emulator.providers.batchai.model.v2018_05_01 import Version2018May
from harness.emulator.providers.batchai.model.version import Version
from harness.emulator.wire import JSON, arm_error, etag, http_date, json_response, retry_after

R = TypeVar("R", bound=Resource)
Created = Cluster | FileServer | Job  # what takes its time to be made

VERSIONS: Mapping[str, Version] = {each.name: each for each in (Version2018May(), Version2018March(), Version2017())}
_MANAGEMENT = "https://management.azure.com"
_WRITES, _DELETES = 1199, 14_999  # what is left of a subscription's hourly calls after the first
_POLLED = 500  # resources whose last answer is kept


@dataclass(frozen=True)
class Service:
    """What handlers are given.

    Attributes:
        wake: has the reconciler run soon.
    """

    repository: Repository
    clock: Clock
    pace: Pace
    wake: Callable[[], None]
    _polled: dict[tuple[str, str], tuple[Resource, bytes, list[tuple[str, str]]]] = field(default_factory=dict)
    _writes: "itertools.cycle[int]" = field(default_factory=lambda: itertools.cycle(range(_WRITES, -1, -1)))
    _deletes: "itertools.cycle[int]" = field(default_factory=lambda: itertools.cycle(range(_DELETES, -1, -1)))

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

    def create(
        self, request: Request, resource: Created, version: Version, *, seconds: float, secrets: Secrets | None = None
    ) -> Response:
        """Store a new resource with the operation that makes it, which takes that many of the service's seconds.

        Where it takes no time it has ended when it is answered: to store it as begun, too, would double the writes.
        """
        operation = _operation(resource, version, self.clock.now())
        due = self.pace.after(operation.started, seconds)
        if due > operation.started:
            resource = replace(resource, creating=Pending(operation.id, operation.started, due))
        else:
            resource = replace(resource, provisioned=operation.started)
            operation = operation.finished(operation.started)
        with self.repository.store.transaction():
            self.repository.store.put(operation.id, operation)
            self.repository.keep(resource, secrets)
        return self.accepted(request, version, operation.id, resource)

    def begin(self, resource: Resource, version: Version, *, seconds: float) -> Pending:
        """A new operation on a resource, stored; it ends no sooner than after that many of the service's seconds."""
        operation = _operation(resource, version, self.clock.now())
        self.repository.store.put(operation.id, operation)
        return Pending(operation.id, operation.started, self.pace.after(operation.started, seconds))

    def delete(self, request: Request, resource: Resource, version: Version, *, seconds: float) -> Response:
        """Begin to delete a resource, or go on with a deletion that has begun, also one by its parent's."""
        pending = resource.deleting
        if pending is None or not pending.operation:
            begun = self.begin(resource, version, seconds=seconds)
            pending = replace(begun, due=pending.due) if pending else begun
        self.repository.keep(replace(resource, deleting=pending))
        return self.accepted(request, version, pending.operation, resource)

    # Answers

    def one(self, document: object, written: datetime, *, is_write: bool = False) -> Response:
        """One resource, with the moment that it was last written."""
        stamps = [("etag", etag(written)), ("last-modified", http_date(written))]
        return self._stamped(json_response(200, document, headers=stamps), is_write=is_write)

    def polled(self, resource: R, version: Version, show: Callable[[R], object], *, written: datetime) -> Response:
        """One resource as ``one`` shows it; asked for again before it has moved, it is not written anew."""
        known = self._polled.get((version.name, resource.key))
        if known is None or known[0] is not resource:
            if len(self._polled) >= _POLLED:
                self._polled.clear()
            stamps = [("etag", etag(written)), ("last-modified", http_date(written)), ("content-type", JSON)]
            known = self._polled[version.name, resource.key] = (resource, msgspec.json.encode(show(resource)), stamps)
        _, body, stamps = known
        return self._stamped(Response(200, body, headers=[*stamps]))

    def value(self, document: object) -> Response:
        """Anything that is no single resource."""
        return self._stamped(json_response(200, document))

    def empty(self, status: int, *, is_write: bool = False) -> Response:
        """Nothing to say."""
        return self._stamped(Response(status), is_write=is_write)

    def accepted(self, request: Request, version: Version, operation: str, resource: Resource) -> Response:
        """A long-running operation on a resource has begun: where its status is, and when to look."""
        subscription = f"{_MANAGEMENT}/subscriptions/{request.params['subscription']}"
        base = f"{subscription}/providers/{BATCH_AI}/locations/{resource.location}"
        query = f"{operation}?api-version={request.query['api-version']}"
        headers = [
            ("azure-asyncoperation", f"{base}/operationresults/{query}"),
            ("location", f"{base}/{version.location_path}/{query}"),
            retry_after(request, self.pace.retry_after),
        ]
        if self.repository.may_move(resource):
            self.wake()
        answer = self._stamped(Response(202, headers=headers), is_write=request.method != "DELETE" or version.is_flat)
        if request.method == "DELETE" and not version.is_flat:
            answer.headers.append(("x-ms-ratelimit-remaining-subscription-deletes", str(next(self._deletes))))
        return answer

    def refused(self, error: BatchAIError) -> Response:
        """An error, by the service or by Resource Manager in front of it."""
        answer = arm_error(error.status, error.code, str(error))
        if error.gateway:
            answer.headers.append(("x-ms-failure-cause", "gateway"))
            return answer
        return self._stamped(answer)

    def _stamped(self, answer: Response, *, is_write: bool = False) -> Response:
        answer.headers += [("server", "Microsoft-HTTPAPI/2.0"), ("request-id", new_guid())]
        if is_write:
            answer.headers.append(("x-ms-ratelimit-remaining-subscription-writes", str(next(self._writes))))
        return answer


def _operation(resource: Resource, version: Version, now: datetime) -> Operation:
    target = version.target(resource.address)
    return Operation(ordered_guid(now), resource.address.subscription, resource.location, target, now)
