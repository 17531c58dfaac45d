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
from harness.emulator.request_buckets import RequestBuckets, Taken
from harness.emulator.subscription_limits import RequestKind
from harness.emulator.wire import json_response

OLDEST_VERSION = "2022-05-01"
_VERSION = re.compile(r"\d{4}-\d\d-\d\d(-[a-z]{1,20})?", re.ASCII)
_MANAGEMENT = "https://management.azure.com"
_SOONEST = 50  # milliseconds that a client is asked to wait: without a hint azure-ai-ml waits half a minute
_READS, _WRITES = 249, 199  # sizes of the service's buckets in 2025, for each caller and region
_SHOWN = 100  # requests that are shown as used where nothing is limited, so that no client slows down
_FIRST_LOCATION = "eastus"  # the author of the emulator's own resources
_READ_METHODS = frozenset({"GET", "HEAD"})

E = TypeVar("E")


@dataclass(frozen=True)
class Service:
    """What handlers use.

    Attributes:
        engine: moves computes and jobs.
        identity: who uses the emulator.
        buckets: how many requests may still come, where that is limited.
    """

    engine: Engine
    identity: Identity
    buckets: RequestBuckets
    _reads: "itertools.cycle[int]" = field(default_factory=lambda: _falling(_READS))
    _writes: "itertools.cycle[int]" = field(default_factory=lambda: _falling(_WRITES))

    @property
    def repository(self) -> Repository:
        """Every resource of the engine."""
        return self.engine.repository

    @property
    def author(self) -> str:
        """Who makes and changes resources: the application that clients sign in as."""
        return self.identity.client_id

    def now(self) -> datetime:
        """The moment of a request."""
        return self.engine.clock.now()

    def check_version(self, request: Request) -> None:
        """Accept every version from ``OLDEST_VERSION`` on, previews included: one shape answers them all.

        Raises:
            GatewayError: it is older.
        """
        version = request.query.get("api-version", "")
        if not _VERSION.fullmatch(version) or version[:10] < OLDEST_VERSION:
            raise errors.unsupported_version(version)

    def take(self, request: Request) -> Taken:
        """Count a request in the bucket of its kind.

        Raises:
            ThrottledError: nothing is left.
        """
        kind: RequestKind = "reads" if request.method in _READ_METHODS else "writes"
        taken = self.buckets.take(request.params.get("group", ""), kind)
        if taken is None:
            return Taken(next(self._reads if kind == "reads" else self._writes))
        if taken.wait:
            raise errors.ThrottledError(request.params.get("subscription", ""), math.ceil(taken.wait))
        return taken

    def body(self, request: Request, kind: type[Struct]) -> dict[str, Any]:
        """The JSON object of a request, which has been read; its members have the types that ``kind`` says.

        Raises:
            InvalidContentError: it is no JSON object.
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
        words = request.params
        return Address(words["subscription"], words["group"], (words["workspace"],), MACHINE_LEARNING)

    def workspace(self, request: Request) -> Workspace:
        """The workspace that a path names.

        Raises:
            GatewayError: there is none.
        """
        address = self.address(request)
        found = self.repository.store.get(Workspace, address.key("workspace"))
        if found is None:
            raise errors.workspace_not_found(address.group, address.name)
        return found

    def details(self, workspace: Workspace) -> WorkspaceDetails:
        """The provider's own record of a workspace."""
        found = self.repository.store.get(WorkspaceDetails, workspace.key)
        if found is None:
            raise LookupError(workspace.key)
        return found

    def next_run_number(self, workspace: Workspace) -> int:
        """The number of the next run; the workspaces of earlier emulators have no counter yet."""
        store, key = self.repository.store, counter_key(workspace)
        counter = store.get(RunCounter, key)
        if counter is None:
            jobs = (job.run_number for _, job in store.list(JobDetails, f"{workspace.key}/jobs/"))
            runs = (run.number for _, run in store.list(TrackedRun, run_key(workspace, "")))
            counter = RunCounter(max((*jobs, *runs), default=0))
        store.put(key, RunCounter(counter.last + 1))
        return counter.last + 1

    # Answers

    def document(self, document: object, status: int = 200, *, request: Request | None = None) -> Response:
        """A resource or a list; with ``request``, a resource that it has just created: 201 and its address."""
        if request is None:
            return json_response(status, document)
        return json_response(201, document, headers=[("location", _MANAGEMENT + request.raw_target.decode("latin-1"))])

    def page(
        self,
        request: Request,
        found: Sequence[E],
        show: Callable[[E], object],
        *,
        size: int,
        size_parameter: str = "$top",
    ) -> Response:
        """A page of a list; ``nextLink`` leads to the next one, and is absent from the last.

        Args:
            found: every element of the list.
            show: an element's document; called for those on the page.
            size: of a page at most; a smaller one may be asked for by ``size_parameter``.
        """
        size = min(read_number(request.query.get(size_parameter, ""), 0) or size, size)
        first = read_number(request.query.get("$skip", ""), 0)
        document: dict[str, object] = {"value": [show(each) for each in found[first : first + size]]}
        if first + size < len(found):
            query = {**request.query, "$skip": str(first + size)}
            document["nextLink"] = f"{_MANAGEMENT}{quote(request.path)}?{urlencode(query)}"
        return json_response(200, document)

    def accepted(
        self, request: Request, operation: str, kind: str, location: str, *, status: int = 202, document: object = None
    ) -> Response:
        """A long-running operation has begun.

        Args:
            operation: its id.
            kind: ``computeOperationsStatus``, ``workspaceOperationsStatus`` or ``mfeOperationResults``.
            location: the region.
            document: the resource, where the answer shows it.
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
        return max(_SOONEST, round(self.engine.pace.retry_after * 1000))

    def refused(self, error: AzureMLError | GatewayError | ThrottledError, request: Request) -> Response:
        """An error, by the service or by the gateway before it."""
        if isinstance(error, GatewayError | ThrottledError):
            return error.response()
        return error.response(self._location(request), self.now())

    def stamped(self, answer: Response, request: Request, *, left: int, seconds: float) -> Response:
        """A response with the headers of all responses of the service.

        Args:
            left: how many more requests of its kind are allowed.
            seconds: the time that the response took.
        """
        location = self._location(request)
        kind = "standard" if answer.status < 400 else "error"
        is_read = request.method in _READ_METHODS
        answer.headers += [
            ("x-ms-response-type", kind),
            ("x-request-time", f"{seconds:.3f}"),
            ("azureml-served-by-cluster", f"vienna-{location}-01"),
            ("request-context", f"appId=cid-v1:{new_guid()}"),
            (f"x-ms-ratelimit-remaining-subscription-{'reads' if is_read else 'writes'}", str(left)),
        ]
        return answer

    def _location(self, request: Request) -> str:
        """The region that a request is about."""
        if "location" in request.params:
            return request.params["location"]
        if "workspace" not in request.params:
            return _FIRST_LOCATION
        found = self.repository.store.get(Workspace, self.address(request).key("workspace"))
        return found.location if found else _FIRST_LOCATION


def _falling(first: int) -> "itertools.cycle[int]":
    return itertools.cycle(range(first, first - _SHOWN, -1))
