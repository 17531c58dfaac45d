"""``$filter`` and ``$select`` of lists, as far as OData 3 and 4 agree on them; pure."""

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

Document = dict[str, Any]
Predicate = Callable[[Document], bool]

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<time>datetime(?:offset)?'[^']*')|(?P<number>-?\d+(?:\.\d+)?)(?![\w:-])"
    r"|(?P<moment>\d{4}-\d\d-\d\dT[\d:.]+Z)|(?P<word>[A-Za-z_][\w./]*)|(?P<mark>[()]))"
)
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda left, right: bool(left == right),
    "ne": lambda left, right: bool(left != right),
    "gt": lambda left, right: bool(left > right),
    "ge": lambda left, right: bool(left >= right),
    "lt": lambda left, right: bool(left < right),
    "le": lambda left, right: bool(left <= right),
}
_DEEPEST = 20  # parentheses


class FilterError(Exception):
    """The text is not a valid filter; the message says why."""


def parse_filter(text: str) -> Predicate:
    """Parse a filter to a predicate.

    Args:
        text: comparisons (``properties/executionState eq 'running'``) joined by ``and``, ``or``, ``not`` and
            parentheses. Paths may leave out ``properties``; the comparison of texts ignores case.

    Raises:
        FilterError: the text is not a filter.
    """
    parser = _Parser(_tokens(text))
    predicate = parser.disjunction(0)
    if parser.peek():
        raise FilterError(f"unexpected {parser.peek()!r}")
    return predicate


def select(document: Document, names: Iterable[str]) -> Document:
    """The document with only its id and the named properties (``name``, ``properties/vmSize`` or ``vmSize``)."""
    selection: Document = {"id": document["id"]} if "id" in document else {}
    requested = [name.strip().lower().removeprefix("properties/") for name in names]
    selection |= {key: value for key, value in document.items() if key.lower() in requested}
    inner = document.get("properties", {})
    properties = {key: value for key, value in inner.items() if key.lower() in requested or "properties" in requested}
    return selection | ({"properties": properties} if properties else {})


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise FilterError(f"cannot read {text[at : at + 20]!r}")
        tokens.append(match[0].strip())
        at = match.end()
    return tokens


class _Parser:
    """A recursive descent parser: ``or`` binds weakest, then ``and``, then ``not``."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0

    def peek(self) -> str:
        """The next token; empty at the end."""
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def disjunction(self, depth: int) -> Predicate:
        """Parse ``a or b or c``."""
        return self._chain("or", any, lambda: self._conjunction(depth))

    def _conjunction(self, depth: int) -> Predicate:
        return self._chain("and", all, lambda: self._negation(depth))

    def _chain(self, word: str, join: Callable[[Iterable[bool]], bool], part: Callable[[], Predicate]) -> Predicate:
        parts = [part()]
        while self.peek().lower() == word:
            self._take()
            parts.append(part())
        return parts[0] if len(parts) == 1 else lambda document: join(predicate(document) for predicate in parts)

    def _negation(self, depth: int) -> Predicate:
        if depth > _DEEPEST:
            raise FilterError("it is nested too deep")
        if self.peek().lower() == "not":
            self._take()
            inner = self._negation(depth + 1)
            return lambda document: not inner(document)
        if self.peek() == "(":
            self._take()
            inner = self.disjunction(depth + 1)
            if self._take() != ")":
                raise FilterError("a parenthesis is not closed")
            return inner
        return self._comparison()

    def _comparison(self) -> Predicate:
        path, operator, literal = self._take(), self._take().lower(), self._take()
        if operator not in _COMPARISONS or not re.match(r"[A-Za-z_]", path):
            raise FilterError(f"{path} {operator} {literal} is not a comparison")
        compare, operand = _COMPARISONS[operator], _literal(literal)

        def holds(document: Document) -> bool:
            value = _value(document, path)
            value = value.lower() if isinstance(value, str) else value
            try:
                return compare(value, operand)
            except TypeError:  # values of different types are neither equal nor ordered
                return operator == "ne"

        return holds

    def _take(self) -> str:
        token = self.peek()
        if not token:
            raise FilterError("it ends too early")
        self._at += 1
        return token


def _literal(token: str) -> Any:
    if token.startswith("'"):
        return token[1:-1].replace("''", "'").lower()
    if token.startswith("datetime"):
        return token.partition("'")[2][:-1].lower()
    constants = {"true": True, "false": False, "null": None}
    if token.lower() in constants:
        return constants[token.lower()]
    try:
        return float(token) if "." in token else int(token)
    except ValueError:
        pass
    try:
        datetime.fromisoformat(token)
    except ValueError:
        raise FilterError(f"{token} is not a value") from None
    return token.lower()


def _value(document: Document, path: str) -> Any:
    steps = re.split(r"[/.]", path)
    if steps[0].lower() not in (key.lower() for key in document):
        steps.insert(0, "properties")
    value: Any = document
    for step in steps:
        if not isinstance(value, dict):
            return None
        value = next((item for key, item in value.items() if key.lower() == step.lower()), None)
    return value
