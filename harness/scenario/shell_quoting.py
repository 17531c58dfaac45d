"""Quotes a value for its position in a shell command, so that it stays part of one argument."""

import re
import shlex
from dataclasses import dataclass, field
from typing import Literal

Context = Literal["plain", "single quotes", "double quotes", "parentheses", "backquotes"]

_OPENED: dict[str, Context] = {"'": "single quotes", '"': "double quotes", "(": "parentheses", "`": "backquotes"}
_CLOSED_BY: dict[Context, str] = {context: opener for opener, context in _OPENED.items()} | {"parentheses": ")"}
_SPECIAL_IN_DOUBLE_QUOTES = re.compile(r'[\\"$`]')  # POSIX, Shell Command Language, 2.2.3
_WORD_ENDS = ("", *" \t\n;&|()")


def quote_except(text: str, expanded: re.Pattern[str]) -> str:
    """Quote a word so that the shell expands only the parts that match a pattern."""
    pieces, end = [], 0
    for match in expanded.finditer(text):
        pieces += [_literal(text[end : match.start()]), match[0]]
        end = match.end()
    return f'"{"".join(pieces)}{_literal(text[end:])}"'


def _literal(text: str) -> str:
    """Escape a text for double quotes."""
    return _SPECIAL_IN_DOUBLE_QUOTES.sub(r"\\\g<0>", text)


@dataclass
class ShellText:
    """Reads a shell command in pieces, and tracks the quotes around the next character.

    It tracks quotes, backslashes, comments, ``$(...)`` and backquotes at any depth, but not here-documents.
    """

    _contexts: list[Context] = field(default_factory=lambda: ["plain"])
    _previous: str = ""
    _is_escaped: bool = False
    _is_comment: bool = False

    def read(self, text: str) -> None:
        """Move past a piece of the text."""
        for character in text:
            self._read(character)
            self._previous = character

    def quote(self, value: str) -> str:
        """Quote a value for the current position.

        Raises:
            ValueError: the value cannot be quoted here: between backquotes, whose rules differ between shells, or after
                a backslash.
        """
        if self._is_comment:
            return " ".join(value.splitlines())
        needs_quotes = shlex.quote(value) != value
        if needs_quotes and "backquotes" in self._contexts:
            raise ValueError(f"{value!r} cannot be quoted between backquotes; write $(...) in their place")
        if needs_quotes and self._is_escaped:
            raise ValueError(f"{value!r} cannot be quoted after a backslash")
        match self._contexts[-1]:
            case "single quotes":
                return value.replace("'", "'\\''")
            case "double quotes":
                return _SPECIAL_IN_DOUBLE_QUOTES.sub(r"\\\g<0>", value)
            case _:
                return shlex.quote(value)

    def _read(self, character: str) -> None:
        context = self._contexts[-1]
        if self._is_comment:
            self._is_comment = character != "\n"
        elif self._is_escaped:
            self._is_escaped = False
        elif character == _CLOSED_BY.get(context):
            self._contexts.pop()
        elif context == "single quotes":
            return
        elif character == "\\":
            self._is_escaped = True
        elif context == "double quotes":
            if character == "`" or (character == "(" and self._previous == "$"):
                self._contexts.append(_OPENED[character])
        elif character in _OPENED:
            self._contexts.append(_OPENED[character])
        elif character == "#":
            self._is_comment = self._previous in _WORD_ENDS
