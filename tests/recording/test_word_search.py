"""A search for many words is as fast and as correct as one for a few words."""

import time
from collections.abc import Collection
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from harness.recording.word_search import WordSearch

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
    assert list(WordSearch(words).find(text)) == leftmost_longest(text, words)


@given(st.text("abc", max_size=40), WORDS)
def test_of_many_words_some_are_found_where_there_are_any(text: str, words: set[str]) -> None:
    spans = list(WordSearch(words | OTHERS).find(text))

    assert all(text[start:end] in words for start, end in spans)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
    assert bool(spans) == any(word in text for word in words)


def test_a_long_word_among_many_is_found() -> None:
    word = "x" * 5000

    assert list(WordSearch({word, *OTHERS}).find(f"ab{word}c")) == [(2, 5002)]


def test_words_of_which_many_are_in_one_text_are_found() -> None:
    words = sorted(OTHERS)[:40]
    text = ";".join(words)

    assert list(WordSearch(words).find(text)) == leftmost_longest(text, words)


def test_many_words_are_prepared_once() -> None:
    def duration(search: WordSearch, texts: int) -> float:
        begin = time.thread_time()
        for _ in range(texts):
            list(search.find("a short text"))
        return time.thread_time() - begin

    def is_prepared_once() -> bool:
        search = WordSearch(OTHERS)
        return duration(search, texts=1) > duration(search, texts=10)

    assert any(is_prepared_once() for _ in range(5))
