"""What makes two requests the same question: method, URL and byte range."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

# Parameters of a shared access signature: who may, until when. Not what is asked.
_SAS_PARAMETERS = frozenset(
    {
        "rscc", "rscd", "rsce", "rscl", "rsct", "sdd", "se", "ses", "si", "sig", "sip", "ske", "skoid", "sks",
        "skt", "sktid", "skv", "sp", "spr", "sr", "srt", "ss", "st", "sv",
    }
)  # fmt: skip
_ONE_PAIR = re.compile(r"(?!sig=)[A-Za-z0-9_.-]+=[A-Za-z0-9_.-]*")  # nothing to sort, decode or leave out


class Question(NamedTuple):
    """A request without all that does not matter for its answer."""

    method: str
    place: str
    query: str
    range: str

    def __str__(self) -> str:
        asked = f"{self.method} {self.place}" + (f"?{self.query}" if self.query else "")
        return f"{asked} [{self.range}]" if self.range else asked


def question(method: str, uri: str, headers: Mapping[str, str]) -> Question:
    """The question that a request asks.

    Args:
        method: the HTTP method.
        uri: absolute; the order of its query, its SAS and the case of its host do not matter.
        headers: any case; only ``Range``, ``x-ms-range`` and ``x-ms-write`` matter.
    """
    place, query = _place_and_query(uri)
    return Question(method.upper(), place, query, _range(headers) if headers else "")


@lru_cache(maxsize=4096)
def _place_and_query(uri: str) -> tuple[str, str]:
    address, _, query = uri.partition("#")[0].partition("?")
    scheme, _, rest = address.partition("://")
    host, _, path = rest.partition("/")
    scheme = scheme.lower()
    host = host.lower().removesuffix(":443" if scheme == "https" else ":80")
    place = f"{scheme}://{host}/{path}"
    if _ONE_PAIR.fullmatch(query):
        return place, query
    pairs = parse_qsl(query, keep_blank_values=True)
    signed = any(name == "sig" for name, _ in pairs)
    kept = sorted(pair for pair in pairs if not (signed and pair[0] in _SAS_PARAMETERS))
    return place, urlencode(kept)


def _range(headers: Mapping[str, str]) -> str:
    lower = {name.lower(): value for name, value in headers.items()}
    ranges = (lower.get("x-ms-range") or lower.get("range", ""), lower.get("x-ms-write", ""))
    return " ".join(filter(None, ranges))
