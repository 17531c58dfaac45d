"""The key by which a replay compares requests: method, URL and byte range."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

# Parameters of a shared access signature: they authorize a request and do not identify it.
_SAS_PARAMETERS = frozenset(
    {
        "rscc", "rscd", "rsce", "rscl", "rsct", "sdd", "se", "ses", "si", "sig", "sip", "ske", "skoid", "sks",
        "skt", "sktid", "skv", "sp", "spr", "sr", "srt", "ss", "st", "sv",
    }
)  # fmt: skip
_ONE_PAIR = re.compile(r"(?!sig=)[A-Za-z0-9_.-]+=[A-Za-z0-9_.-]*")  # nothing to sort, decode or omit


class RequestKey(NamedTuple):
    """The parts of a request that determine its response.

    Attributes:
        method: upper-case.
        url: scheme, host and path; scheme and host in lower case, without a default port.
        query: the sorted parameters, without those of a shared access signature.
        range: the requested bytes; empty for all of them.
    """

    method: str
    url: str
    query: str
    range: str

    def __str__(self) -> str:
        request = f"{self.method} {self.url}" + (f"?{self.query}" if self.query else "")
        return f"{request} [{self.range}]" if self.range else request


def request_key(method: str, uri: str, headers: Mapping[str, str]) -> RequestKey:
    """Return the key of a request.

    Args:
        method: the HTTP method, in any case.
        uri: an absolute URL. The order of its query, its shared access signature and the case of its host are ignored.
        headers: names in any case; all but ``Range``, ``x-ms-range`` and ``x-ms-write`` are ignored.
    """
    url, query = _url_and_query(uri)
    return RequestKey(method.upper(), url, query, _range(headers) if headers else "")


@lru_cache(maxsize=4096)
def _url_and_query(uri: str) -> tuple[str, str]:
    address, _, query = uri.partition("#")[0].partition("?")
    scheme, _, rest = address.partition("://")
    host, _, path = rest.partition("/")
    scheme = scheme.lower()
    host = host.lower().removesuffix(":443" if scheme == "https" else ":80")
    url = f"{scheme}://{host}/{path}"
    if _ONE_PAIR.fullmatch(query):
        return url, query
    pairs = parse_qsl(query, keep_blank_values=True)
    is_signed = any(name == "sig" for name, _ in pairs)
    relevant = sorted(pair for pair in pairs if not (is_signed and pair[0] in _SAS_PARAMETERS))
    return url, urlencode(relevant)


def _range(headers: Mapping[str, str]) -> str:
    lower = {name.lower(): value for name, value in headers.items()}
    ranges = (lower.get("x-ms-range") or lower.get("range", ""), lower.get("x-ms-write", ""))
    return " ".join(filter(None, ranges))
