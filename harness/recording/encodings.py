"""Values that are known to be secret, in every form that they take on the wire."""

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape, quoteattr

from harness.recording.placeholders import fitted

_SHORT = 8  # characters; a shorter word counts only where it stands alone
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_FORMS: tuple[Callable[[str], str], ...] = (
    str,
    quote_plus,
    quote,
    lambda text: quote(text, safe=""),
    lambda text: quote(quote(text, safe=""), safe=""),
    lambda text: re.sub("%..", lambda match: match.group().lower(), quote(text, safe="")),
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    lambda text: json.dumps(json.dumps(text))[3:-3],
    escape,
    lambda text: quoteattr(text)[1:-1],
    lambda text: repr(text)[1:-1],
    lambda text: base64.b64encode(text.encode()).decode(),
)
_GUID_FORMS: tuple[Callable[[str], str], ...] = (str.lower, str.upper, lambda text: text.replace("-", ""))


class Vocabulary:
    """What to replace wherever it occurs.

    Args:
        words: secret value -> its placeholder; empty values, and those that are their own placeholder, are ignored.
    """

    def __init__(self, words: Mapping[str, str]) -> None:
        self._placeholders: dict[str, str] = {}
        for value, placeholder in words.items():
            if value and value != placeholder:
                self._placeholders |= _spellings(value, placeholder)

    def replace(self, text: str, *, in_place: bool = False) -> str:
        """The text with a placeholder for each; ``in_place`` keeps every other byte where it is."""
        pattern = self._pattern(text)
        if pattern is None:
            return text

        def placeholder(match: re.Match[str]) -> str:
            found = match.group()
            word = self._placeholders[found]
            return fitted(word, len(found.encode("utf-8", "surrogateescape"))) if in_place else word

        return pattern.sub(placeholder, text)

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        """Where each of them begins and ends."""
        pattern = self._pattern(text)
        if pattern is not None:
            yield from (match.span() for match in pattern.finditer(text))

    def _pattern(self, text: str) -> re.Pattern[str] | None:
        """Finds those that occur at all: a pattern of all of them would be slow."""
        present = sorted((form for form in self._placeholders if form in text), key=len, reverse=True)
        return re.compile("|".join(map(_bounded, present))) if present else None


def _bounded(form: str) -> str:
    pattern = re.escape(form)
    return rf"(?<![A-Za-z0-9]){pattern}(?![A-Za-z0-9])" if len(form) < _SHORT and form.isalnum() else pattern


def _spellings(value: str, placeholder: str) -> dict[str, str]:
    is_guid = _GUID.fullmatch(value) is not None
    forms = _FORMS + _GUID_FORMS if is_guid else _FORMS
    return {form(value): form(placeholder) for form in forms}
