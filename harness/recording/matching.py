"""Which recorded answer belongs to a request: an index by question, and every question's own place in the story."""

import bisect
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.errors import UnmatchedRequestError
from harness.recording.bodies import canonical, differences, json_value, upload_marker
from harness.recording.document import is_a_file
from harness.recording.interactions import Interaction, RecordedResponse
from harness.recording.nearest import difference, nearest
from harness.recording.question import Question, question
from harness.recording.reel import Reel
from harness.recording.scrub import Scrubber

_READS = ("GET", "HEAD")
_TOLD = 8  # differing body paths that a message lists


@dataclass(frozen=True, slots=True)
class UnusedAnswers:
    """Answers to one question that were recorded and never asked for.

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
    place: int
    left: int


class _Answers:
    """Answers in the order of the story; the last one repeats."""

    __slots__ = ("_at", "all")

    def __init__(self) -> None:
        self.all: list[_Answer] = []
        self._at = 0

    def next(self) -> _Answer:
        while self.all[self._at].left == 0 and self._at + 1 < len(self.all):
            self._at += 1
        return self.all[self._at]

    def skip_to_after(self, place: int) -> None:
        """Never again an answer from before an event that lies behind, if there is one from after it."""
        after = bisect.bisect(self.all, place, key=lambda answer: answer.place)
        if after < len(self.all):
            self._at = max(self._at, after)


class ReplayIndex:
    """Finds answers in constant time. Safe for threads.

    Args:
        reel: the cassette.
        name: what messages call it.
        scrubber: takes out of recorded URLs and bodies what it takes out of requests, so that cassettes of other
            tools match as well.
    """

    def __init__(self, reel: Reel, name: str, scrubber: Scrubber) -> None:
        self._reel = reel
        self._name = name
        self._scrubber = scrubber
        self._is_ours = reel.provenance() is not None
        self._lock = threading.Lock()
        self._answers: dict[Question, _Answers] = {}
        self._reads: dict[str, list[_Answers]] = {}
        self._by_body: dict[Question, dict[bytes, _Answers]] = {}
        self._repeated: dict[int, Interaction] = {}
        self._read_outlines()

    def _read_outlines(self) -> None:
        scrubbed: dict[str, str] = {}
        for place, outline in enumerate(self._reel.outlines):
            uri = scrubbed.get(outline.uri)
            if uri is None:
                uri = scrubbed[outline.uri] = self._scrubber.text(outline.uri)
            headers = self._reel.interaction(place).request.headers if outline.has_range else {}
            asked = question(outline.method, uri, headers)
            answers = self._answers.get(asked)
            if answers is None:
                answers = self._answers[asked] = _Answers()
                if asked.method in _READS:
                    self._reads.setdefault(asked.place, []).append(answers)
            answers.all.append(_Answer(place, outline.times))

    def take(self, asked: Question, body: Callable[[], bytes]) -> RecordedResponse:
        """The next answer to a question; the last one repeats.

        Args:
            asked: the question.
            body: what is sent with it, as a cassette would hold it; called only where it can make a difference.

        Raises:
            UnmatchedRequestError: nothing like it was recorded; the message shows the nearest that was.
            CassetteError: the answer cannot be read.
        """
        is_read = asked.method in _READS
        with self._lock:
            answers = self._answers.get(asked)
            if answers is None:
                raise UnmatchedRequestError(self._unknown(asked))
            answer = answers.next() if is_read else self._next_for_body(asked, answers, body)
            is_new = answer.left > 0
            answer.left -= is_new
            if is_new and not is_read:
                for reads in self._reads.get(asked.place, ()):
                    reads.skip_to_after(answer.place)
        return self._read(answer, keep=not is_new or answer.left > 0).response

    def unused(self) -> list[UnusedAnswers]:
        """What was recorded and never asked for, in the order of the story."""
        with self._lock:
            left = {asked: sum(answer.left for answer in found.all) for asked, found in self._answers.items()}
        return [UnusedAnswers(str(asked), count) for asked, count in left.items() if count]

    def _read(self, answer: _Answer, *, keep: bool) -> Interaction:
        kept = self._repeated.get(answer.place)
        if kept is not None:
            return kept
        read = self._reel.interaction(answer.place)
        if keep:
            self._repeated[answer.place] = read
        return read

    def _next_for_body(self, asked: Question, answers: _Answers, body: Callable[[], bytes]) -> _Answer:
        """The next answer that was given to this body.

        What is asked in JSON has to be what was recorded, except of other tools' cassettes, which may have been made
        with another version of the client: there, and of uploads, the most similar only comes first.
        """
        recorded = self._recorded_bodies(asked, answers)
        if recorded.keys() == {b""} or (len(recorded) == 1 and is_a_file(asked.place)):
            return answers.next()
        sent = body()
        equal = recorded.get(canonical(sent))
        if equal is not None:
            return equal.next()
        value = json_value(sent)
        if value is None or is_a_file(asked.place):
            return answers.next()
        wrong = {other: list(differences(value, json_value(other))) for other in recorded if json_value(other)}
        if not wrong:
            return answers.next()
        fewest = min(wrong.values(), key=len)
        if fewest and self._is_ours:
            raise UnmatchedRequestError(self._other_body(asked, fewest))
        similar = [recorded[other].next() for other, told in wrong.items() if len(told) == len(fewest)]
        return next((answer for answer in similar if answer.left), similar[-1])

    def _recorded_bodies(self, asked: Question, answers: _Answers) -> dict[bytes, _Answers]:
        grouped = self._by_body.get(asked)
        if grouped is None:
            grouped = self._by_body[asked] = {}
            for answer in answers.all:
                body = upload_marker(asked.place, self._reel.interaction(answer.place).request.body)
                grouped.setdefault(canonical(self._scrubber.body(body)), _Answers()).all.append(answer)
        return grouped

    def _unknown(self, asked: Question) -> str:
        found = [f"  {other}\n    {difference(asked, other)}" for other in nearest(asked, self._answers)]
        return self._no_answer(asked, "\n".join(found) or "  (it holds no request at all)")

    def _other_body(self, asked: Question, told: Sequence[str]) -> str:
        more = [f"and {len(told) - _TOLD} more"] if len(told) > _TOLD else []
        return self._no_answer(asked, "\n    ".join([f"  {asked}", *told[:_TOLD], *more]))

    def _no_answer(self, asked: Question, found: str) -> str:
        return (
            f"cassette {self._name} has no answer to\n  {asked}\nnearest that were recorded:\n{found}\n"
            "record the story again: pytest --cloud emulator --record"
        )
