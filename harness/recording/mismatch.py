"""The most similar recorded requests, and how they differ, for the error message about an unmatched request."""

import difflib
import heapq
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl, urlsplit

from harness.recording.request_key import RequestKey

_SHOWN = 3
_COMPARED_CLOSELY = 12
_COMPARED_CHARACTERS = 500  # of a URL: the time of a comparison grows with the square of the length


def nearest_requests(requested: RequestKey, recorded: Iterable[RequestKey]) -> list[RequestKey]:
    """The recorded requests that are most similar to a request, the most similar first."""
    candidates = heapq.nlargest(_COMPARED_CLOSELY, recorded, key=lambda other: _rough_likeness(requested, other))
    return sorted(candidates, key=lambda other: _likeness(requested, other), reverse=True)[:_SHOWN]


def describe_difference(requested: RequestKey, recorded: RequestKey) -> str:
    """Describe the parts in which two requests differ."""
    return "; ".join(
        f"{part}: {mine} was requested, {theirs} recorded"
        for part, mine, theirs in _parts(requested, recorded)
        if mine != theirs
    )


def _parts(requested: RequestKey, recorded: RequestKey) -> Iterator[tuple[str, str, str]]:
    yield "method", requested.method, recorded.method
    mine, theirs = urlsplit(requested.url), urlsplit(recorded.url)
    yield "scheme", mine.scheme, theirs.scheme
    yield "host", mine.netloc, theirs.netloc
    yield "path", mine.path, theirs.path
    my_query, their_query = dict(parse_qsl(requested.query, True)), dict(parse_qsl(recorded.query, True))
    for name in sorted(my_query.keys() | their_query.keys()):
        yield f"query key {name}", repr(my_query.get(name, "nothing")), repr(their_query.get(name, "nothing"))
    yield "range", requested.range or "none", recorded.range or "none"


def _rough_likeness(requested: RequestKey, other: RequestKey) -> float:
    """Estimate the similarity cheaply, for cassettes with thousands of requests."""
    mine, theirs = set(requested.url.split("/")), set(other.url.split("/"))
    same_method = 0.2 if requested.method == other.method else 0.0
    return same_method + len(mine & theirs) / len(mine | theirs) + (0.1 if requested.query == other.query else 0.0)


def _likeness(requested: RequestKey, other: RequestKey) -> float:
    same_method = 0.2 if requested.method == other.method else 0.0
    mine, theirs = (f"{key.url}?{key.query}"[:_COMPARED_CHARACTERS] for key in (requested, other))
    return same_method + difflib.SequenceMatcher(None, mine, theirs).ratio()
