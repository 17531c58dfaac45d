"""Search for secrets by the names of their fields: in JSON, forms, XML, logs, command lines and multipart forms.

Each function reads a text once and looks back only a bounded number of characters, so its time grows linearly with the
length of the text.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

Span = tuple[int, int]

# The last word of a secret name -> words of which one has to precede it, if any: "key" alone is the key of a map.
_LAST_WORDS = {
    "password": (),
    "passwd": (),
    "passphrase": (),
    "pwd": (),
    "secret": (),
    "value": ("secret",),
    "assertion": ("client",),
    "signature": tuple(f"shared{separator}access" for separator in ("", " ", "_", "-")),
    "token": ("access", "refresh", "id", "auth", "bearer", "sas", "security", "session"),
    "key": (
        "account", "access", "storage", "primary", "secondary", "api", "private", "encryption", "signing", "master",
        "subscription", "instrumentation", "function", "functions", "sshpublic", "ssh public", "ssh_public",
        "ssh-public", "publicssh", "public ssh", "public_ssh", "public-ssh",
    ),
}  # fmt: skip
_VARIABLE_ENDS = ("_TOKEN", "_PASS")  # of environment variables; in other fields a token may be that of the next page
HINTS = ("pass", "pwd", "secret", "assertion", "signature", "token", "key")
_DIGITS = tuple("0123456789")
_LOOK_BACK = 100  # characters
_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}  # str.lower() changes lengths

_ELEMENT_BEFORE = re.compile(r"<(?:\w+:)?(\w+)\Z")
_OPTION_BEFORE = re.compile(r"[\w-]+\Z")
_QUOTED = re.compile(r"[\"']?[\s+]*+(?:[:=]|=>)[\s+]*+(?:\"((?:[^\"\\]|\\.)++)\"|'((?:[^'\\]|\\.)++)')")
_UNQUOTED = re.compile(r"[ \t]*+[=:][ \t]*+(?!(?i:null|none|true|false)\b)([^\s&;\"'<>{}\[\]\\|][^\s&;\"'<>\\]*)")
_OPTION_VALUE = re.compile(r"\s++[\"']?([^\s\"'\\-][^\s\"'\\]*)")
_ELEMENT_TEXT = re.compile(r">\s*+([^<\s](?:[^<]*[^<\s])?)")

_PART_NAME = re.compile(r"name=(?:\"([^\"\r\n]*)\"|([^\s;\"]*))", re.IGNORECASE)
_BOUNDARY = re.compile(r"\n--")
_BLANK_LINE = re.compile(r"\r?\n\r?\n")
_NAME_OR_VALUE = re.compile(r'"(?P<key>(?i:name|value))"\s*+:\s*+"(?P<text>(?:[^"\\]|\\.)*+)"')
_COMMA = re.compile(r"\s*,\s*")
_SECRET_LIST = re.compile(r'"(?i:secrets)"\s*+:\s*+\[')
# An unclosed string extends to the end of the text: a search for its end must not restart at each character.
_STRING_OR_END = re.compile(r'"(?P<text>(?:[^"\\]|\\.)*+)(?:(?P<closed>")\s*+(?P<colon>:)?|\\?\Z)|\]', re.DOTALL)
_DELEGATION_KEY = re.compile(r"<(?P<closes>/?)UserDelegationKey>|<Value>(?P<value>[^<]++)", re.IGNORECASE)


def is_secret_name(name: str) -> bool:
    """Whether a field of this name holds a secret; a trailing digit is ignored, as in ``password2``."""
    name = name[:-1] if name.endswith(_DIGITS) else name
    lower = name.translate(_LOWER)
    return name.endswith(_VARIABLE_ENDS) or any(
        lower.endswith(word) and _completes_a_name(lower, len(lower), word) for word in _LAST_WORDS
    )


def _completes_a_name(lower: str, end: int, word: str) -> bool:
    before, start = _LAST_WORDS[word], end - len(word)
    if not before:
        return True
    return lower.endswith(before, 0, start - (lower[max(0, start - 1) : start] in (" ", "_", "-")))


def named_values(text: str) -> Iterator[Span]:
    """Values that follow a secret name: in JSON, XML and forms, in a log, or as an option of a command line."""
    last = 0
    for end in _ends_of_names(text):
        span = _value_after(text, end) if end >= last else None
        if span is not None:
            yield span
            last = span[1]


def _ends_of_names(text: str) -> list[int]:
    """The ends of secret names, in order, including names of XML elements that may be secret."""
    lower, ends = text.translate(_LOWER), set()
    for word in _LAST_WORDS:
        for end in _ends_of(word, lower):
            if lower.startswith(">", end) or _completes_a_name(lower, end, word):
                ends.add(end + text.startswith(_DIGITS, end))
    ends.update(end for word in _VARIABLE_ENDS for end in _ends_of(word, text))
    return sorted(ends)


def _ends_of(word: str, text: str) -> Iterator[int]:
    at = text.find(word)
    while at >= 0:
        yield at + len(word)
        at = text.find(word, at + len(word))


def _value_after(text: str, end: int) -> Span | None:
    if text.startswith(">", end):
        match = _ELEMENT_TEXT.match(text, end) if _is_secret_element(text, end) else None
    else:
        match = _QUOTED.match(text, end) or _UNQUOTED.match(text, end)
        if match is None and _is_option(text, end):
            match = _OPTION_VALUE.match(text, end)
    return match.span(match.lastindex or 0) if match else None


def _is_secret_element(text: str, end: int) -> bool:
    match = _ELEMENT_BEFORE.search(text, max(0, end - _LOOK_BACK), end)
    return match is not None and (match[1].lower() in ("key", "signature") or is_secret_name(match[1]))


def _is_option(text: str, end: int) -> bool:
    """Whether the word that ends at a position begins with two hyphens."""
    match = _OPTION_BEFORE.search(text, max(0, end - _LOOK_BACK), end)
    return match is not None and match.group().startswith("--")


def multipart_values(text: str) -> Iterator[Span]:
    """Values of the secret fields of a multipart form."""
    start = 0
    for boundary in _BOUNDARY.finditer(text):
        end = boundary.start() - (text[boundary.start() - 1 : boundary.start()] == "\r")
        blank = _BLANK_LINE.search(text, start, end)
        if blank is not None and blank.end() < end:
            names = (match[1] or match[2] for match in _PART_NAME.finditer(text, start, blank.start()))
            if any(is_secret_name((name or "").rstrip("]")) for name in names):
                yield blank.end(), end
        start = boundary.end()


def values_beside_names(text: str) -> Iterator[Span]:
    """Values of environment variables with a secret name: adjacent ``"name"`` and ``"value"`` in JSON."""
    for first, second in pairwise(_NAME_OR_VALUE.finditer(text)):
        if first["key"].lower() == second["key"].lower() or not _COMMA.fullmatch(text, first.end(), second.start()):
            continue
        name, value = (first, second) if first["key"].lower() == "name" else (second, first)
        if value["text"] and is_secret_name(name["text"]):
            yield value.span("text")


def values_in_secret_lists(text: str) -> Iterator[Span]:
    """Every ``"value"`` in a JSON array called ``"secrets"``."""
    array = _SECRET_LIST.search(text)
    while array is not None:
        end, name = len(text), ""
        for token in _STRING_OR_END.finditer(text, array.end()):
            if token["text"] is None:
                end = token.end()
                break
            if name == "value" and not token["colon"] and token["text"]:
                yield token.span("text")
            name = token["text"].lower() if token["colon"] else ""
        array = _SECRET_LIST.search(text, end)


def delegation_key_values(text: str) -> Iterator[Span]:
    """The values of user delegation keys of Azure Storage, in XML."""
    is_within = False
    for match in _DELEGATION_KEY.finditer(text):
        if match["value"] is None:
            is_within = not match["closes"]
        elif is_within:
            yield match.span("value")
