"""Parses command lines that need no shell, for images that have none. Pure."""

import re
import shlex
from collections.abc import Mapping

_SPECIAL = re.compile(r"[`*?\[\]{}~#\n]|\$\(")  # only a shell interprets these
_OPERATORS = frozenset("();<>|&")
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_ASSIGNMENT = re.compile(r"\w+=")


def split_command(command: str, environment: Mapping[str, str]) -> list[str] | None:
    """Split a command line of plain words and variables into program and arguments; None if it needs a shell.

    Args:
        command: a command line in the syntax of a POSIX shell.
        environment: the values of its variables; a missing variable is empty, as in a shell.
    """
    if _SPECIAL.search(_VARIABLE.sub("", command)) or ("$" in command and "'" in command):
        return None
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        words = list(lexer)
    except ValueError:  # a quotation is not closed
        return None
    if not words or _ASSIGNMENT.match(words[0]) or any(_OPERATORS.issuperset(word) for word in words if word):
        return None
    return [_VARIABLE.sub(lambda match: environment.get(match[1] or match[2], ""), word) for word in words]
