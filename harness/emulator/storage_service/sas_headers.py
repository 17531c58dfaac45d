"""Content headers in the query of a service SAS, which its signature covers."""

import re
from collections.abc import Mapping

from harness.emulator.context import Response
from harness.emulator.storage_service.errors import invalid_query

_SENDABLE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
_OVERRIDES = {
    "rscc": "cache-control",
    "rscd": "content-disposition",
    "rsce": "content-encoding",
    "rscl": "content-language",
    "rsct": "content-type",
}


def check(query: Mapping[str, str]) -> None:
    """Check, before the operation begins, that headers can hold the values."""
    for parameter in _OVERRIDES:
        if not _SENDABLE.fullmatch(query.get(parameter, "")):
            raise invalid_query(parameter)


def override(response: Response, query: Mapping[str, str]) -> None:
    """Set the content headers of a response to those in a service SAS."""
    for parameter, name in _OVERRIDES.items():
        if (value := query.get(parameter)) and response.status < 300:
            response.headers = [(header, old) for header, old in response.headers if header != name]
            response.headers.append((name, value))
