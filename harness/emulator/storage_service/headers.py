"""Headers and query parameters of storage requests, parsed and checked; pure."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from harness.emulator.context import Request
from harness.emulator.storage_service import documents, errors

CONTENT = ("content-type", "content-encoding", "content-language", "cache-control", "content-disposition")
PAGE = 5000  # the most that one page of a listing holds

_META = "x-ms-meta-"
_META_LIMIT = 8 << 10  # bytes of names and values
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f]")

T = TypeVar("T")


def metadata(request: Request) -> dict[str, str]:
    """The ``x-ms-meta-`` headers by their names, which keep the casing in which the client sent them.

    Raises:
        StorageError: a name is not an identifier, or the metadata is larger than 8 KiB.
    """
    values = {
        request.casings.get(name, name)[len(_META) :]: value.strip()
        for name, value in request.headers.items()
        if name.startswith(_META)
    }
    for name in values:
        if not name:
            raise errors.empty_metadata_key()
        if not _IDENTIFIER.fullmatch(name):
            raise errors.invalid_metadata()
    if sum(len(name) + len(value) for name, value in values.items()) > _META_LIMIT:
        raise errors.metadata_too_large()
    return values


def metadata_headers(values: Mapping[str, str]) -> list[tuple[str, str]]:
    """Metadata as headers."""
    return [(f"{_META}{name}", value) for name, value in values.items()]


def content(request: Request, prefix: str) -> dict[str, str]:
    """The content headers that a request sets, by their names in responses.

    Args:
        prefix: the prefix of the headers: ``x-ms-`` for files, ``x-ms-blob-`` for blobs.
    """
    values = {}
    for name in CONTENT:
        if (value := request.headers.get(prefix + name)) is not None:
            if _FORBIDDEN.search(value):
                raise errors.invalid_header(prefix + name)
            values[name] = value
    return values


def md5(request: Request, name: str) -> str:
    """A header that holds an MD5; empty if absent.

    Raises:
        StorageError: the header is not 16 bytes in base64.
    """
    text: str = request.headers.get(name, "")
    try:
        if text and len(base64.b64decode(text, validate=True)) != 16:
            raise errors.invalid_md5()
    except (binascii.Error, ValueError):
        raise errors.invalid_md5() from None
    return text


def stored_md5(request: Request, name: str) -> str:
    """The MD5 in a header, to be stored with a file or blob unchecked; empty if the header is absent.

    Raises:
        StorageError: the header has characters that a response header cannot hold.
    """
    text: str = request.headers.get(name, "")
    if _FORBIDDEN.search(text):
        raise errors.invalid_header(name)
    return text


def number(request: Request, name: str, *, least: int = 0, most: int) -> int | None:
    """A whole number in a header, None if absent.

    Raises:
        StorageError: the header is not a number, or out of bounds.
    """
    text = request.headers.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"-?[0-9]{1,20}", text, re.ASCII) or not least <= int(text) <= most:
        raise errors.invalid_header(name)
    return int(text)


def flag(request: Request, name: str, *, default: bool = False) -> bool:
    """The value of a header that is true or false.

    Raises:
        StorageError: the header has another value.
    """
    text: str = request.headers.get(name, str(default)).lower()
    if text not in ("true", "false"):
        raise errors.invalid_header(name)
    return text == "true"


def requested_range(request: Request) -> str | None:
    """The range that a request names; ``x-ms-range`` wins over ``range``."""
    return request.headers.get("x-ms-range") or request.headers.get("range") or None


def page_size(request: Request) -> int:
    """The maximum number of entries in a page.

    Raises:
        StorageError: ``maxresults`` is not a positive number.
    """
    text = request.query.get("maxresults", str(PAGE))
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise errors.invalid_query("maxresults")
    if int(text) == 0:
        raise errors.out_of_range_query("maxresults")
    return min(int(text), PAGE)


def included(request: Request) -> frozenset[str]:
    """The values of the parameter ``include`` of a listing, in lower case."""
    return frozenset(request.query.get("include", "").lower().split(",")) - {""}


def page(items: list[T], name: Callable[[T], str], request: Request) -> tuple[list[T], str]:
    """The items of one page, from the marker on, and the first name of the next page."""
    marker, size = documents.marker(request), page_size(request)
    rest = [item for item in items if name(item) >= marker]
    return rest[:size], name(rest[size]) if len(rest) > size else ""
