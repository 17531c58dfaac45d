"""Blob Batch: many deletions or many changes of tiers in one request, each with its own credentials."""

import asyncio
import uuid
from http import HTTPStatus
from typing import Protocol

from harness.emulator.context import MalformedRequestError, Request, Response
from harness.emulator.providers.blobs.batch_body import LIMIT, Part, PartResponse, boundary_of, parts, response_body
from harness.emulator.storage_service import errors
from harness.emulator.storage_service.access import Target
from harness.emulator.storage_service.operations import Call

_OPERATIONS = {("DELETE", ""), ("PUT", "tier")}  # method and component of the requests that a batch may contain


class RequestHandler(Protocol):
    """The service, which handles single requests."""

    def target(self, request: Request, account: str, path: str) -> Target:
        """Return the target of a request."""

    async def handle_target(self, request: Request, target: Target, *, version: str = "") -> Response:
        """Handle a request for a target."""


class BatchHandlers:
    """Blob Batch of an account or a container. It is not a transaction: each request succeeds or fails separately."""

    def __init__(self, service: RequestHandler) -> None:
        self._service = service

    async def perform(self, call: Call) -> Response:
        """Blob Batch."""
        request_boundary = boundary_of(call.request.headers.get("content-type", ""))
        batch_parts = parts(await call.request.read(LIMIT), request_boundary)
        requests = [self._request(call, part) for part in batch_parts]
        if len({request.method for request, _ in requests}) > 1:
            raise errors.invalid_input("All requests of a batch must be of one operation.")
        responses = []
        for part, (request, target) in zip(batch_parts, requests, strict=True):
            responses.append(await self._handle_part(call, part, request, target))
            await asyncio.sleep(0)  # let other requests run
        boundary = f"batchresponse_{uuid.uuid4()}"
        content_type = ("content-type", f"multipart/mixed; boundary={boundary}")
        return Response(202, response_body(responses, boundary), headers=[content_type])

    def _request(self, call: Call, part: Part) -> tuple[Request, Target]:
        """Return the request in a part, and its target.

        Raises:
            StorageError: the request is malformed, or not allowed in the batch.
        """
        try:
            request = call.request.part(part.method, part.target, part.headers)
        except MalformedRequestError:
            raise errors.invalid_uri() from None
        if (request.method, _component(request)) not in _OPERATIONS:
            raise errors.invalid_input("A batch may only delete blobs or set their tiers.")
        path = request.path.lstrip("/")
        if _names_account(call):
            account, _, path = path.partition("/")
            if account != call.target.account:
                raise errors.invalid_input("A request of the batch is about another account.")
        target = self._service.target(request, call.target.account, path)
        if not target.path or (call.target.share and target.share != call.target.share):
            raise errors.invalid_input("A request of the batch is about no blob, or about one of another container.")
        return request, target

    async def _handle_part(self, call: Call, part: Part, request: Request, target: Target) -> PartResponse:
        response = await self._service.handle_target(request, target, version=call.version)
        body = response.body if isinstance(response.body, bytes) else b""
        reason = response.reason.partition("\n")[0] or HTTPStatus(response.status).phrase
        return PartResponse(part.id, response.status, reason, response.headers, body)


def _component(request: Request) -> str:
    return request.query.get("comp", "").lower()


def _names_account(call: Call) -> bool:
    """Return whether the path of a batch, and so the paths of its requests, contain the account."""
    account, share = call.target.account, call.target.share
    return call.request.path.strip("/") == f"{account}/{share}".strip("/")
