"""Search for many words in a text at once, in time that depends on the text alone.

A few words are searched for one by one, which is fastest. Many words are searched for with the automaton of Aho and
Corasick ("Efficient string matching", 1975), because the time of separate searches grows with the number of words.
"""

import re
from collections import deque
from collections.abc import Collection, Iterator
from functools import cached_property

_FEW = 256  # words
_FEW_PRESENT = 32  # words that a regular expression lists: it tries all of them at each character
_LONG = 1024  # characters; longer words are searched for separately, which keeps the automaton small


class WordSearch:
    """Finds the words of one set, in any number of texts.

    Args:
        words: the non-empty words to find. The automaton, which costs much more than a search, is built once, at the
            first search that needs it.
    """

    def __init__(self, words: Collection[str]) -> None:
        self._short = [word for word in words if len(word) <= _LONG]
        self._long = [word for word in words if len(word) > _LONG]

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        """The spans of words, from left to right, without overlaps; of several words at one position, the longest.

        If many words overlap each other, some may be missed, but at least one is found.
        """
        present = [word for word in self._long if word in text]
        if len(self._short) <= _FEW:
            present += [word for word in self._short if word in text]
            yield from _without_overlaps(_spans(text, present))
        else:
            yield from _without_overlaps([*self._automaton.spans(text), *_spans(text, present)])

    @cached_property
    def _automaton(self) -> "_Automaton":
        return _Automaton(self._short)


def _spans(text: str, present: Collection[str]) -> list[tuple[int, int]]:
    """The spans of words that occur in a text."""
    return list(_matches(text, present)) if len(present) <= _FEW_PRESENT else _Automaton(present).spans(text)


def _matches(text: str, present: Collection[str]) -> Iterator[tuple[int, int]]:
    if present:
        pattern = "|".join(re.escape(word) for word in sorted(present, key=len, reverse=True))
        yield from (match.span() for match in re.finditer(pattern, text))


def _without_overlaps(spans: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Drop the spans that overlap a previous one."""
    last = 0
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start >= last:
            yield start, end
            last = end


class _Automaton:
    """A tree of the characters of all words, with a link from each node to its longest suffix in the tree."""

    def __init__(self, words: Collection[str]) -> None:
        self._next: list[dict[str, int]] = [{}]
        self._longest = [0]  # length of the longest word that ends at a node
        for word in words:
            self._add(word)
        self._suffix = [0] * len(self._next)
        self._link()

    def _add(self, word: str) -> None:
        node = 0
        for character in word:
            following = self._next[node].get(character)
            if following is None:
                following = self._next[node][character] = len(self._next)
                self._next.append({})
                self._longest.append(0)
            node = following
        self._longest[node] = len(word)

    def _link(self) -> None:
        nodes = deque(self._next[0].values())
        while nodes:
            node = nodes.popleft()
            self._longest[node] = self._longest[node] or self._longest[self._suffix[node]]
            for character, following in self._next[node].items():
                self._suffix[following] = self._step(self._suffix[node], character)
                nodes.append(following)

    def _step(self, node: int, character: str) -> int:
        while node and character not in self._next[node]:
            node = self._suffix[node]
        return self._next[node].get(character, 0)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """The longest word that ends at each character."""
        spans, node = [], 0
        for at, character in enumerate(text, 1):
            node = self._next[node].get(character) or self._step(node, character)
            if length := self._longest[node]:
                spans.append((at - length, at))
        return spans
