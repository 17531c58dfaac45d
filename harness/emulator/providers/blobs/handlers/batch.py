"""Blob Batch: many deletions, or many changes of tiers, in one request; each with credentials of its own."""

import asyncio
import uuid
from http import HTTPStatus
from typing import Protocol

from harness.emulator.context import MalformedRequestError, Request, Response
from harness.emulator.providers.blobs.batch_body import LIMIT, Part, PartAnswer, answer_body, boundary_of, parts
from harness.emulator.storage_service import errors
from harness.emulator.storage_service.access import Target
from harness.emulator.storage_service.operations import Call

_OPERATIONS = {("DELETE", ""), ("PUT", "tier")}  # method and component of the requests that a batch may have


class Answering(Protocol):
    """The service, which answers single requests."""

    def target(self, request: Request, account: str, path: str) -> Target:
        """The target of a request."""

    async def handle_target(self, request: Request, target: Target, *, version: str = "") -> Response:
        """Answer a request for a target."""


class BatchHandlers:
    """Blob Batch, of an account or a container. It is no transaction: each request succeeds or fails by itself."""

    def __init__(self, service: Answering) -> None:
        self._service = service

    async def perform(self, call: Call) -> Response:
        """Blob Batch."""
        boundary = boundary_of(call.request.headers.get("content-type", ""))
        found = parts(await call.request.read(LIMIT), boundary)
        requests = [self._request(call, part) for part in found]
        if len({request.method for request, _ in requests}) > 1:
            raise errors.invalid_input("All requests of a batch must be of one operation.")
        answers = []
        for part, (request, target) in zip(found, requests, strict=True):
            answers.append(await self._answered(call, part, request, target))
            await asyncio.sleep(0)  # let other requests run
        between = f"batchresponse_{uuid.uuid4()}"
        content_type = ("content-type", f"multipart/mixed; boundary={between}")
        return Response(202, answer_body(answers, between), headers=[content_type])

    def _request(self, call: Call, part: Part) -> tuple[Request, Target]:
        """The request in a part, and its target.

        Raises:
            StorageError: a batch cannot have it.
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

    async def _answered(self, call: Call, part: Part, request: Request, target: Target) -> PartAnswer:
        answer = await self._service.handle_target(request, target, version=call.version)
        body = answer.body if isinstance(answer.body, bytes) else b""
        reason = answer.reason.partition("\n")[0] or HTTPStatus(answer.status).phrase
        return PartAnswer(part.id, answer.status, reason, answer.headers, body)


def _component(request: Request) -> str:
    return request.query.get("comp", "").lower()


def _names_account(call: Call) -> bool:
    """Whether the account is in the path of a batch, and so in those of its requests, too."""
    account, share = call.target.account, call.target.share
    return call.request.path.strip("/") == f"{account}/{share}".strip("/")
