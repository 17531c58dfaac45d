"""SharedKey, SharedKeyLite and shared access signatures; pure.

The strings to sign are those of Microsoft's "Authorize with Shared Key", "Create a service SAS" and "Create an
account SAS"; each signed version has its own strings.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import parse_qsl

_SIGNED_HEADERS = (
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
)
_IP_AND_PROTOCOL = "2015-04-05"  # the first version whose service SAS signs them
SNAPSHOTS = "2018-11-09"  # the first version whose blob SAS signs its resource type
_ENCRYPTION_SCOPES = "2020-12-06"

# The characters of header names, in the order of .NET's invariant culture.
_CULTURE = "!#$%&*.^_`|~+0123456789abcdefghijklmnopqrstuvwxyz"
_WEIGHTS = str.maketrans({character: chr(weight) for weight, character in enumerate(_CULTURE)} | dict.fromkeys("'-"))
_HYPHENS = str.maketrans(dict.fromkeys(_CULTURE, "0") | {"'": "1", "-": "2"})

_TIME_FORMATS = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%MZ", "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S.%fZ")


@lru_cache(maxsize=256)
def _decode_key(key: str) -> bytes:
    return base64.b64decode(key)


def sign(key: str, text: str) -> str:
    """HMAC-SHA256 of a text under an account key (base64), in base64."""
    return base64.b64encode(hmac.digest(_decode_key(key), text.encode(), "sha256")).decode()


def matches(keys: Iterable[str], text: str, signature: str) -> bool:
    """Whether a signature is that of a text under one of the keys; the check takes constant time."""
    try:
        digest = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return False
    encoded = text.encode("utf-8", "surrogatepass")
    return sum(hmac.compare_digest(hmac.digest(_decode_key(key), encoded, hashlib.sha256), digest) for key in keys) > 0


@lru_cache(maxsize=64)
def parse_http_time(text: str) -> datetime | None:
    """A time in the format of HTTP; None for any other text. Cached, because requests in one second share it."""
    try:
        return datetime.strptime(text, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    except ValueError:
        return None


def parse_time(text: str) -> datetime | None:
    """A time in a format of signatures and policies; None for any other text. Azure writes seven decimals."""
    whole, point, decimals = text.partition(".")
    if point and len(decimals) == 8 and decimals.endswith("Z"):
        text = f"{whole}.{decimals[:6]}Z"
    for form in _TIME_FORMATS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None


def shared_key_texts(method: str, account: str, *, raw_target: bytes, headers: Mapping[str, str]) -> Iterator[str]:
    """The strings to sign of SharedKey, one for each order of headers in use, the usual one first.

    A ``content-length`` of 0 counts as absent.
    """
    values = [headers.get(name, "") for name in _SIGNED_HEADERS]
    if values[2] == "0":
        values[2] = ""
    if "x-ms-date" in headers:
        values[5] = ""
    path, _, query = raw_target.decode("latin-1").partition("?")
    parameters: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        parameters.setdefault(name.lower(), []).append(value)
    resource = [f"/{account}{path}", *(f"{name}:{','.join(sorted(parameters[name]))}" for name in sorted(parameters))]
    for canonical in canonical_headers(headers):
        yield "\n".join([method, *values, canonical + "\n".join(resource)])


def shared_key_lite_texts(method: str, account: str, *, raw_target: bytes, headers: Mapping[str, str]) -> Iterator[str]:
    """The strings to sign of SharedKeyLite, which have fewer headers, and only ``comp`` of the query."""
    date = "" if "x-ms-date" in headers else headers.get("date", "")
    path, _, query = raw_target.decode("latin-1").partition("?")
    component = dict(parse_qsl(query, keep_blank_values=True)).get("comp")
    resource = f"/{account}{path}" + (f"?comp={component}" if component else "")
    values = [headers.get("content-md5", ""), headers.get("content-type", ""), date]
    for canonical in canonical_headers(headers):
        yield "\n".join([method, *values, canonical + resource])


def canonical_headers(headers: Mapping[str, str]) -> Iterator[str]:
    """The ``x-ms-`` headers, one a line, in each order and each form of values that clients use.

    The service compares names as .NET's invariant culture does; newer SDKs imitate that, older ones sort by code point.
    Microsoft's description folds white space within a value, the SDKs sign it as it is.
    """
    names = sorted(name for name in headers if name.startswith("x-ms-"))
    stripped = {name: headers[name].strip() for name in names}
    yield _lines(names, stripped)
    in_culture_order = sorted(names, key=_in_culture)
    folded = {name: " ".join(value.split()) for name, value in stripped.items()}
    for order, values in ((in_culture_order, stripped), (names, folded), (in_culture_order, folded)):
        if (order, values) != (names, stripped):
            yield _lines(order, values)


def _in_culture(name: str) -> tuple[str, str]:
    """The sort key of a header name in lower case under .NET's invariant culture.

    Hyphens and apostrophes count only if all else is equal; then a name with a later first one sorts first.
    """
    return name.translate(_WEIGHTS), name.translate(_HYPHENS)


def _lines(names: list[str], values: Mapping[str, str]) -> str:
    return "".join([f"{name}:{values[name]}\n" for name in names])


def service_sas_text(service: str, resource: str, query: Mapping[str, str]) -> str:
    """The string to sign of a service SAS.

    Args:
        service: ``file`` or ``blob``.
        resource: ``/{account}/{share}[/{path}]``.
        query: the SAS's parameters.
    """
    version = query.get("sv", "")
    names = ["sip", "spr", "sv"] if version >= _IP_AND_PROTOCOL else ["sv"]
    if service == "blob" and version >= SNAPSHOTS:
        names += ["sr", "snapshot", *(["ses"] if version >= _ENCRYPTION_SCOPES else [])]
    after = ("si", *names, "rscc", "rscd", "rsce", "rscl", "rsct")
    lines = [query.get(name, "") for name in ("sp", "st", "se")]
    return "\n".join([*lines, f"/{service}{resource}", *(query.get(name, "") for name in after)])


def account_sas_text(account: str, query: Mapping[str, str]) -> str:
    """The string to sign of an account SAS, which ends with a line feed."""
    names = ["sp", "ss", "srt", "st", "se", "sip", "spr", "sv"]
    if query.get("sv", "") >= _ENCRYPTION_SCOPES:
        names.append("ses")
    return "\n".join([account, *(query.get(name, "") for name in names), ""])
