"""Content headers that a service SAS carries in its query, and that its signature covers."""

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
    """Refuse values that no header can hold, before the operation begins."""
    for short in _OVERRIDES:
        if not _SENDABLE.fullmatch(query.get(short, "")):
            raise invalid_query(short)


def override(answer: Response, query: Mapping[str, str]) -> None:
    """Set the content headers of a response to those that a service SAS carries."""
    for short, name in _OVERRIDES.items():
        if (value := query.get(short)) and answer.status < 300:
            answer.headers = [(header, old) for header, old in answer.headers if header != name]
            answer.headers.append((name, value))
