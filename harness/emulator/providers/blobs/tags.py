"""Index tags of blobs in requests and responses; pure.

Source: Microsoft's "Set Blob Tags" and "Manage and find Azure Blob data with blob index tags".
"""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl

from harness.emulator.providers.blobs import tag_expressions
from harness.emulator.storage_service import documents, errors
from harness.emulator.storage_service.errors import StorageError
from harness.emulator.storage_service.operations import Call

HEADER, CONDITION, SOURCE_CONDITION = "x-ms-tags", "x-ms-if-tags", "x-ms-source-if-tags"
_MOST = 10  # the most tags of a blob
_KEY, _VALUE = 128, 256  # characters
_ALLOWED = re.compile(r"[A-Za-z0-9 +\-./:=_]*", re.ASCII)


def of_header(text: str) -> dict[str, str]:
    """The tags that a request which writes a blob gives it: ``key=value&...``, percent-encoded.

    Raises:
        StorageError: they are not allowed.
    """
    try:
        return checked(parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), max_num_fields=_MOST + 1))
    except ValueError:
        raise _too_many() if text.count("&") >= _MOST else _invalid() from None


def written(call: Call) -> dict[str, str]:
    """The tags that a request gives the blob that it writes.

    Raises:
        StorageError: they are not allowed, or the caller may not set any.
    """
    text = call.request.headers.get(HEADER)
    if not text:
        return {}
    check_permitted(call)
    return of_header(text)


def check_permitted(call: Call) -> None:
    """Refuse a caller who may not also see or set tags.

    Raises:
        StorageError: the caller's SAS or roles do not permit that.
    """
    if not call.credential.covers_tags:
        raise errors.permission_mismatch()


def check(headers: Mapping[str, str], found: Mapping[str, str] | None, *, header: str = CONDITION) -> None:
    """Refuse a request whose condition about tags does not hold.

    Args:
        found: the tags of the blob; None if there is no blob.
        header: the header that holds the condition.

    Raises:
        StorageError: it does not hold, or is malformed.
    """
    text = headers.get(header)
    if text is None:
        return
    try:
        holds = tag_expressions.condition(text)
    except tag_expressions.ExpressionError as error:
        raise StorageError(400, "InvalidHeaderValue", f"{header}: {error}") from error
    if found is None or not holds(found):
        raise errors.condition_not_met()


def of_body(body: bytes) -> dict[str, str]:
    """The tags in the body of Set Blob Tags.

    Raises:
        StorageError: the document is malformed, or a tag is not allowed.
    """
    found = documents.parse(body, "Tags").iterfind("TagSet/Tag")
    return checked((tag.findtext("Key") or "", tag.findtext("Value") or "") for tag in found)


def checked(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Tags by their keys.

    Raises:
        StorageError: there are more than ten, or one is not allowed, or comes twice.
    """
    found: dict[str, str] = {}
    for key, value in pairs:
        if not key:
            raise StorageError(400, "EmptyTagName", "The name of one of the tag key-value pairs is empty.")
        if len(key) > _KEY or len(value) > _VALUE:
            raise _too_many()
        if not _ALLOWED.fullmatch(key) or not _ALLOWED.fullmatch(value):
            raise _invalid()
        if key in found:
            raise StorageError(400, "DuplicateTagNames", "The tags specified contain duplicate names.")
        found[key] = value
    if len(found) > _MOST:
        raise _too_many()
    return found


def element(tags: Mapping[str, str]) -> str:
    """Tags in a document."""
    found = (
        f"<Tag><Key>{documents.text(key)}</Key><Value>{documents.text(value)}</Value></Tag>"
        for key, value in sorted(tags.items())
    )
    return f"<Tags><TagSet>{''.join(found)}</TagSet></Tags>"


def _too_many() -> StorageError:
    return StorageError(400, "TagsTooLarge", "The tags specified exceed the maximum size permitted.")


def _invalid() -> StorageError:
    text = "The tags specified are invalid. It contains characters that are not permitted."
    return StorageError(400, "InvalidTag", text)
