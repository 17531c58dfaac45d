"""Expressions about index tags: searches of Find Blobs by Tags, and conditions of other requests; pure.

``"key" = 'value' AND "other" >= 'a' AND @container = 'name'``. Values are compared as strings, code point by code
point. A condition (``x-ms-if-tags``) may also have ``<>``, ``OR`` and parentheses, and no ``@container``. Source:
Microsoft's "Find Blobs by Tags" and "Specifying conditional headers for Blob service operations".
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt, ne

CONTAINER = "@container"
_LIMIT = 8 << 10  # characters of an expression
_TERMS = 64  # the most comparisons of an expression
_DEPTH = 16  # the deepest nesting of parentheses
_TOKEN = re.compile(
    r"""\s*(?:(?P<operator><>|>=|<=|=|>|<)|(?P<bracket>[()])|"(?P<quoted>[^"]*)"|'(?P<value>[^']*)'"""
    r"""|(?P<name>@?[A-Za-z0-9_]+))""",
    re.ASCII,
)
_COMPARE: Mapping[str, Callable[[str, str], bool]] = {"=": eq, "<>": ne, ">": gt, ">=": ge, "<": lt, "<=": le}

Tags = Mapping[str, str]
Expression = Callable[[Tags], bool]


class ExpressionError(ValueError):
    """An expression cannot be understood; the text says where."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Search:
    """A search of Find Blobs by Tags, and the keys of the tags in it."""

    holds: Expression
    keys: frozenset[str]


def search(text: str) -> Search:
    """A search of Find Blobs by Tags: comparisons that must all hold, at least one of them about a tag.

    The name of a blob's container counts as its tag ``@container``.

    Raises:
        ExpressionError: it is none.
    """
    reader = _Reader(text)
    terms: list[Expression] = []
    keys: set[str] = set()
    while True:
        key = reader.key()
        terms.append(reader.comparison(key, ("=",) if key == CONTAINER else ("=", ">", ">=", "<", "<=")))
        keys.add(key)
        if not reader.takes("name", "and"):
            break
    reader.end()
    if not keys - {CONTAINER}:
        raise ExpressionError("Error parsing query: there must be at least one tag name in the query.")
    return Search(_all(terms), frozenset(keys))


def condition(text: str) -> Expression:
    """A condition about the tags of one blob.

    Raises:
        ExpressionError: it is none.
    """
    reader = _Reader(text)
    found = _either(reader, 0)
    reader.end()
    return found


def _either(reader: "_Reader", depth: int) -> Expression:
    """Terms with OR, which binds less than AND."""
    terms = [_both(reader, depth)]
    while reader.takes("name", "or"):
        terms.append(_both(reader, depth))
    return _any(terms)


def _both(reader: "_Reader", depth: int) -> Expression:
    terms = [_term(reader, depth)]
    while reader.takes("name", "and"):
        terms.append(_term(reader, depth))
    return _all(terms)


def _term(reader: "_Reader", depth: int) -> Expression:
    if not reader.takes("bracket", "("):
        key = reader.key()
        if key == CONTAINER:
            raise ExpressionError(f"Error parsing query: {CONTAINER} is not allowed in a condition.")
        return reader.comparison(key, tuple(_COMPARE))
    if depth == _DEPTH:
        raise ExpressionError(f"Error parsing query: more than {_DEPTH} parentheses in each other.")
    found = _either(reader, depth + 1)
    if not reader.takes("bracket", ")"):
        raise reader.unexpected()
    return found


def _all(terms: list[Expression]) -> Expression:
    return lambda tags: all(term(tags) for term in terms)


def _any(terms: list[Expression]) -> Expression:
    return lambda tags: any(term(tags) for term in terms)


class _Reader:
    """The tokens of an expression, one after the other."""

    def __init__(self, text: str) -> None:
        if len(text) > _LIMIT:
            raise ExpressionError(f"Error parsing query: it has more than {_LIMIT} characters.")
        self._tokens = _tokens(text)
        self._at = self._terms = 0

    def takes(self, kind: str, text: str) -> bool:
        """Consume the next token if it is the given one, in any casing."""
        token = self._tokens[self._at]
        if token.kind != kind or token.text.lower() != text:
            return False
        self._at += 1
        return True

    def key(self) -> str:
        """The next token, which has to be a tag's key."""
        token = self._next("quoted", "name")
        if token.kind == "name" and token.text.lower() in ("and", "or"):
            raise self._wrong(token)
        return token.text.lower() if token.text.lower() == CONTAINER else token.text

    def comparison(self, key: str, allowed: tuple[str, ...]) -> Expression:
        """The rest of a comparison: an operator and a value. A tag that is missing differs from every value."""
        self._terms += 1
        if self._terms > _TERMS:
            raise ExpressionError(f"Error parsing query: more than {_TERMS} comparisons.")
        operator = self._next("operator")
        if operator.text not in allowed:
            raise self._wrong(operator)
        compare, value, missing = _COMPARE[operator.text], self._next("value").text, operator.text == "<>"
        return lambda tags: compare(tags[key], value) if key in tags else missing

    def end(self) -> None:
        """Refuse further tokens."""
        self._next("end")

    def unexpected(self) -> ExpressionError:
        """The error about an unexpected token."""
        return self._wrong(self._tokens[self._at])

    def _next(self, *kinds: str) -> _Token:
        token = self._tokens[self._at]
        if token.kind not in kinds:
            raise self._wrong(token)
        self._at += 1
        return token

    def _wrong(self, token: _Token) -> ExpressionError:
        what = f"unexpected '{token.text}'" if token.text else "unexpected end of the query"
        return ExpressionError(f"Error parsing query at or near character position {token.at + 1}: {what}")


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    stripped = text.rstrip()
    while at < len(stripped):
        match = _TOKEN.match(stripped, at)
        if match is None or match.lastgroup is None:
            start = at + len(stripped[at:]) - len(stripped[at:].lstrip())
            raise ExpressionError(
                f"Error parsing query at or near character position {start + 1}: unexpected '{stripped[start]}'"
            )
        found.append(_Token(match.lastgroup, match[match.lastgroup], match.end() - len(match[0].lstrip())))
        at = match.end()
    return [*found, _Token("end", "", len(stripped))]
