"""XML bodies of the storage services: read, checked and written; pure."""

import base64
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote
from xml.etree.ElementTree import Element, ParseError, fromstring, tostring
from xml.sax.saxutils import escape

from harness.emulator.context import Request, Response
from harness.emulator.storage_service import errors
from harness.emulator.storage_service.cors import is_rule
from harness.emulator.storage_service.model import Policy
from harness.emulator.storage_service.signatures import parse_time
from harness.emulator.wire import precise_timestamp

LIMIT = 1 << 20  # bytes of a body that is XML
HEAD = '\ufeff<?xml version="1.0" encoding="utf-8"?>'

_POLICIES = 5  # of a share or container
_RULES = 5  # of CORS
_DAYS = 365  # of a retention policy
_UNSHOWN = re.compile(r"[^\x09\x0a\x0d\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ENCODED = re.compile(r"[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # in names; parsers change line ends
_SEVEN_DECIMALS = re.compile(r"\.[0-9]{7}Z\Z", re.ASCII)
_MARKER = "2!"  # the prefix of a marker that is not a plain name


def response(text: str, *, headers: list[tuple[str, str]] | None = None) -> Response:
    """A response with a document."""
    return Response(200, (HEAD + text).encode(), headers=[("content-type", "application/xml"), *(headers or [])])


def text(value: str) -> str:
    """A value, escaped for use between tags."""
    return escape(_UNSHOWN.sub("?", value))


def needs_encoding(name: str) -> bool:
    """Whether XML cannot hold a name as it is."""
    return _ENCODED.search(name) is not None


def name_element(tag: str, name: str, *, encoded: bool) -> str:
    """An element that holds a name.

    Args:
        encoded: whether the response's version percent-encodes names that XML cannot hold.
    """
    if encoded and needs_encoding(name):
        return f'<{tag} Encoded="true">{quote(name, safe="")}</{tag}>'
    return f"<{tag}>{text(name)}</{tag}>"


def listing_parameters(request: Request, *, encoded: bool = False) -> str:
    """The parameters of a listing request, which its document repeats."""
    parameters = [(tag, request.query.get(tag.lower(), "")) for tag in ("Prefix", "Marker", "MaxResults", "Delimiter")]
    return "".join(name_element(tag, value, encoded=encoded and tag == "Prefix") for tag, value in parameters if value)


def next_marker(name: str) -> str:
    """The element with the name at which the next page of a listing begins; empty for the last page.

    Clients return the marker unchanged. So a name that XML cannot hold, or that looks like an encoded marker,
    is encoded in base64.
    """
    if needs_encoding(name) or name.startswith(_MARKER):
        name = _MARKER + base64.urlsafe_b64encode(name.encode()).decode()
    return f"<NextMarker>{text(name)}</NextMarker>"


def marker(request: Request) -> str:
    """The name at which a page of a listing begins; empty for the first one.

    Raises:
        StorageError: the emulator has not issued this marker.
    """
    value: str = request.query.get("marker", "")
    if not value.startswith(_MARKER):
        return value
    try:
        return base64.urlsafe_b64decode(value.removeprefix(_MARKER).encode()).decode()
    except ValueError:
        raise errors.invalid_query("marker") from None


def metadata_element(metadata: Mapping[str, str]) -> str:
    """Metadata in a listing."""
    if not metadata:
        return "<Metadata />"
    return f"<Metadata>{''.join(f'<{name}>{text(value)}</{name}>' for name, value in metadata.items())}</Metadata>"


def parse(body: bytes, root: str) -> Element:
    """A body's root element.

    A body with a DOCTYPE is refused, because entities make XML dangerous, and no request of Azure declares any.

    Raises:
        StorageError: the body is not XML, has another root, or declares entities.
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
    """The stored access policies in the body of a Set ACL request; an empty body has none.

    Raises:
        StorageError: the body is malformed, has more than five policies, or a policy is not allowed.
    """
    if not body.strip():
        return ()
    stored_policies = []
    for element in parse(body, "SignedIdentifiers").findall("SignedIdentifier"):
        name, access_policy = element.findtext("Id") or "", element.find("AccessPolicy")
        if not name or len(name) > 64:
            raise errors.invalid_node("Id")
        start, expiry, permission = (
            (access_policy.findtext(field) or "" if access_policy is not None else "")
            for field in ("Start", "Expiry", "Permission")
        )
        if not all(parse_time(time) for time in (start, expiry) if time):
            raise errors.invalid_node("AccessPolicy")
        stored_policies.append(Policy(name, start, expiry, permission))
    if len(stored_policies) > _POLICIES or len({policy.id for policy in stored_policies}) < len(stored_policies):
        raise errors.invalid_document()
    return tuple(stored_policies)


def policies_document(stored_policies: Iterable[Policy]) -> str:
    """The document of stored access policies that Get ACL returns."""
    return f"<SignedIdentifiers>{''.join(map(_policy, stored_policies))}</SignedIdentifiers>"


def _policy(policy: Policy) -> str:
    fields = (("Start", _precise(policy.start)), ("Expiry", _precise(policy.expiry)), ("Permission", policy.permission))
    elements = "".join(f"<{name}>{text(value)}</{name}>" for name, value in fields if value)
    access_policy = f"<AccessPolicy>{elements}</AccessPolicy>" if elements else ""
    return f"<SignedIdentifier><Id>{text(policy.id)}</Id>{access_policy}</SignedIdentifier>"


def _precise(time: str) -> str:
    """A time of a policy with seven decimals, as the service always returns it."""
    parsed = parse_time(time)
    if parsed is None or _SEVEN_DECIMALS.search(time):
        return time
    return precise_timestamp(parsed)


def settings(body: bytes, defaults: Mapping[str, str]) -> dict[str, str]:
    """The elements that a Set Service Properties request changes.

    Args:
        defaults: the elements that the service has.

    Raises:
        StorageError: the body is malformed, or a value is not allowed.
    """
    elements = {}
    for element in parse(body, "StorageServiceProperties"):
        if element.tag not in defaults:
            raise errors.invalid_node(element.tag)
        _check_setting(element)
        for part in element.iter():
            part.tail = None
            part.text = (part.text or "").strip() or None
        elements[element.tag] = tostring(element, encoding="unicode")
    return elements


def settings_document(elements: Mapping[str, str]) -> str:
    """The document of service properties."""
    return f"<StorageServiceProperties>{''.join(elements.values())}</StorageServiceProperties>"


def _check_setting(element: Element) -> None:
    if element.tag == "Cors" and len(element.findall("CorsRule")) > _RULES:
        raise errors.invalid_document()
    for rule in element.findall("CorsRule") if element.tag == "Cors" else ():
        if not is_rule({child.tag: child.text or "" for child in rule}):
            raise errors.invalid_node("CorsRule")
    for policy in (child for child in element.iter() if child.tag.endswith("RetentionPolicy")):
        days = policy.findtext("Days")
        if days is not None and not (days.isascii() and days.isdigit() and 1 <= int(days[:9]) <= _DAYS):
            raise errors.invalid_node("Days")
        if (policy.findtext("Enabled") or "").lower() == "true" and days is None:
            raise errors.invalid_document()
    for enabled in element.iter("Enabled"):
        if (enabled.text or "").strip().lower() not in ("true", "false"):
            raise errors.invalid_node("Enabled")
