"""Characters written as escapes: percent-encoding, HTML and XML entities, and the backslashes of JSON and Python.

Secrets are searched for in a text and in its unescaped layers, so that one rule finds a value in every mixture of
escapes. A match in a layer is mapped back to the escaped characters of the original text.
"""

import bisect
import contextlib
import html
import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property, lru_cache
from operator import itemgetter
from urllib.parse import quote

DEPTH = 3  # levels of nested escapes: JSON in a JSON string in a URL has three

_HEX = "[0-9A-Fa-f]"
_ESCAPE = re.compile(
    rf"%[0-7]{_HEX}|%[C-Fc-f]{_HEX}(?:%[89ABab]{_HEX}){{1,3}}|%[89A-Fa-f]{_HEX}"
    rf"|&(?:#(?:[0-9]{{1,10}}|[xX]{_HEX}{{1,8}});?|[A-Za-z][A-Za-z0-9]{{1,31}};)"
    rf"|\\(?:u[dD][89abAB]{_HEX}{{2}}\\u[dD][c-fC-F]{_HEX}{{2}}|u{_HEX}{{4}}|U000{_HEX}{{5}}|U0010{_HEX}{{4}}"
    rf"|x[C-Fc-f]{_HEX}(?:\\x[89ABab]{_HEX}){{1,3}}|x{_HEX}{{2}}|[bfnrt\"'\\/])"
)
_BACKSLASHED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


Edit = tuple[int, int, str]  # start, end, and the replacement of the piece
Fit = Callable[[str, str], str]


class Layer:
    """A text with some of its escapes undone.

    Args:
        text: the text at this layer.
        below: the layer with one more level of escapes; None for the original text.

    Attributes:
        depth: the number of levels of escapes that are undone.
    """

    def __init__(self, text: str, below: "Layer | None" = None) -> None:
        self.text = text
        self._below = below
        self.depth: int = below.depth + 1 if below else 0

    def above(self) -> "Layer | None":
        """The text with one more level of escapes undone; None if it has no escapes, or the depth is reached."""
        text = self.text
        if self.depth == DEPTH or ("%" not in text and "&" not in text and "\\" not in text):
            return None
        unescaped = _ESCAPE.sub(lambda match: _character(match.group()), text)
        return None if unescaped == text else Layer(unescaped, self)

    def replaced(self, edits: Iterable[Edit], fit: Fit) -> "Layer":
        """Replace pieces of this layer, and return the layer of the resulting text.

        Args:
            edits: pieces of this layer, in order, and their replacements. A piece that shares an escape with the
                previous piece is not replaced.
            fit: returns the text to write, from the replacement and the original piece.
        """
        original = self.original
        pieces, end = [], 0
        for start, stop, replacement in edits:
            first, last = self.span(start, stop)
            if first >= end:
                substitute = fit(self.escaped(start, stop, replacement), original[first:last])
                pieces += [original[end:first], substitute]
                end = last
        return _layer_at_depth(Layer("".join([*pieces, original[end:]])), self.depth)

    @property
    def original(self) -> str:
        """The text with all of its escapes."""
        return self.text if self._below is None else self._below.original

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The position of a piece of this layer in the original text; an escape is never split."""
        return (start, end) if self._below is None else self._below.span(*self._span_below(start, end))

    def escaped(self, start: int, end: int, text: str) -> str:
        """Escape a text in the way in which the piece from ``start`` to ``end`` is escaped."""
        if self._below is None:
            return text
        first, last = self._span_below(start, end)
        return self._below.escaped(first, last, _escaped_like(text, self._below.text[first:last]))

    def _span_below(self, start: int, end: int) -> tuple[int, int]:
        return self._character_span_below(start)[0], self._character_span_below(end - 1)[1]

    def _character_span_below(self, at: int) -> tuple[int, int]:
        """The start and end, in the layer below, of the character at a position."""
        before = bisect.bisect_right(self._escapes, at, key=itemgetter(0)) - 1
        if before < 0:
            return at, at + 1
        _, end, start_below, end_below = self._escapes[before]
        if at < end:
            return start_below, end_below
        return end_below + at - end, end_below + at - end + 1

    @cached_property
    def _escapes(self) -> list[tuple[int, int, int, int]]:
        """Start and end of every escape, in this layer and in the one below."""
        escapes, shift = [], 0
        for match in _ESCAPE.finditer(self._below.text if self._below else ""):
            start, end = match.span()
            length = len(_character(match.group()))
            escapes.append((start - shift, start - shift + length, start, end))
            shift += end - start - length
        return escapes


def layers(text: str) -> Iterator[Layer]:
    """The text, then the text with one, two and three levels of escapes undone, as far as it has them."""
    layer: Layer | None = Layer(text)
    while layer is not None:
        yield layer
        layer = layer.above()


def _layer_at_depth(layer: Layer, depth: int) -> Layer:
    """The layer at a depth, or the deepest layer that exists."""
    while layer.depth < depth and (above := layer.above()) is not None:
        layer = above
    return layer


@lru_cache(maxsize=4096)
def _character(escape: str) -> str:
    """The character of an escape, or several that were percent-encoded in a row."""
    if escape[0] == "%":
        return bytes.fromhex(escape.replace("%", "")).decode("utf-8", "surrogateescape")
    if escape[0] == "&":
        return html.unescape(escape) or escape
    if escape[1] not in "uUx":
        return _BACKSLASHED.get(escape[1], escape[1])
    characters = escape.encode("ascii").decode("unicode_escape")
    if escape.count("\\x") > 1:  # usually the UTF-8 bytes of one character
        with contextlib.suppress(UnicodeDecodeError):
            return characters.encode("latin-1").decode()
    return characters.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # joins surrogate pairs


def _escaped_like(text: str, original: str) -> str:
    escape = _ESCAPE.search(original)
    if escape is None:
        return text
    if escape.group()[0] == "%":
        return quote(text, safe="", errors="surrogateescape")
    if escape.group()[0] == "&":
        return html.escape(text)
    return json.dumps(text, ensure_ascii=False)[1:-1]
