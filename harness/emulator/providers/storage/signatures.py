"""SharedKey, SharedKeyLite and shared access signatures; pure.

The strings to sign are those of Microsoft's "Authorize with Shared Key" and "Create a service SAS" / "Create an
account SAS", for service versions 2015-04-05 and later.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping
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


def sign(key: str, text: str) -> str:
    """HMAC-SHA256 of a text under an account key (base64), in base64."""
    return base64.b64encode(hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()).decode()


def matches(keys: Iterable[str], text: str, signature: str) -> bool:
    """Whether a signature is that of a text under one of the keys; takes the same time for any wrong one."""
    try:
        given = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return False
    return sum(hmac.compare_digest(base64.b64decode(sign(key, text)), given) for key in keys) > 0


def shared_key_text(method: str, account: str, *, raw_target: bytes, headers: Mapping[str, str]) -> str:
    """What the SharedKey scheme signs. A ``content-length`` of 0 counts as absent."""
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
    return "\n".join([method, *values, canonical_headers(headers) + "\n".join(resource)])


def shared_key_lite_text(method: str, account: str, *, raw_target: bytes, headers: Mapping[str, str]) -> str:
    """What the SharedKeyLite scheme signs: fewer headers, and of the query only ``comp``."""
    date = "" if "x-ms-date" in headers else headers.get("date", "")
    path, _, query = raw_target.decode("latin-1").partition("?")
    component = dict(parse_qsl(query, keep_blank_values=True)).get("comp")
    resource = f"/{account}{path}" + (f"?comp={component}" if component else "")
    values = [headers.get("content-md5", ""), headers.get("content-type", ""), date]
    return "\n".join([method, *values, canonical_headers(headers) + resource])


def canonical_headers(headers: Mapping[str, str]) -> str:
    """All ``x-ms-`` headers by name, white space folded, one a line."""
    names = sorted(name for name in headers if name.startswith("x-ms-"))
    return "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in names)


def service_sas_text(resource: str, query: Mapping[str, str]) -> str:
    """What a service SAS signs; ``resource`` is ``/file/{account}/{share}[/{path}]``."""
    before, after = ("sp", "st", "se"), ("si", "sip", "spr", "sv", "rscc", "rscd", "rsce", "rscl", "rsct")
    return "\n".join([*(query.get(name, "") for name in before), resource, *(query.get(name, "") for name in after)])


def account_sas_text(account: str, query: Mapping[str, str]) -> str:
    """What an account SAS signs; ends with a line feed."""
    names = ("sp", "ss", "srt", "st", "se", "sip", "spr", "sv")
    return "\n".join([account, *(query.get(name, "") for name in names), ""])
