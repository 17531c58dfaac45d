"""Which recorded response belongs to a request: an index by request key, with a position for each key."""

import bisect
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.errors import UnmatchedRequestError
from harness.recording.bodies import canonical, differences, is_a_file, json_value, upload_marker
from harness.recording.cassette_reader import Cassette
from harness.recording.interactions import Interaction, RecordedResponse
from harness.recording.mismatch import difference, nearest
from harness.recording.request_key import RequestKey, request_key
from harness.recording.scrub import Scrubber

_READS = ("GET", "HEAD")
_SHOWN_DIFFERENCES = 8  # differing body paths that a message lists


@dataclass(frozen=True, slots=True)
class UnusedAnswers:
    """Responses to one request that were recorded and have not been asked for.

    Attributes:
        request: method, URL and byte range.
        count: how many.
    """

    request: str
    count: int

    def __str__(self) -> str:
        return f"{self.request} ({self.count} unused)"


@dataclass(slots=True)
class _Answer:
    index: int
    left: int


class _Answers:
    """Responses in the order in which they were recorded; the last one repeats."""

    __slots__ = ("_at", "all")

    def __init__(self) -> None:
        self.all: list[_Answer] = []
        self._at = 0

    def next(self) -> _Answer:
        while self.all[self._at].left == 0 and self._at + 1 < len(self.all):
            self._at += 1
        return self.all[self._at]

    def skip_to_after(self, index: int) -> None:
        """Skip every response recorded before an interaction, if there is one recorded after it."""
        after = bisect.bisect(self.all, index, key=lambda answer: answer.index)
        if after < len(self.all):
            self._at = max(self._at, after)


class ReplayIndex:
    """Finds responses in constant time. Safe for threads.

    Args:
        cassette: the open cassette.
        name: what messages call it.
        scrubber: takes out of recorded URLs and bodies what it takes out of requests, so that cassettes of other
            tools match as well.
    """

    def __init__(self, cassette: Cassette, name: str, scrubber: Scrubber) -> None:
        self._cassette = cassette
        self._name = name
        self._scrubber = scrubber
        self._is_ours = cassette.provenance is not None
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
        """The next response to a request; the last one repeats.

        Args:
            key: the request.
            body: what is sent with it, as a cassette would hold it; called only where it can make a difference.

        Raises:
            UnmatchedRequestError: nothing like it was recorded; the message shows the nearest recorded requests.
            CassetteError: the response cannot be read.
        """
        is_read = key.method in _READS
        with self._lock:
            answers = self._answers.get(key)
            if answers is None:
                raise UnmatchedRequestError(self._unknown(key))
            answer = answers.next() if is_read else self._next_for_body(key, answers, body)
            is_new = answer.left > 0
            answer.left -= is_new
            if is_new and not is_read:
                for reads in self._reads.get(key.url, ()):
                    reads.skip_to_after(answer.index)
        return self._read(answer, keep=not is_new or answer.left > 0).response

    @property
    def provenance(self) -> Mapping[str, str]:
        """What the cassette says about where it comes from."""
        return self._cassette.provenance or {}

    def unused(self) -> list[UnusedAnswers]:
        """What was recorded and has not been asked for, in the order of the cassette."""
        with self._lock:
            left = {key: sum(answer.left for answer in found.all) for key, found in self._answers.items()}
        return [UnusedAnswers(str(key), count) for key, count in left.items() if count]

    def _read(self, answer: _Answer, *, keep: bool) -> Interaction:
        kept = self._repeated.get(answer.index)
        if kept is not None:
            return kept
        read = self._cassette.interaction(answer.index)
        if keep:
            self._repeated[answer.index] = read
        return read

    def _next_for_body(self, key: RequestKey, answers: _Answers, body: Callable[[], bytes]) -> _Answer:
        """The next response that was given to this body.

        JSON has to equal the recorded JSON, except in cassettes of other tools, which may have been made with another
        version of the client. There, and for uploads, the response to the most similar body is taken.
        """
        recorded = self._recorded_bodies(key, answers)
        if recorded.keys() == {b""} or (len(recorded) == 1 and is_a_file(key.url)):
            return answers.next()
        sent = body()
        equal = recorded.get(canonical(sent))
        if equal is not None:
            return equal.next()
        value = json_value(sent)
        if value is None or is_a_file(key.url):
            return answers.next()
        wrong = {other: list(differences(value, json_value(other))) for other in recorded if json_value(other)}
        if not wrong:
            return answers.next()
        fewest = min(wrong.values(), key=len)
        if fewest and self._is_ours:
            raise UnmatchedRequestError(self._other_body(key, fewest))
        similar = [recorded[other].next() for other, found in wrong.items() if len(found) == len(fewest)]
        return next((answer for answer in similar if answer.left), similar[-1])

    def _recorded_bodies(self, key: RequestKey, answers: _Answers) -> dict[bytes, _Answers]:
        grouped = self._by_body.get(key)
        if grouped is None:
            grouped = self._by_body[key] = {}
            for answer in answers.all:
                body = upload_marker(key.url, self._cassette.interaction(answer.index).request.body)
                grouped.setdefault(canonical(self._scrubber.body(body)), _Answers()).all.append(answer)
        return grouped

    def _unknown(self, key: RequestKey) -> str:
        found = [f"  {other}\n    {difference(key, other)}" for other in nearest(key, self._answers)]
        return self._no_answer(key, "\n".join(found) or "  (it holds no request at all)")

    def _other_body(self, key: RequestKey, found: Sequence[str]) -> str:
        rest = len(found) - _SHOWN_DIFFERENCES
        more = [f"and {rest} more"] if rest > 0 else []
        return self._no_answer(key, "\n    ".join([f"  {key}", *found[:_SHOWN_DIFFERENCES], *more]))

    def _no_answer(self, key: RequestKey, found: str) -> str:
        return (
            f"cassette {self._name} has no answer to\n  {key}\nnearest that were recorded:\n{found}\n"
            "record it again with: pytest --cloud emulator --record"
        )
