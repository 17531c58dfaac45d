"""Hints for a word that is not known: the nearest one that is, or all of them."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, choices: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The choice that a word most likely means, whatever its case; None where none is near.

    Args:
        word: as it was written.
        choices: the words that are known.
        cutoff: how alike they must be, from 0 to 1 (difflib's ratio).
    """
    known = {choice.lower(): choice for choice in choices}
    found = get_close_matches(word.lower(), known, n=1, cutoff=cutoff)
    return known[found[0]] if found else None


def suggestion(word: str, choices: Iterable[str]) -> str:
    """``did you mean 'NEAREST'?`` or ``one of: ALL``; empty where there is no choice."""
    known = list(dict.fromkeys(choices))
    if near := nearest(word, known):
        return f"did you mean {near!r}?"
    return f"one of: {', '.join(known)}" if known else ""
