"""Many words are found as quickly as few, and as correctly."""

from collections.abc import Collection
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from harness.recording.word_search import find_words

WORDS = st.sets(st.text("ab", min_size=1, max_size=4), max_size=6)
OTHERS = frozenset(f"another word, number {number}" for number in range(400))  # so many need the automaton


def leftmost_longest(text: str, words: Collection[str]) -> list[tuple[int, int]]:
    spans, at = [], 0
    while at < len(text):
        longest = max((len(word) for word in words if text.startswith(word, at)), default=0)
        if longest:
            spans.append((at, at + longest))
        at += longest or 1
    return spans


@given(st.text("abc", max_size=40), WORDS)
def test_few_words_are_found_from_left_to_right_the_longest_first(text: str, words: set[str]) -> None:
    assert list(find_words(text, words)) == leftmost_longest(text, words)


@given(st.text("abc", max_size=40), WORDS)
def test_of_many_words_some_are_found_where_there_are_any(text: str, words: set[str]) -> None:
    found = list(find_words(text, words | OTHERS))

    assert all(text[start:end] in words for start, end in found)
    assert all(one[1] <= other[0] for one, other in pairwise(found))
    assert bool(found) == any(word in text for word in words)


def test_a_long_word_among_many_is_found() -> None:
    word = "x" * 5000

    assert list(find_words(f"ab{word}c", {word, *OTHERS})) == [(2, 5002)]
