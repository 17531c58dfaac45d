"""Suggestions for a misspelt word: the nearest choice, or all choices."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, choices: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Return the choice that a word most likely means, ignoring case; None if no choice is similar.

    Args:
        word: the word that the user wrote.
        choices: the valid words.
        cutoff: the least similarity, from 0 to 1 (difflib's ratio).
    """
    by_lower_case = {choice.lower(): choice for choice in choices}
    matches = get_close_matches(word.lower(), by_lower_case, n=1, cutoff=cutoff)
    return by_lower_case[matches[0]] if matches else None


def suggestion(word: str, choices: Iterable[str]) -> str:
    """Return ``did you mean 'NEAREST'?`` or ``one of: ALL``; empty if there are no choices."""
    names = list(dict.fromkeys(choices))
    if near := nearest(word, names):
        return f"did you mean {near!r}?"
    return f"one of: {', '.join(names)}" if names else ""
