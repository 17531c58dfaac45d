"""Which recorded answer belongs to a request: an index by method, URL and range, and polls in order."""

import difflib
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

from harness.errors import UnmatchedRequestError
from harness.recording.interactions import Interaction, RecordedResponse

# Parameters of a shared access signature: who may, until when. Not what is asked.
_SAS_PARAMETERS = frozenset(
    {
        "rscc", "rscd", "rsce", "rscl", "rsct", "sdd", "se", "ses", "si", "sig", "sip", "ske", "skoid", "sks",
        "skt", "sktid", "skv", "sp", "spr", "sr", "srt", "ss", "st", "sv",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RequestKey:
    """What makes two requests the same question."""

    method: str
    place: str
    query: str
    range: str

    def __str__(self) -> str:
        asked = f"{self.method} {self.place}" + (f"?{self.query}" if self.query else "")
        return f"{asked} [{self.range}]" if self.range else asked


def request_key(method: str, uri: str, headers: Mapping[str, str]) -> RequestKey:
    """The key of a request.

    Args:
        method: the HTTP method.
        uri: absolute; the order of its query, its SAS and the case of its host do not matter.
        headers: any case; only ``Range``, ``x-ms-range`` and ``x-ms-write`` matter.
    """
    parts = urlsplit(uri)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    signed = any(name == "sig" for name, _ in pairs)
    kept = sorted(pair for pair in pairs if not (signed and pair[0] in _SAS_PARAMETERS))
    lower = {name.lower(): value for name, value in headers.items()}
    ranges = (lower.get("x-ms-range") or lower.get("range", ""), lower.get("x-ms-write", ""))
    host = parts.netloc.lower().removesuffix(":443")
    return RequestKey(
        method.upper(),
        f"{parts.scheme}://{host}{parts.path}",
        urlencode(kept),
        " ".join(filter(None, ranges)),
    )


@dataclass
class _Answers:
    interactions: list[Interaction] = field(default_factory=list)
    position: int = 0
    served: int = 0

    def take(self) -> RecordedResponse:
        current = self.interactions[self.position]
        self.served += 1
        if self.served >= current.count and self.position + 1 < len(self.interactions):
            self.position += 1
            self.served = 0
        return current.response

    @property
    def unused(self) -> int:
        remaining = sum(item.count for item in self.interactions[self.position :])
        return max(0, remaining - self.served)


class ReplayIndex:
    """Finds answers in constant time; every question keeps its own place in the story. Safe for threads."""

    def __init__(self, interactions: Iterable[Interaction], name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._answers: dict[RequestKey, _Answers] = {}
        for item in interactions:
            key = request_key(item.request.method, item.request.uri, item.request.headers)
            self._answers.setdefault(key, _Answers()).interactions.append(item)

    def take(self, key: RequestKey) -> RecordedResponse:
        """The next answer to this question; the last one repeats.

        Raises:
            UnmatchedRequestError: nothing like it was recorded; the message shows the nearest that was.
        """
        with self._lock:
            answers = self._answers.get(key)
            if answers is not None:
                return answers.take()
        raise UnmatchedRequestError(self._explain(key))

    def unused(self) -> dict[RequestKey, int]:
        """Questions with answers that were recorded and never asked for, and how many."""
        with self._lock:
            return {key: answers.unused for key, answers in self._answers.items() if answers.unused}

    def _explain(self, key: RequestKey) -> str:
        ranked = sorted(self._answers, key=lambda other: _likeness(key, other), reverse=True)
        nearest = [f"  {other}\n    {_difference(key, other)}" for other in ranked[:3]]
        found = "\n".join(nearest) if nearest else "  (it holds no request at all)"
        return (
            f"cassette {self._name} has no answer to\n  {key}\nnearest that were recorded:\n{found}\n"
            "record the story again: pytest --cloud emulator --record"
        )


def _likeness(key: RequestKey, other: RequestKey) -> float:
    same_method = 0.2 if key.method == other.method else 0.0
    return (
        same_method + difflib.SequenceMatcher(None, f"{key.place}?{key.query}", f"{other.place}?{other.query}").ratio()
    )


def _difference(key: RequestKey, other: RequestKey) -> str:
    differences = []
    if key.method != other.method:
        differences.append(f"method: {key.method} was asked, {other.method} recorded")
    if key.place != other.place:
        asked, recorded = urlsplit(key.place), urlsplit(other.place)
        if asked.netloc != recorded.netloc:
            differences.append(f"host: {asked.netloc} was asked, {recorded.netloc} recorded")
        if asked.path != recorded.path:
            differences.append(f"path: {asked.path} was asked, {recorded.path} recorded")
    mine, theirs = dict(parse_qsl(key.query, True)), dict(parse_qsl(other.query, True))
    differences += [
        f"query key {name}: {mine.get(name, 'nothing')!r} was asked, {theirs.get(name, 'nothing')!r} recorded"
        for name in sorted(mine.keys() | theirs.keys())
        if mine.get(name) != theirs.get(name)
    ]
    if key.range != other.range:
        differences.append(f"range: {key.range or 'none'} was asked, {other.range or 'none'} recorded")
    return "; ".join(differences)
