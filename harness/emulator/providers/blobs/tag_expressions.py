"""Expressions over index tags: searches of Find Blobs by Tags, and conditions of other requests; pure.

``"key" = 'value' AND "other" >= 'a' AND @container = 'name'``. Values are compared as strings, code point by code
point. A condition (``x-ms-if-tags``) may also contain ``<>``, ``OR`` and parentheses, but not ``@container``. Source:
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
    """An expression cannot be parsed; the message names the position."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    position: int


@dataclass(frozen=True, slots=True)
class Search:
    """A parsed search of Find Blobs by Tags, and the keys of its tags."""

    holds: Expression
    keys: frozenset[str]


def parse_search(text: str) -> Search:
    """Parse a search of Find Blobs by Tags: comparisons that must all hold, at least one of them of a tag.

    The name of a blob's container counts as its tag ``@container``.

    Raises:
        ExpressionError: the text is not valid.
    """
    reader = _Reader(text)
    terms: list[Expression] = []
    keys: set[str] = set()
    while True:
        key = reader.key()
        terms.append(reader.comparison(key, ("=",) if key == CONTAINER else ("=", ">", ">=", "<", "<=")))
        keys.add(key)
        if not reader.accept("name", "and"):
            break
    reader.end()
    if not keys - {CONTAINER}:
        raise ExpressionError("Error parsing query: there must be at least one tag name in the query.")
    return Search(_all(terms), frozenset(keys))


def parse_condition(text: str) -> Expression:
    """Parse a condition on the tags of one blob.

    Raises:
        ExpressionError: the text is not valid.
    """
    reader = _Reader(text)
    expression = _parse_or(reader, 0)
    reader.end()
    return expression


def _parse_or(reader: "_Reader", depth: int) -> Expression:
    """Parse terms with OR, which has lower precedence than AND."""
    terms = [_parse_and(reader, depth)]
    while reader.accept("name", "or"):
        terms.append(_parse_and(reader, depth))
    return _any(terms)


def _parse_and(reader: "_Reader", depth: int) -> Expression:
    terms = [_parse_term(reader, depth)]
    while reader.accept("name", "and"):
        terms.append(_parse_term(reader, depth))
    return _all(terms)


def _parse_term(reader: "_Reader", depth: int) -> Expression:
    if not reader.accept("bracket", "("):
        key = reader.key()
        if key == CONTAINER:
            raise ExpressionError(f"Error parsing query: {CONTAINER} is not allowed in a condition.")
        return reader.comparison(key, tuple(_COMPARE))
    if depth == _DEPTH:
        raise ExpressionError(f"Error parsing query: more than {_DEPTH} parentheses in each other.")
    expression = _parse_or(reader, depth + 1)
    if not reader.accept("bracket", ")"):
        raise reader.unexpected()
    return expression


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
        self._position = self._terms = 0

    def accept(self, kind: str, text: str) -> bool:
        """Consume the next token if it matches, in any casing."""
        token = self._tokens[self._position]
        if token.kind != kind or token.text.lower() != text:
            return False
        self._position += 1
        return True

    def key(self) -> str:
        """Consume the next token, which must be a tag's key."""
        token = self._next("quoted", "name")
        if token.kind == "name" and token.text.lower() in ("and", "or"):
            raise self._error_at(token)
        return token.text.lower() if token.text.lower() == CONTAINER else token.text

    def comparison(self, key: str, allowed: tuple[str, ...]) -> Expression:
        """Consume the rest of a comparison: an operator and a value. A missing tag differs from every value."""
        self._terms += 1
        if self._terms > _TERMS:
            raise ExpressionError(f"Error parsing query: more than {_TERMS} comparisons.")
        operator = self._next("operator")
        if operator.text not in allowed:
            raise self._error_at(operator)
        compare, value, missing = _COMPARE[operator.text], self._next("value").text, operator.text == "<>"
        return lambda tags: compare(tags[key], value) if key in tags else missing

    def end(self) -> None:
        """Refuse further tokens."""
        self._next("end")

    def unexpected(self) -> ExpressionError:
        """Return the error about the next token."""
        return self._error_at(self._tokens[self._position])

    def _next(self, *kinds: str) -> _Token:
        token = self._tokens[self._position]
        if token.kind not in kinds:
            raise self._error_at(token)
        self._position += 1
        return token

    def _error_at(self, token: _Token) -> ExpressionError:
        problem = f"unexpected '{token.text}'" if token.text else "unexpected end of the query"
        return ExpressionError(f"Error parsing query at or near character position {token.position + 1}: {problem}")


def _tokens(text: str) -> list[_Token]:
    tokens, position = [], 0
    stripped = text.rstrip()
    while position < len(stripped):
        match = _TOKEN.match(stripped, position)
        if match is None or match.lastgroup is None:
            start = position + len(stripped[position:]) - len(stripped[position:].lstrip())
            raise ExpressionError(
                f"Error parsing query at or near character position {start + 1}: unexpected '{stripped[start]}'"
            )
        tokens.append(_Token(match.lastgroup, match[match.lastgroup], match.end() - len(match[0].lstrip())))
        position = match.end()
    return [*tokens, _Token("end", "", len(stripped))]
