"""Lists: pages, filters and selections."""

import base64
import binascii
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar
from urllib.parse import urlencode

from harness.emulator.context import Request, Response
from harness.emulator.engine.model.address import BATCH_AI
from harness.emulator.engine.model.records import Resource
from harness.emulator.providers.batchai import errors
from harness.emulator.providers.batchai.handlers.service import Service
from harness.emulator.providers.batchai.model.version import Document, Version
from harness.emulator.providers.batchai.rules.odata import FilterError, Predicate, parse_filter, select

R = TypeVar("R", bound=Resource)

_MOST = 1000  # items of a page
_TOKEN = "$skiptoken"  # noqa: S105 - the position of the next page, not a secret


def list_page(
    service: Service,
    request: Request,
    kind: type[R],
    *,
    version: Version,
    prefixes: Sequence[str],
    show: Callable[[R], Document],
    include: Callable[[R], bool] = lambda _resource: True,
) -> Response:
    """A page of resources.

    Args:
        prefixes: prefixes of the keys of the resources, in order.
        show: writes a resource in the form of the API version.
        include: whether a resource with such a key is listed.

    Raises:
        BatchAIError: a query parameter is wrong.
    """
    size, token = page_size(request), _token(request)
    test = _filter(request) if version.is_flat else None
    names = request.query.get("$select", "").split(",") if version.is_flat and request.query.get("$select") else None
    documents: list[Document] = []
    last = ""
    for key, resource in _from(service, kind, prefixes, token, size=size):
        is_ours = resource.address.namespace == BATCH_AI  # the engine holds the resources of every service
        document = show(resource) if is_ours and include(resource) else None
        if document is None or (test and not test(document)):
            continue
        if len(documents) == size:
            return service.document_response({"value": documents, "nextLink": _next(request, last)})
        documents.append(select(document, names) if names else document)
        last = key
    return service.document_response({"value": documents})


def page_of(request: Request, documents: Sequence[Document]) -> Document:
    """A page of a complete list of documents.

    The token names the last document of the previous page, so documents that appear between two pages, as the files of
    a running job do, neither repeat nor hide others.

    Raises:
        BatchAIError: a query parameter is wrong.
    """
    size, token = page_size(request), _token(request)
    first = _position_after(token, documents) if token else 0
    page: Document = {"value": list(documents[first : first + size])}
    if len(documents) > first + size:
        page["nextLink"] = _next(request, _mark(documents[first + size - 1]))
    return page


def page_size(request: Request) -> int:
    """The query parameter ``maxresults``: 1 to 1000, which is also the default.

    Raises:
        BatchAIError: it has another value.
    """
    return number(request, "maxresults", least=1, most=_MOST, default=_MOST)


def number(request: Request, name: str, *, least: int, most: int, default: int) -> int:
    """A query parameter that is a whole number.

    Raises:
        BatchAIError: it is not a whole number, or out of bounds.
    """
    text = request.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and least <= int(text) <= most):
        raise errors.invalid_parameter(name, f"give a whole number from {least} to {most}")
    return int(text)


def _from(
    service: Service, kind: type[R], prefixes: Sequence[str], after: str, *, size: int
) -> Iterable[tuple[str, R]]:
    """Keys and resources after a key, read from the store a page at a time."""
    for prefix in prefixes:
        last = after if after.startswith(prefix) else "" if after < prefix else None
        while last is not None:
            rows = service.repository.store.list(kind, prefix, after=last, limit=size + 1)
            yield from rows
            last = rows[-1][0] if len(rows) > size else None


def _filter(request: Request) -> Predicate | None:
    text = request.query.get("$filter")
    if not text:
        return None
    try:
        return parse_filter(text)
    except FilterError as error:
        raise errors.invalid_parameter("$filter", str(error)) from None


def _mark(document: Document) -> str:
    """The identity of a document in a list; name alone is not enough: a container lists a directory as a file, too."""
    return f"{document['name']}\0{document.get('fileType', '')}"


def _position_after(mark: str, documents: Sequence[Document]) -> int:
    marks = [_mark(document) for document in documents]
    if mark in marks:
        return marks.index(mark) + 1
    # The file was deleted in between. The list is sorted by name, and continues after the position of the file.
    name = mark.partition("\0")[0]
    return next((at for at, document in enumerate(documents) if document["name"] > name), len(documents))


def _token(request: Request) -> str:
    text = request.query.get(_TOKEN, "")
    try:
        return base64.urlsafe_b64decode(text.encode()).decode()
    except (binascii.Error, ValueError):
        raise errors.invalid_parameter(_TOKEN, "take it from nextLink") from None


def _next(request: Request, last: str) -> str:
    token = base64.urlsafe_b64encode(last.encode()).decode()
    path = request.raw_target.partition(b"?")[0].decode("latin-1")
    return f"https://management.azure.com{path}?{urlencode({**request.query, _TOKEN: token})}"
