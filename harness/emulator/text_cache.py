"""A cache for results computed from texts that clients send repeatedly, such as the URL that they poll."""

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

T = TypeVar("T", str, bytes)
R = TypeVar("R")

_RESULTS = 256
_LONGEST = 1 << 10  # characters or bytes; longer texts are not cached, since any client may send them


def text_cache(function: Callable[[T], R]) -> Callable[[T], R]:
    """Cache the results of a pure function of one text for the most recent texts; errors are not cached."""
    cached = lru_cache(_RESULTS)(function)

    def result(text: T) -> R:
        return cached(text) if len(text) <= _LONGEST else function(text)

    return result
