"""Whether two recordings of a scenario mean the same, however often each has looked and whatever it has just missed.

What was written is compared one after the other, and of what was read the last answer to each request: how a state
looks that passes depends on the moment. What nobody can foresee is compared by its form.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest

from harness.recording.interactions import Interaction, RecordedRequest, RecordedResponse
from tests.fidelity.comparison import Names, differences

_GUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_FORMS = {
    "owner": r"[0-9a-f]{12}\.[0-9a-f]{12}/\d+/\d+",
    "container": rf"[0-9a-f]{{8}}-[0-9a-f]-{_GUID}",
    "guid": rf"(?!00000000-){_GUID}",  # a cassette's placeholders begin so
    "correlation": r"\b(?:[0-9a-f]{32}|[0-9a-f]{16})\b",
    "node": r"tvm-\d+_\d+-\d{8}t\d{6}z",
    "time": r"\d{4}-\d\d-\d\dT\d\d(?::|%3A)\d\d(?::|%3A)\d\d(?:\.\d+)?(?:Z|\+00:00)",
    "upload": r"<\d+ bytes, sha256:[0-9a-f]{64}>",
    "length": r"(?<=<Content-Length>)\d+|bytes \d+-\d+/\d+",
    "measure": r"\d+\.\d+(?:e-?\d+)?(?= ?s\b)|(?<=loss = )\S+",
}
_FORM = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _FORMS.items()))
_LIVE_LOG = re.compile(r"/ExperimentRun/dcid\.[^/]+/logs/")  # read while the job runs
_REGISTRATION = re.compile(r"/subscriptions/[^/]+/providers/[^/?]+(?:/register)?\?")  # done once for a subscription
_LISTED = re.compile(r"/listOutputFiles\?")  # a POST that changes nothing


@dataclass
class Story:
    """What matters of a recording."""

    writes: list[Interaction] = field(default_factory=list)
    reads: dict[str, Interaction] = field(default_factory=dict)


def unlike(recorded: Sequence[Interaction], given: Sequence[Interaction]) -> Iterator[str]:
    """Where one recording does not mean the same as another, as sentences."""
    one, other = _story(recorded), _story(given)
    for mine, theirs in zip_longest(one.writes, other.writes):
        asked = [_key(item) if item else "nothing" for item in (mine, theirs)]
        if asked[0] != asked[1]:
            yield f"{asked[0]} was recorded, {asked[1]} sent"
            return
        yield from _differing(mine, theirs)
    for key in sorted(one.reads.keys() | other.reads.keys()):
        if key in one.reads and key in other.reads:
            yield from _differing(one.reads[key], other.reads[key])
        else:
            yield f"{key} was {'recorded, and not sent' if key in one.reads else 'sent, and not recorded'}"


def _story(interactions: Sequence[Interaction]) -> Story:
    story = Story()
    for item in map(_plain, interactions):
        if _REGISTRATION.search(item.request.uri):
            continue
        if item.request.method not in ("GET", "HEAD") and not _LISTED.search(item.request.uri):
            story.writes.append(item)
        elif not _is_passing(item.request):
            story.reads[_key(item)] = item
    return story


def _is_passing(request: RecordedRequest) -> bool:
    """Whether a read looks at the log of a job that runs, of which nobody knows how long it is then."""
    is_storage = ".core.windows.net" in request.uri
    return bool(_LIVE_LOG.search(request.uri)) or (
        is_storage and (request.method == "HEAD" or "range" in {name.lower() for name in request.headers})
    )


def _differing(one: Interaction, other: Interaction) -> Iterator[str]:
    yield from (f"{_key(one)}: {difference}" for difference in differences(one, other, Names()))


def _key(item: Interaction) -> str:
    return f"{item.request.method} {item.request.uri}"


def _plain(item: Interaction) -> Interaction:
    """A request and its answer with words in place of what nobody can foresee."""
    request, response = item.request, item.response
    headers = {name: _by_form(value) for name, value in response.headers.items() if name.lower() != "content-length"}
    return replace(
        item,
        request=RecordedRequest(request.method, _by_form(request.uri), request.headers),
        response=RecordedResponse(response.status, response.reason, headers, _plain_body(response.body)),
    )


def _plain_body(body: bytes) -> bytes:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return b"<bytes>"
    return _by_form(text).encode()


def _by_form(text: str) -> str:
    return _FORM.sub(lambda found: f"<{found.lastgroup}>", text)
