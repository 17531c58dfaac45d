"""Reading the part of YAML that PyYAML writes, without a YAML parser.

A cassette is mostly block mappings, lists of strings, and text in quotes or literal blocks. That is read here some
ten times faster than libyaml's binding does it. The reader is strict: whatever it does not know for certain raises
`UnexpectedLayoutError`, and the caller lets a YAML parser read that piece instead.
"""

import base64
import binascii
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import yaml

Resolve = Callable[[str], bytes]

_SHORT_ENTRY = 200  # characters

# Tabs, carriage returns, NEL and the like have rules of their own.
_ODD_CHARACTER = re.compile("[^\n -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_NUMBER = re.compile(r"0|[1-9][0-9]*")
_PLAIN = re.compile(r"(?!.*(?::(?: |$)| #))[A-Za-z0-9/(<$._+;^\\](?:.*[^ ])?")
_SINGLE_QUOTED = re.compile(r"'(?:[^']|'')*'")
_DOUBLE_QUOTED = re.compile(r'"(?:[^"\\]|\\[\s\S])*"')
_FOLD = re.compile(r" *\n((?: *\n)*) *")
_ESCAPE = re.compile(
    r" *\n((?: *\n)*) *|\\(?:\n *+(?!\n)|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([\s\S]))"
)
_UNINDENTED = re.compile(r"\n[^ \n]")
_ESCAPES = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "e": "\x1b", " ": " ",
    '"': '"', "/": "/", "\\": "\\", "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029",
}  # fmt: skip
_BASE64_LINES = re.compile(r"[A-Za-z0-9+/\n ]*={0,2}\n?")
_RESOLVERS: dict[str, list[tuple[str, re.Pattern[str]]]] = yaml.SafeLoader.yaml_implicit_resolvers


class UnexpectedLayoutError(Exception):
    """The text is not in this layout, or may not be; it says nothing about its being YAML."""


def read_item(text: str, resolve: Resolve) -> dict[str, Any]:
    """The mapping that one item of a top-level list holds. It is for reading only: parts of it may be shared.

    Args:
        text: from the ``-`` in the first column to the line feed before the next one.
        resolve: the bytes that an alias stands for; may raise ``UnexpectedLayoutError``.

    Raises:
        UnexpectedLayoutError: a YAML parser has to read it.
    """
    if _is_odd(text) or not text.startswith("- ") or not text.endswith("\n"):
        raise UnexpectedLayoutError
    return _mapping(text[2:-1], 2, resolve)


def read_scalar(text: str) -> Any:
    """The value that stands behind a key in the first column.

    Raises:
        UnexpectedLayoutError: a YAML parser has to read it.
    """
    if _is_odd(text):
        raise UnexpectedLayoutError
    return _scalar(text, 0, _no_alias)


def _is_odd(text: str) -> bool:
    is_plain = text.isascii() and text.replace("\n", "").isprintable()  # a faster way to see most of it
    return not is_plain and _ODD_CHARACTER.search(text) is not None


def _no_alias(name: str) -> bytes:
    raise UnexpectedLayoutError(name)


@lru_cache(maxsize=16)
def _between_keys(indent: int) -> re.Pattern[str]:
    return re.compile(rf"\n {{{indent}}}(?=[^ \n-])")


@lru_cache(maxsize=16)
def _outdented(indent: int) -> re.Pattern[str]:
    """Finds a line that neither has this indentation nor is empty."""
    return re.compile(rf"\n(?! {{{indent}}}|\n|\Z)")


def _mapping(text: str, indent: int, resolve: Resolve) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for entry in _between_keys(indent).split(text):
        is_short = len(entry) < _SHORT_ENTRY and "*" not in entry
        name, value = _short_entry(entry, indent) if is_short else _entry(entry, indent, resolve)
        found[name] = value
    return found


@lru_cache(maxsize=4096)
def _short_entry(entry: str, indent: int) -> tuple[str, Any]:
    """As `_entry`. The same few headers come with every interaction, hence the cache."""
    return _entry(entry, indent, _no_alias)


def _entry(entry: str, indent: int, resolve: Resolve) -> tuple[str, Any]:
    name, colon, value = entry.partition(":")
    if not colon or not _is_key(name):
        raise UnexpectedLayoutError
    return name, _value(value, indent, resolve)


@lru_cache(maxsize=4096)
def _is_key(name: str) -> bool:
    return _KEY.fullmatch(name) is not None and _is_string(name)


def _value(text: str, indent: int, resolve: Resolve) -> Any:
    if text[:1] == " ":
        return _scalar(text[1:], indent, resolve)
    pad = " " * indent
    item = f"\n{pad}- "
    if text.startswith(item):
        return [_scalar(value, indent, resolve) for value in text[len(item) :].split(item)]
    if text.startswith(f"\n{pad}  ") and text[indent + 3 : indent + 4] not in (" ", "\n", "-"):
        return _mapping(text[indent + 3 :], indent + 2, resolve)
    raise UnexpectedLayoutError


def _scalar(text: str, indent: int, resolve: Resolve) -> Any:
    first = text[:1]
    if first == "'":
        return _single_quoted(text)
    if first == '"':
        return _double_quoted(text)
    if first == "|":
        return _literal(text, indent)
    if first == "!":
        return _binary(text, indent)
    if first == "*":
        return resolve(text[1:])
    if first in ("{", "["):
        return _empty(text)
    if "\n" not in text:
        return _plain(text)
    lines = text.split("\n")
    beyond = " " * (indent + 1)
    if not all(line.startswith(beyond) and line.strip(" ") for line in lines[1:]):
        raise UnexpectedLayoutError
    return _plain(" ".join(line.strip(" ") for line in lines))


@lru_cache(maxsize=4096)
def _plain(text: str) -> str | int | None:
    if text == "null":
        return None
    if _NUMBER.fullmatch(text):
        return int(text)
    if not _PLAIN.fullmatch(text) or not _is_string(text):
        raise UnexpectedLayoutError
    return text


def _is_string(text: str) -> bool:
    """Whether YAML takes an unquoted word for text, and not for a date, a number or a truth value."""
    return not any(pattern.match(text) for _, pattern in _RESOLVERS.get(text[0], ()))


def _empty(text: str) -> dict[str, Any] | list[Any]:
    if text == "{}":
        return {}
    if text == "[]":
        return []
    raise UnexpectedLayoutError


def _single_quoted(text: str) -> str:
    if not _SINGLE_QUOTED.fullmatch(text) or _UNINDENTED.search(text):
        raise UnexpectedLayoutError
    inner = text[1:-1].replace("''", "'")
    return _FOLD.sub(lambda match: match.group(1).replace(" ", "") or " ", inner) if "\n" in inner else inner


def _double_quoted(text: str) -> str:
    if not _DOUBLE_QUOTED.fullmatch(text) or _UNINDENTED.search(text):
        raise UnexpectedLayoutError
    return _ESCAPE.sub(_unescape, text[1:-1])


def _unescape(match: re.Match[str]) -> str:
    breaks, *numbers, letter = match.groups()
    if letter is not None:
        if letter not in _ESCAPES:
            raise UnexpectedLayoutError
        return _ESCAPES[letter]
    if breaks is not None:
        return breaks.replace(" ", "") or " "
    digits = next((number for number in numbers if number is not None), None)
    if digits is None:
        return ""
    code = int(digits, 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise UnexpectedLayoutError
    return chr(code)


def _literal(text: str, indent: int) -> str:
    marker, _, content = text.partition("\n")
    pad = " " * (indent + 2)
    if marker not in ("|", "|-", "|+") or not content.startswith(pad) or _outdented(indent + 2).search(content):
        raise UnexpectedLayoutError
    if content[len(pad) : len(pad) + 1] in ("", " ", "\n"):
        raise UnexpectedLayoutError
    whole = content[len(pad) :].replace(f"\n{pad}", "\n")
    if marker == "|+":
        return whole + "\n"
    return whole.rstrip("\n") + ("\n" if marker == "|" else "")


def _binary(text: str, indent: int) -> bytes:
    if not text.startswith("!!binary |\n"):
        raise UnexpectedLayoutError
    encoded = _literal(text.removeprefix("!!binary "), indent)
    if not _BASE64_LINES.fullmatch(encoded):
        raise UnexpectedLayoutError
    try:
        return base64.b64decode(encoded)
    except binascii.Error as error:
        raise UnexpectedLayoutError from error
