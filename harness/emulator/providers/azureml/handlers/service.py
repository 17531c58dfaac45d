"""Common parts of all operations: versions, workspaces, long-running operations, headers of responses."""

import itertools
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from msgspec import Struct

from harness.emulator.context import Request, Response
from harness.emulator.engine.engine import Engine
from harness.emulator.engine.model.address import MACHINE_LEARNING, Address
from harness.emulator.engine.model.records import Workspace
from harness.emulator.engine.repository import Repository
from harness.emulator.guids import new_guid
from harness.emulator.identity import Identity
from harness.emulator.providers.azureml import errors
from harness.emulator.providers.azureml.errors import AzureMLError, GatewayError, ThrottledError
from harness.emulator.providers.azureml.model.job import JobDetails, RunCounter, counter_key
from harness.emulator.providers.azureml.model.run import TrackedRun, run_key
from harness.emulator.providers.azureml.model.workspace import WorkspaceDetails
from harness.emulator.providers.azureml.rules.body_reading import BodyError, read_as, read_document
from harness.emulator.providers.azureml.rules.queries import read_number
from harness.emulator.request_buckets import RateLimitResult, RequestBuckets
from harness.emulator.subscription_limits import RequestKind
from harness.emulator.wire import json_response

OLDEST_VERSION = "2022-05-01"
_VERSION = re.compile(r"\d{4}-\d\d-\d\d(-[a-z]{1,20})?", re.ASCII)
_MANAGEMENT = "https://management.azure.com"
_SHORTEST_WAIT = 50  # milliseconds between polls; without a hint azure-ai-ml waits half a minute
_READS, _WRITES = 249, 199  # the sizes of the service's buckets in 2025, for each caller and region
_UNLIMITED_USE = 100  # requests reported as used without limits; few, so that no client slows down
_FIRST_LOCATION = "eastus"  # the region in responses to requests that name none
_READ_METHODS = frozenset({"GET", "HEAD"})

E = TypeVar("E")


@dataclass(frozen=True)
class Service:
    """The parts that all handlers share.

    Attributes:
        engine: runs computes and jobs.
        identity: the tenant and the applications that use the emulator.
        buckets: the limits of requests, if the subscription has any.
    """

    engine: Engine
    identity: Identity
    buckets: RequestBuckets
    _reads: "itertools.cycle[int]" = field(default_factory=lambda: _countdown(_READS))
    _writes: "itertools.cycle[int]" = field(default_factory=lambda: _countdown(_WRITES))

    @property
    def repository(self) -> Repository:
        """Every resource of the engine."""
        return self.engine.repository

    @property
    def author(self) -> str:
        """The author of all resources: the application that clients sign in as."""
        return self.identity.client_id

    def now(self) -> datetime:
        """The current time."""
        return self.engine.clock.now()

    def check_version(self, request: Request) -> None:
        """Accept every version from ``OLDEST_VERSION`` on, previews included: responses have one form for all.

        Raises:
            GatewayError: the version is older.
        """
        version = request.query.get("api-version", "")
        if not _VERSION.fullmatch(version) or version[:10] < OLDEST_VERSION:
            raise errors.unsupported_version(version)

    def take(self, request: Request) -> RateLimitResult:
        """Count a request in the bucket of its kind.

        Raises:
            ThrottledError: the bucket is empty.
        """
        kind: RequestKind = "reads" if request.method in _READ_METHODS else "writes"
        reservation = self.buckets.take(request.params.get("group", ""), kind)
        if reservation is None:
            return RateLimitResult(next(self._reads if kind == "reads" else self._writes))
        if reservation.retry_after:
            raise errors.ThrottledError(request.params.get("subscription", ""), math.ceil(reservation.retry_after))
        return reservation

    def body(self, request: Request, kind: type[Struct]) -> dict[str, Any]:
        """The JSON object of a request, which has been read; its members have the types that ``kind`` says.

        Raises:
            InvalidContentError: the body is not a JSON object.
            AzureMLError: a member has another type.
        """
        try:
            document = read_document(request.content)
            read_as(document, kind)
        except BodyError as error:
            raise errors.invalid(str(error), "ArgumentInvalid") from None
        return document

    # Workspaces

    def address(self, request: Request) -> Address:
        """The address of the workspace that a path names."""
        params = request.params
        return Address(params["subscription"], params["group"], (params["workspace"],), MACHINE_LEARNING)

    def workspace(self, request: Request) -> Workspace:
        """The workspace that a path names.

        Raises:
            GatewayError: it does not exist.
        """
        address = self.address(request)
        workspace = self.repository.store.get(Workspace, address.key("workspace"))
        if workspace is None:
            raise errors.workspace_not_found(address.group, address.name)
        return workspace

    def details(self, workspace: Workspace) -> WorkspaceDetails:
        """The provider's record of a workspace."""
        details = self.repository.store.get(WorkspaceDetails, workspace.key)
        if details is None:
            raise LookupError(workspace.key)
        return details

    def next_run_number(self, workspace: Workspace) -> int:
        """The number of the next run. Workspaces that earlier versions of the emulator stored have no counter yet."""
        store, key = self.repository.store, counter_key(workspace)
        counter = store.get(RunCounter, key)
        if counter is None:
            jobs = (job.run_number for _, job in store.list(JobDetails, f"{workspace.key}/jobs/"))
            runs = (run.number for _, run in store.list(TrackedRun, run_key(workspace, "")))
            counter = RunCounter(max((*jobs, *runs), default=0))
        store.put(key, RunCounter(counter.last + 1))
        return counter.last + 1

    # Responses

    def document(self, document: object, status: int = 200, *, request: Request | None = None) -> Response:
        """The response with a resource or a list; with ``request``, 201 and the address of a new resource."""
        if request is None:
            return json_response(status, document)
        return json_response(201, document, headers=[("location", _MANAGEMENT + request.raw_target.decode("latin-1"))])

    def page(
        self,
        request: Request,
        items: Sequence[E],
        show: Callable[[E], object],
        *,
        size: int,
        size_parameter: str = "$top",
    ) -> Response:
        """A page of a list; ``nextLink`` leads to the next one, and is absent from the last.

        Args:
            items: every element of the list.
            show: an element's document; called for those on the page.
            size: the size of a page; a request can name a smaller one in ``size_parameter``.
        """
        size = min(read_number(request.query.get(size_parameter, ""), 0) or size, size)
        first = read_number(request.query.get("$skip", ""), 0)
        document: dict[str, object] = {"value": [show(item) for item in items[first : first + size]]}
        if first + size < len(items):
            query = {**request.query, "$skip": str(first + size)}
            document["nextLink"] = f"{_MANAGEMENT}{quote(request.path)}?{urlencode(query)}"
        return json_response(200, document)

    def accepted(
        self, request: Request, operation: str, kind: str, location: str, *, status: int = 202, document: object = None
    ) -> Response:
        """The response to a request that has started a long-running operation.

        Args:
            operation: its id.
            kind: ``computeOperationsStatus``, ``workspaceOperationsStatus`` or ``mfeOperationResults``.
            location: the region.
            document: the resource, if the response shows it.
        """
        base = f"{_MANAGEMENT}/subscriptions/{request.params['subscription']}/providers/{MACHINE_LEARNING}"
        address = f"{base}/locations/{location}/{kind}/{operation}?api-version={request.query['api-version']}"
        headers = [("x-ms-retry-after-ms", str(self.wait_milliseconds))]
        if kind == "mfeOperationResults":
            headers += [("location", address), ("x-ms-async-operation-timeout", "PT1H")]
        elif kind == "computeOperationsStatus":
            headers.append(("azure-asyncoperation", f"{address}&service=new"))
        else:
            headers += [("azure-asyncoperation", f"{address}&type=async"), ("location", f"{address}&type=location")]
        self.engine.wake()
        if document is None:
            return Response(status, headers=headers)
        return json_response(status, document, headers=headers)

    @property
    def wait_milliseconds(self) -> int:
        """How long a client should wait between two polls; a fractional ``Retry-After`` breaks azure-ai-ml."""
        return max(_SHORTEST_WAIT, round(self.engine.pace.retry_after * 1000))

    def error_response(self, error: AzureMLError | GatewayError | ThrottledError, request: Request) -> Response:
        """The response for an error of the service or of the gateway in front of it."""
        if isinstance(error, GatewayError | ThrottledError):
            return error.response()
        return error.response(self._location(request), self.now())

    def add_headers(self, response: Response, request: Request, *, remaining: int, seconds: float) -> Response:
        """Add the headers that all responses of the service have.

        Args:
            remaining: how many more requests of its kind are allowed.
            seconds: the time that the response took.
        """
        location = self._location(request)
        kind = "standard" if response.status < 400 else "error"
        is_read = request.method in _READ_METHODS
        response.headers += [
            ("x-ms-response-type", kind),
            ("x-request-time", f"{seconds:.3f}"),
            ("azureml-served-by-cluster", f"vienna-{location}-01"),
            ("request-context", f"appId=cid-v1:{new_guid()}"),
            (f"x-ms-ratelimit-remaining-subscription-{'reads' if is_read else 'writes'}", str(remaining)),
        ]
        return response

    def _location(self, request: Request) -> str:
        """The region of a request."""
        if "location" in request.params:
            return request.params["location"]
        if "workspace" not in request.params:
            return _FIRST_LOCATION
        workspace = self.repository.store.get(Workspace, self.address(request).key("workspace"))
        return workspace.location if workspace else _FIRST_LOCATION


def _countdown(first: int) -> "itertools.cycle[int]":
    return itertools.cycle(range(first, first - _UNLIMITED_USE, -1))
