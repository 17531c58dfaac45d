"""What to say when a request has no answer: the recorded requests most like it, and what differs."""

import difflib
import heapq
from collections.abc import Iterable
from urllib.parse import parse_qsl, urlsplit

from harness.recording.question import Question

_SHOWN = 3
_COMPARED_CLOSELY = 12


def nearest(asked: Question, recorded: Iterable[Question]) -> list[Question]:
    """The recorded questions most like one that was asked, the best first."""
    rough = heapq.nlargest(_COMPARED_CLOSELY, recorded, key=lambda other: _rough_likeness(asked, other))
    return sorted(rough, key=lambda other: _likeness(asked, other), reverse=True)[:_SHOWN]


def difference(asked: Question, recorded: Question) -> str:
    """What differs between two questions, in words."""
    told = []
    if asked.method != recorded.method:
        told.append(f"method: {asked.method} was asked, {recorded.method} recorded")
    if asked.place != recorded.place:
        mine, theirs = urlsplit(asked.place), urlsplit(recorded.place)
        for name, one, other in (
            ("scheme", mine.scheme, theirs.scheme),
            ("host", mine.netloc, theirs.netloc),
            ("path", mine.path, theirs.path),
        ):
            if one != other:
                told.append(f"{name}: {one} was asked, {other} recorded")
    mine_q, theirs_q = dict(parse_qsl(asked.query, True)), dict(parse_qsl(recorded.query, True))
    told += [
        f"query key {name}: {mine_q.get(name, 'nothing')!r} was asked, {theirs_q.get(name, 'nothing')!r} recorded"
        for name in sorted(mine_q.keys() | theirs_q.keys())
        if mine_q.get(name) != theirs_q.get(name)
    ]
    if asked.range != recorded.range:
        told.append(f"range: {asked.range or 'none'} was asked, {recorded.range or 'none'} recorded")
    return "; ".join(told)


def _rough_likeness(asked: Question, other: Question) -> float:
    """Cheap, for cassettes of thousands of questions."""
    mine, theirs = set(asked.place.split("/")), set(other.place.split("/"))
    same_method = 0.2 if asked.method == other.method else 0.0
    return same_method + len(mine & theirs) / len(mine | theirs) + (0.1 if asked.query == other.query else 0.0)


def _likeness(asked: Question, other: Question) -> float:
    same_method = 0.2 if asked.method == other.method else 0.0
    one, two = (f"{question.place}?{question.query}" for question in (asked, other))
    return same_method + difflib.SequenceMatcher(None, one, two).ratio()
