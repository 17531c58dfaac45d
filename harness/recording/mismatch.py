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
        f"{part}: {requested_value} was requested, {recorded_value} recorded"
        for part, requested_value, recorded_value in _parts(requested, recorded)
        if requested_value != recorded_value
    )


def _parts(requested: RequestKey, recorded: RequestKey) -> Iterator[tuple[str, str, str]]:
    yield "method", requested.method, recorded.method
    requested_url, recorded_url = urlsplit(requested.url), urlsplit(recorded.url)
    yield "scheme", requested_url.scheme, recorded_url.scheme
    yield "host", requested_url.netloc, recorded_url.netloc
    yield "path", requested_url.path, recorded_url.path
    requested_query, recorded_query = dict(parse_qsl(requested.query, True)), dict(parse_qsl(recorded.query, True))
    for name in sorted(requested_query.keys() | recorded_query.keys()):
        requested_value, recorded_value = requested_query.get(name, "nothing"), recorded_query.get(name, "nothing")
        yield f"query key {name}", repr(requested_value), repr(recorded_value)
    yield "range", requested.range or "none", recorded.range or "none"


def _rough_likeness(requested: RequestKey, other: RequestKey) -> float:
    """Estimate the similarity cheaply, for cassettes with thousands of requests."""
    requested_segments, other_segments = set(requested.url.split("/")), set(other.url.split("/"))
    same_method = 0.2 if requested.method == other.method else 0.0
    same_query = 0.1 if requested.query == other.query else 0.0
    similarity = len(requested_segments & other_segments) / len(requested_segments | other_segments)
    return same_method + similarity + same_query


def _likeness(requested: RequestKey, other: RequestKey) -> float:
    same_method = 0.2 if requested.method == other.method else 0.0
    requested_url, other_url = (f"{key.url}?{key.query}"[:_COMPARED_CHARACTERS] for key in (requested, other))
    return same_method + difflib.SequenceMatcher(None, requested_url, other_url).ratio()
