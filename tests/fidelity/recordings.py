"""Comparison of two recordings of a scenario, regardless of the number and the times of their polls.

Writes are compared in their order. Of reads, only the last response to each request is compared, because transient
states depend on the time of a poll. Values that differ between runs are compared by their form.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest

from harness.recording.interactions import Interaction, RecordedRequest, RecordedResponse
from tests.fidelity.comparison import ActualValues, differences

_GUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_VARYING_VALUES = {
    "owner": r"[0-9a-f]{12}\.[0-9a-f]{12}/\d+/\d+",
    "container": rf"[0-9a-f]{{8}}-[0-9a-f]-{_GUID}",
    "guid": rf"(?!00000000-){_GUID}",  # a cassette's placeholders begin with zeros
    "correlation": r"\b(?:[0-9a-f]{32}|[0-9a-f]{16})\b",
    "node": r"tvm-\d+_\d+-\d{8}t\d{6}z",
    "time": r"\d{4}-\d\d-\d\dT\d\d(?::|%3A)\d\d(?::|%3A)\d\d(?:\.\d+)?(?:Z|\+00:00)",
    "upload": r"<\d+ bytes, sha256:[0-9a-f]{64}>",
    "length": r"(?<=<Content-Length>)\d+|bytes \d+-\d+/\d+",
    "measure": r"\d+\.\d+(?:e-?\d+)?(?= ?s\b)|(?<=loss = )\S+",
}
_VARYING = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _VARYING_VALUES.items()))
_LIVE_LOG = re.compile(r"/ExperimentRun/dcid\.[^/]+/logs/")  # read while the job runs
_REGISTRATION = re.compile(r"/subscriptions/[^/]+/providers/[^/?]+(?:/register)?\?")  # once for each subscription
_LISTING = re.compile(r"/listOutputFiles\?")  # a POST that changes nothing


@dataclass
class RecordingSummary:
    """The parts of a recording that are compared: writes in their order, and the last read of each URL."""

    writes: list[Interaction] = field(default_factory=list)
    reads: dict[str, Interaction] = field(default_factory=dict)


def compare_recordings(recorded: Sequence[Interaction], actual: Sequence[Interaction]) -> Iterator[str]:
    """Describe the differences between two recordings."""
    old, new = _summarize(recorded), _summarize(actual)
    for old_write, new_write in zip_longest(old.writes, new.writes):
        old_key, new_key = (_key(item) if item else "nothing" for item in (old_write, new_write))
        if old_key != new_key:
            yield f"{old_key} was recorded, {new_key} sent"
            return
        yield from _response_differences(old_write, new_write)
    for key in sorted(old.reads.keys() | new.reads.keys()):
        if key in old.reads and key in new.reads:
            yield from _response_differences(old.reads[key], new.reads[key])
        else:
            yield f"{key} was {'recorded, and not sent' if key in old.reads else 'sent, and not recorded'}"


def _summarize(interactions: Sequence[Interaction]) -> RecordingSummary:
    summary = RecordingSummary()
    for item in map(_normalize, interactions):
        if _REGISTRATION.search(item.request.uri):
            continue
        if item.request.method not in ("GET", "HEAD") and not _LISTING.search(item.request.uri):
            summary.writes.append(item)
        elif not _is_transient(item.request):
            summary.reads[_key(item)] = item
    return summary


def _is_transient(request: RecordedRequest) -> bool:
    """Whether a read polls the log of a running job, whose length depends on the time of the poll."""
    is_storage = ".core.windows.net" in request.uri
    return bool(_LIVE_LOG.search(request.uri)) or (
        is_storage and (request.method == "HEAD" or "range" in {name.lower() for name in request.headers})
    )


def _response_differences(recorded: Interaction, actual: Interaction) -> Iterator[str]:
    yield from (f"{_key(recorded)}: {difference}" for difference in differences(recorded, actual, ActualValues()))


def _key(item: Interaction) -> str:
    return f"{item.request.method} {item.request.uri}"


def _normalize(item: Interaction) -> Interaction:
    """Replace the values of an interaction that differ between runs by the names of their kinds."""
    request, response = item.request, item.response
    headers = {
        name: _normalize_text(value) for name, value in response.headers.items() if name.lower() != "content-length"
    }
    return replace(
        item,
        request=RecordedRequest(request.method, _normalize_text(request.uri), request.headers),
        response=RecordedResponse(
            response.status,
            response.reason,
            {name: _normalize_text(text) for name, text in headers.items()},
            _normalize_body(response.body),
        ),
    )


def _normalize_body(body: bytes) -> bytes:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return b"<bytes>"
    return _normalize_text(text).encode()


def _normalize_text(text: str) -> str:
    return _VARYING.sub(lambda match: f"<{match.lastgroup}>", text)
