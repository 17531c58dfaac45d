"""Values that are known to be secret, found in every encoding in which they are written."""

import base64
import re
from collections.abc import Callable, Iterator, Mapping

from harness.recording.escapes import Edit, Layer, layers
from harness.recording.placeholders import fitted
from harness.recording.word_search import WordSearch

_SHORT = 8  # characters; a shorter value counts only where it stands alone, and in no encoding but escapes
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_BITS = 6  # of a letter of base64

Form = tuple[str, str]  # how a value is written, and what replaces it


class KnownValues:
    """Values to replace wherever they occur.

    A value is found as it is and in escapes of any kind; in hexadecimal digits, in UTF-16, and in base64 at any
    distance from its beginning, unless it is one of ``learned``.

    Args:
        values: secret value -> its placeholder; empty values, and those that are their own placeholder, are ignored.
        learned: the same, for values that a recording has shown to be secret. There may be thousands of them, so they
            are looked for in hexadecimal digits and base64 only where `nested_encodings` decodes those.
    """

    def __init__(self, values: Mapping[str, str], learned: Mapping[str, str] | None = None) -> None:
        self._words: dict[str, str] = {}
        self._fragments: dict[str, str] = {}
        for value, placeholder in (learned or {}).items():
            self._add(value, placeholder, is_learned=True)
        for value, placeholder in values.items():
            self._add(value, placeholder, is_learned=False)
        self._word_search, self._fragment_search = WordSearch(self._words), WordSearch(self._fragments)

    def _add(self, value: str, placeholder: str, *, is_learned: bool) -> None:
        if not value or value == placeholder:
            return
        self._words.update(_written(value, placeholder))
        if len(value) >= _SHORT and not is_learned:
            self._words.update(_hexadecimal(value, placeholder))
            self._words.update(_utf_16(value, placeholder))
            self._fragments.update(_base64_fragments(value, placeholder))

    def edits(self, text: str) -> list[Edit]:
        """What to replace in a text, of what is written there as it is."""
        return [(start, end, self._words[text[start:end]]) for start, end in self._found(text)]

    def fragment_edits(self, text: str) -> list[Edit]:
        """What to replace in base64 that holds values in its midst; its length stays as it is."""
        return [(*span, self._fragments[text[slice(*span)]]) for span in self._fragment_search.find(text)]

    def occur_in(self, text: str) -> bool:
        """Whether a text holds any of the values."""
        return next(self.find(text), None) is not None

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        """Where values begin and end, in escapes and in base64, too."""
        for layer in layers(text):
            yield from self.find_in(layer)

    def find_in(self, layer: Layer) -> Iterator[tuple[int, int]]:
        """As `find`, in one layer of a text; the places are those in the text as it is."""
        yield from (layer.span(*span) for span in self._found(layer.text))
        yield from (layer.span(*span) for span in self._fragment_search.find(layer.text))

    def _found(self, text: str) -> Iterator[tuple[int, int]]:
        return (span for span in self._word_search.find(text) if _counts(text, *span))


def _counts(text: str, start: int, end: int) -> bool:
    """Whether a value that was found is more than a piece of another word."""
    word = text[start:end]
    return end - start >= _SHORT or not word.isalnum() or not (_is_alnum(text, start - 1) or _is_alnum(text, end))


def _is_alnum(text: str, at: int) -> bool:
    return 0 <= at < len(text) and text[at].isascii() and text[at].isalnum()


def _written(value: str, placeholder: str) -> Iterator[Form]:
    """A value as it is, and as it becomes where the escapes of the text around it are undone."""
    yield from ((layer.text, placeholder) for layer in layers(value))
    if " " in value:
        yield value.replace(" ", "+"), placeholder
    if _GUID.fullmatch(value):
        changes: tuple[Callable[[str], str], ...] = (str.lower, str.upper, lambda text: text.replace("-", ""))
        yield from ((change(value), change(placeholder)) for change in changes)


def _hexadecimal(value: str, placeholder: str) -> Iterator[Form]:
    for codec in ("utf-8", "utf-16-le"):
        data, replacement = (_encoded(text, codec) for text in (value, _fitted(placeholder, value, codec)))
        for between in ((), (" ",), (":",)):
            one, other = data.hex(*between), replacement.hex(*between)
            yield from ((one, other), (one.upper(), other.upper()))


def _utf_16(value: str, placeholder: str) -> Iterator[Form]:
    """UTF-16 among other bytes, as those are read: see `secrets.Content`."""
    for codec in ("utf-16-le", "utf-16-be"):
        yield _as_text(_encoded(value, codec)), _as_text(_encoded(_fitted(placeholder, value, codec), codec))


def _base64_fragments(value: str, placeholder: str) -> Iterator[Form]:
    """The letters of base64 that depend on the value alone, for each of the three places that bytes have in a group."""
    for codec in ("utf-8", "utf-16-le"):
        data, replacement = (_encoded(text, codec) for text in (value, _fitted(placeholder, value, codec)))
        for before in range(3):
            one, other = (_fragment(content, before) for content in (data, replacement))
            yield one, other
            yield one.translate(_FOR_URLS), other.translate(_FOR_URLS)


_FOR_URLS = str.maketrans("+/", "-_")


def _fragment(data: bytes, before: int) -> str:
    letters = base64.b64encode(bytes(before) + data + bytes(3)).decode()
    return letters[-(-before * 8 // _BITS) : (before + len(data)) * 8 // _BITS]


def _fitted(placeholder: str, value: str, codec: str) -> str:
    """A placeholder that takes as many bytes as the value."""
    width = 2 if codec.startswith("utf-16") else 1
    return fitted(placeholder, len(_encoded(value, codec)) // width)


def _encoded(text: str, codec: str) -> bytes:
    return text.encode(codec, "surrogatepass")


def _as_text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
