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
_MAX_TAGS = 10  # of a blob
_KEY, _VALUE = 128, 256  # characters
_ALLOWED = re.compile(r"[A-Za-z0-9 +\-./:=_]*", re.ASCII)


def parse_header(text: str) -> dict[str, str]:
    """Parse the tags in the header of a request that writes a blob: ``key=value&...``, percent-encoded.

    Raises:
        StorageError: the tags are not allowed.
    """
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), max_num_fields=_MAX_TAGS + 1)
    except ValueError:
        raise _too_many() if text.count("&") >= _MAX_TAGS else _invalid() from None
    return _check_tags(pairs)


def request_tags(call: Call) -> dict[str, str]:
    """Return the tags that a request sets on the blob that it writes.

    Raises:
        StorageError: the tags are not allowed, or the caller may not set tags.
    """
    text = call.request.headers.get(HEADER)
    if not text:
        return {}
    check_permitted(call)
    return parse_header(text)


def check_permitted(call: Call) -> None:
    """Refuse a caller without permission for tags.

    Raises:
        StorageError: the caller's SAS or roles do not permit it.
    """
    if not call.credential.covers_tags:
        raise errors.permission_mismatch()


def check(headers: Mapping[str, str], blob_tags: Mapping[str, str] | None, *, header: str = CONDITION) -> None:
    """Refuse a request whose condition on tags does not hold.

    Args:
        found: the tags of the blob; None if there is no blob.
        header: the header that holds the condition.

    Raises:
        StorageError: the condition does not hold, or is malformed.
    """
    text = headers.get(header)
    if text is None:
        return
    try:
        holds = tag_expressions.parse_condition(text)
    except tag_expressions.ExpressionError as error:
        raise StorageError(400, "InvalidHeaderValue", f"{header}: {error}") from error
    if blob_tags is None or not holds(blob_tags):
        raise errors.condition_not_met()


def parse_body(body: bytes) -> dict[str, str]:
    """Parse the tags in the body of Set Blob Tags.

    Raises:
        StorageError: the document is malformed, or a tag is not allowed.
    """
    elements = documents.parse(body, "Tags").iterfind("TagSet/Tag")
    return _check_tags((tag.findtext("Key") or "", tag.findtext("Value") or "") for tag in elements)


def _check_tags(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return tags by their keys.

    Raises:
        StorageError: there are more than ten tags, or a tag is not allowed or occurs twice.
    """
    tags: dict[str, str] = {}
    for key, value in pairs:
        if not key:
            raise StorageError(400, "EmptyTagName", "The name of one of the tag key-value pairs is empty.")
        if len(key) > _KEY or len(value) > _VALUE:
            raise _too_many()
        if not _ALLOWED.fullmatch(key) or not _ALLOWED.fullmatch(value):
            raise _invalid()
        if key in tags:
            raise StorageError(400, "DuplicateTagNames", "The tags specified contain duplicate names.")
        tags[key] = value
    if len(tags) > _MAX_TAGS:
        raise _too_many()
    return tags


def element(tags: Mapping[str, str]) -> str:
    """Return the XML element of tags."""
    elements = (
        f"<Tag><Key>{documents.text(key)}</Key><Value>{documents.text(value)}</Value></Tag>"
        for key, value in sorted(tags.items())
    )
    return f"<Tags><TagSet>{''.join(elements)}</TagSet></Tags>"


def _too_many() -> StorageError:
    return StorageError(400, "TagsTooLarge", "The tags specified exceed the maximum size permitted.")


def _invalid() -> StorageError:
    text = "The tags specified are invalid. It contains characters that are not permitted."
    return StorageError(400, "InvalidTag", text)
