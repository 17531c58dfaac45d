"""Selection of the recorded response to a request, by an index with a position for each request key."""

import bisect
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.errors import UnmatchedRequestError
from harness.recording.bodies import canonical_body, differences, is_file_url, json_value, upload_marker
from harness.recording.cassette_reader import Cassette
from harness.recording.interactions import Interaction, RecordedResponse
from harness.recording.mismatch import describe_difference, nearest_requests
from harness.recording.request_key import RequestKey, request_key
from harness.recording.scrub import Scrubber

_READS = ("GET", "HEAD")
_SHOWN_DIFFERENCES = 8  # differing body paths that a message lists


@dataclass(frozen=True, slots=True)
class UnusedAnswers:
    """Recorded responses to one request that were not requested in the replay.

    Attributes:
        request: method, URL and byte range.
        count: the number of responses.
    """

    request: str
    count: int

    def __str__(self) -> str:
        return f"{self.request} ({self.count} unused)"


@dataclass(slots=True)
class _Answer:
    index: int
    remaining: int


class _Answers:
    """Responses to one request in the order of their recording; the last one repeats."""

    __slots__ = ("_at", "all")

    def __init__(self) -> None:
        self.all: list[_Answer] = []
        self._at = 0

    def next(self) -> _Answer:
        while self.all[self._at].remaining == 0 and self._at + 1 < len(self.all):
            self._at += 1
        return self.all[self._at]

    def skip_to_after(self, index: int) -> None:
        """Skip the responses that were recorded before an interaction, unless none was recorded after it."""
        after = bisect.bisect(self.all, index, key=lambda answer: answer.index)
        if after < len(self.all):
            self._at = max(self._at, after)


class ReplayIndex:
    """Finds the response to a request in constant time. Thread-safe.

    Args:
        cassette: the open cassette.
        name: the name of the cassette in messages.
        scrubber: scrubs the recorded URLs and bodies as requests are scrubbed, so that cassettes of other tools match.
    """

    def __init__(self, cassette: Cassette, name: str, scrubber: Scrubber) -> None:
        self._cassette = cassette
        self._name = name
        self._scrubber = scrubber
        self._has_provenance = cassette.provenance is not None
        self._lock = threading.Lock()
        self._answers: dict[RequestKey, _Answers] = {}
        self._reads: dict[str, list[_Answers]] = {}
        self._by_body: dict[RequestKey, dict[bytes, _Answers]] = {}
        self._repeated: dict[int, Interaction] = {}
        self._read_outlines()

    def _read_outlines(self) -> None:
        scrubbed: dict[str, str] = {}
        for index, outline in enumerate(self._cassette.outlines):
            uri = scrubbed.get(outline.uri)
            if uri is None:
                uri = scrubbed[outline.uri] = self._scrubber.text(outline.uri)
            key = request_key(outline.method, uri, outline.headers)
            answers = self._answers.get(key)
            if answers is None:
                answers = self._answers[key] = _Answers()
                if key.method in _READS:
                    self._reads.setdefault(key.url, []).append(answers)
            answers.all.append(_Answer(index, outline.count))

    def take(self, key: RequestKey, body: Callable[[], bytes]) -> RecordedResponse:
        """Return the next response to a request; the last one repeats.

        Args:
            key: the key of the request.
            body: returns the request's body as a cassette would hold it; called only if the response depends on it.

        Raises:
            UnmatchedRequestError: no such request was recorded; the message shows the most similar ones.
            CassetteError: the response cannot be read.
        """
        is_read = key.method in _READS
        with self._lock:
            answers = self._answers.get(key)
            if answers is None:
                raise UnmatchedRequestError(self._unknown_request_message(key))
            answer = answers.next() if is_read else self._next_for_body(key, answers, body)
            is_new = answer.remaining > 0
            answer.remaining -= is_new
            if is_new and not is_read:
                for reads in self._reads.get(key.url, ()):
                    reads.skip_to_after(answer.index)
        return self._read(answer, keep=not is_new or answer.remaining > 0).response

    @property
    def provenance(self) -> Mapping[str, str]:
        """The provenance of the cassette; empty for cassettes of other tools."""
        return self._cassette.provenance or {}

    def unused(self) -> list[UnusedAnswers]:
        """The recorded responses that were not requested yet, in the order of the cassette."""
        with self._lock:
            unused = {key: sum(answer.remaining for answer in answers.all) for key, answers in self._answers.items()}
        return [UnusedAnswers(str(key), count) for key, count in unused.items() if count]

    def _read(self, answer: _Answer, *, keep: bool) -> Interaction:
        stored = self._repeated.get(answer.index)
        if stored is not None:
            return stored
        read = self._cassette.interaction(answer.index)
        if keep:
            self._repeated[answer.index] = read
        return read

    def _next_for_body(self, key: RequestKey, answers: _Answers, body: Callable[[], bytes]) -> _Answer:
        """Return the next response that was recorded for this body.

        JSON has to equal the recorded JSON, except in cassettes of other tools, which may come from another version
        of the client. For them, and for uploads, the response to the most similar body is returned.
        """
        recorded = self._recorded_bodies(key, answers)
        if recorded.keys() == {b""} or (len(recorded) == 1 and is_file_url(key.url)):
            return answers.next()
        sent_body = body()
        equal = recorded.get(canonical_body(sent_body))
        if equal is not None:
            return equal.next()
        value = json_value(sent_body)
        if value is None or is_file_url(key.url):
            return answers.next()
        by_body = {body: list(differences(value, json_value(body))) for body in recorded if json_value(body)}
        if not by_body:
            return answers.next()
        fewest = min(by_body.values(), key=len)
        if fewest and self._has_provenance:
            raise UnmatchedRequestError(self._different_body_message(key, fewest))
        similar = [recorded[body].next() for body, differing in by_body.items() if len(differing) == len(fewest)]
        return next((answer for answer in similar if answer.remaining), similar[-1])

    def _recorded_bodies(self, key: RequestKey, answers: _Answers) -> dict[bytes, _Answers]:
        grouped = self._by_body.get(key)
        if grouped is None:
            grouped = self._by_body[key] = {}
            for answer in answers.all:
                body = upload_marker(key.url, self._cassette.interaction(answer.index).request.body)
                grouped.setdefault(canonical_body(self._scrubber.body(body)), _Answers()).all.append(answer)
        return grouped

    def _unknown_request_message(self, key: RequestKey) -> str:
        candidates = [
            f"  {other}\n    {describe_difference(key, other)}" for other in nearest_requests(key, self._answers)
        ]
        return self._unmatched_message(key, "\n".join(candidates) or "  (it holds no request at all)")

    def _different_body_message(self, key: RequestKey, differing: Sequence[str]) -> str:
        rest = len(differing) - _SHOWN_DIFFERENCES
        more = [f"and {rest} more"] if rest > 0 else []
        return self._unmatched_message(key, "\n    ".join([f"  {key}", *differing[:_SHOWN_DIFFERENCES], *more]))

    def _unmatched_message(self, key: RequestKey, candidates: str) -> str:
        return (
            f"cassette {self._name} has no answer to\n  {key}\nnearest that were recorded:\n{candidates}\n"
            "record it again with: pytest --cloud emulator --record"
        )
