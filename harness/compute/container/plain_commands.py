"""Command lines that need no shell, for images that have none. Pure."""

import re
import shlex
from collections.abc import Mapping

_SPECIAL = re.compile(r"[`*?\[\]{}~#\n]|\$\(")  # what only a shell understands
_OPERATORS = frozenset("();<>|&")
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_ASSIGNMENT = re.compile(r"\w+=")


def words_of(command: str, environment: Mapping[str, str]) -> list[str] | None:
    """The program and the arguments of a command line that is plain words and variables; None where it is more.

    Args:
        command: as for a POSIX shell.
        environment: the values of its variables; one that is not there is empty, as in a shell.
    """
    if _SPECIAL.search(_VARIABLE.sub("", command)) or ("$" in command and "'" in command):
        return None
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        words = list(lexer)
    except ValueError:  # a quotation without an end
        return None
    if not words or _ASSIGNMENT.match(words[0]) or any(_OPERATORS.issuperset(word) for word in words if word):
        return None
    return [_VARIABLE.sub(lambda found: environment.get(found[1] or found[2], ""), word) for word in words]
