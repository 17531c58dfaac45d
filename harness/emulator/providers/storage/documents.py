"""XML bodies of the storage services: read, checked and written; pure."""

import re
from collections.abc import Iterable, Mapping
from xml.etree.ElementTree import Element, ParseError, fromstring, tostring
from xml.sax.saxutils import escape

from harness.emulator.context import Response
from harness.emulator.providers.storage import errors
from harness.emulator.providers.storage.model import Policy
from harness.emulator.providers.storage.signatures import moment

LIMIT = 1 << 20  # bytes of a body that is XML
HEAD = '\ufeff<?xml version="1.0" encoding="utf-8"?>'

_POLICIES = 5  # of a share or container
_RULES = 5  # of CORS
_DAYS = 365  # of a retention policy
_UNSHOWN = re.compile(r"[^\x09\x0a\x0d\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def answer(text: str, *, headers: list[tuple[str, str]] | None = None) -> Response:
    """A document as an answer."""
    return Response(200, (HEAD + text).encode(), headers=[("content-type", "application/xml"), *(headers or [])])


def text(value: str) -> str:
    """A value between tags."""
    return escape(_UNSHOWN.sub("?", value))


def is_shown(value: str) -> bool:
    """Whether XML can hold a value."""
    return not _UNSHOWN.search(value)


def asked(*, prefix: str, marker: str, size: str, delimiter: str = "") -> str:
    """What a listing was asked for, as it says at its top."""
    fields = (("Prefix", prefix), ("Marker", marker), ("MaxResults", size), ("Delimiter", delimiter))
    return "".join(f"<{name}>{text(value)}</{name}>" for name, value in fields if value)


def metadata_element(metadata: Mapping[str, str]) -> str:
    """Metadata in a listing."""
    if not metadata:
        return "<Metadata />"
    return f"<Metadata>{''.join(f'<{name}>{text(value)}</{name}>' for name, value in metadata.items())}</Metadata>"


def parse(body: bytes, root: str) -> Element:
    """A body's root element.

    Entities are what makes XML dangerous, and Azure's bodies never declare any: one with a DOCTYPE is refused.

    Raises:
        StorageError: the body is no XML, has another root, or declares entities.
    """
    try:
        document = body.decode("utf-8-sig")
        if "<!DOCTYPE" in document.upper():
            raise errors.invalid_document()
        element = fromstring(document)  # noqa: S314 - no entities, see above
    except (UnicodeDecodeError, ParseError, ValueError, RecursionError):
        raise errors.invalid_document() from None
    if element.tag != root:
        raise errors.invalid_document()
    return element


def policies(body: bytes) -> tuple[Policy, ...]:
    """The stored access policies of a Set ACL request; an empty body has none.

    Raises:
        StorageError: the body is malformed, there are more than five, or one is not allowed.
    """
    if not body.strip():
        return ()
    found = []
    for element in parse(body, "SignedIdentifiers").findall("SignedIdentifier"):
        name, terms = element.findtext("Id") or "", element.find("AccessPolicy")
        if not name or len(name) > 64:
            raise errors.invalid_node("Id")
        start, expiry, permission = (
            (terms.findtext(field) or "" if terms is not None else "") for field in ("Start", "Expiry", "Permission")
        )
        if not all(moment(each) for each in (start, expiry) if each):
            raise errors.invalid_node("AccessPolicy")
        found.append(Policy(name, start, expiry, permission))
    if len(found) > _POLICIES or len({policy.id for policy in found}) < len(found):
        raise errors.invalid_document()
    return tuple(found)


def policies_document(found: Iterable[Policy]) -> str:
    """Stored access policies as Get ACL gives them."""
    return f"<SignedIdentifiers>{''.join(map(_policy, found))}</SignedIdentifiers>"


def _policy(policy: Policy) -> str:
    fields = (("Start", policy.start), ("Expiry", policy.expiry), ("Permission", policy.permission))
    terms = "".join(f"<{name}>{text(value)}</{name}>" for name, value in fields if value)
    return f"<SignedIdentifier><Id>{text(policy.id)}</Id><AccessPolicy>{terms}</AccessPolicy></SignedIdentifier>"


def settings(body: bytes, defaults: Mapping[str, str]) -> dict[str, str]:
    """The elements that a Set Service Properties request changes.

    Args:
        defaults: the elements that the service has.

    Raises:
        StorageError: the body is malformed, or a value is not allowed.
    """
    found = {}
    for element in parse(body, "StorageServiceProperties"):
        if element.tag not in defaults:
            raise errors.invalid_node(element.tag)
        _check_setting(element)
        for part in element.iter():
            part.tail = None
            part.text = (part.text or "").strip() or None
        found[element.tag] = tostring(element, encoding="unicode")
    return found


def settings_document(elements: Mapping[str, str]) -> str:
    """Service properties as they are given back."""
    return f"<StorageServiceProperties>{''.join(elements.values())}</StorageServiceProperties>"


def _check_setting(element: Element) -> None:
    if element.tag == "Cors" and len(element.findall("CorsRule")) > _RULES:
        raise errors.invalid_document()
    for policy in element.iter("RetentionPolicy"):
        days = policy.findtext("Days")
        if days is not None and not (days.isascii() and days.isdigit() and 1 <= int(days[:9]) <= _DAYS):
            raise errors.invalid_node("Days")
        if (policy.findtext("Enabled") or "").lower() == "true" and days is None:
            raise errors.invalid_document()
    for enabled in element.iter("Enabled"):
        if (enabled.text or "").strip().lower() not in ("true", "false"):
            raise errors.invalid_node("Enabled")
