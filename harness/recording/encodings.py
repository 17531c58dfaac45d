"""Search for known secret values in every encoding in which they may be written."""

import base64
import re
from collections.abc import Callable, Iterator, Mapping

from harness.recording.escapes import Edit, Layer, layers
from harness.recording.placeholders import fit_to_length
from harness.recording.word_search import WordSearch

_SHORT = 8  # characters; a shorter value is found only as a separate word, and in no encoding but escapes
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_BITS = 6  # of a letter of base64

Form = tuple[str, str]  # an encoded value, and its replacement


class SecretValues:
    """Secret values to replace wherever they occur.

    A value is found literally and in any kind of escape. Unless it is one of ``learned``, it is also found in
    hexadecimal digits, in UTF-16, and in base64 at any offset.

    Args:
        values: secret value -> its placeholder; empty values, and those that equal their placeholder, are ignored.
        learned: the same, for values that a recording shows to be secret. There may be thousands of them, so they
            are found in hexadecimal digits and base64 only if `nested_encodings` decodes these.
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
        self._words.update(_text_forms(value, placeholder))
        if len(value) >= _SHORT and not is_learned:
            self._words.update(_hexadecimal_forms(value, placeholder))
            self._words.update(_utf_16_forms(value, placeholder))
            self._fragments.update(_base64_fragments(value, placeholder))

    def edits(self, text: str) -> list[Edit]:
        """The replacements for all values that a text contains, without undoing escapes."""
        return [(start, end, self._words[text[start:end]]) for start, end in self._word_spans(text)]

    def fragment_edits(self, text: str) -> list[Edit]:
        """The replacements for values inside longer base64; they keep its length."""
        return [(*span, self._fragments[text[slice(*span)]]) for span in self._fragment_search.find(text)]

    def occur_in(self, text: str) -> bool:
        """Whether a text contains any of the values."""
        return next(self.find(text), None) is not None

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        """The start and end of each value, including those in escapes and in base64."""
        for layer in layers(text):
            yield from self.find_in(layer)

    def find_in(self, layer: Layer) -> Iterator[tuple[int, int]]:
        """As `find`, in one layer of a text; the positions are those in the original text."""
        yield from (layer.span(*span) for span in self._word_spans(layer.text))
        yield from (layer.span(*span) for span in self._fragment_search.find(layer.text))

    def _word_spans(self, text: str) -> Iterator[tuple[int, int]]:
        return (span for span in self._word_search.find(text) if _is_separate(text, *span))


def _is_separate(text: str, start: int, end: int) -> bool:
    """Whether a value is not merely a part of a longer word."""
    word = text[start:end]
    return end - start >= _SHORT or not word.isalnum() or not (_is_alnum(text, start - 1) or _is_alnum(text, end))


def _is_alnum(text: str, at: int) -> bool:
    return 0 <= at < len(text) and text[at].isascii() and text[at].isalnum()


def _text_forms(value: str, placeholder: str) -> Iterator[Form]:
    """A value as it is, and as undoing the escapes of a surrounding text would change it."""
    yield from ((layer.text, placeholder) for layer in layers(value))
    if " " in value:
        yield value.replace(" ", "+"), placeholder
    if _GUID.fullmatch(value):
        changes: tuple[Callable[[str], str], ...] = (str.lower, str.upper, lambda text: text.replace("-", ""))
        yield from ((change(value), change(placeholder)) for change in changes)


def _hexadecimal_forms(value: str, placeholder: str) -> Iterator[Form]:
    for codec in ("utf-8", "utf-16-le"):
        data, replacement = (_encoded(text, codec) for text in (value, _fitted_placeholder(placeholder, value, codec)))
        for separator in ((), (" ",), (":",)):
            digits, replaced = data.hex(*separator), replacement.hex(*separator)
            yield from ((digits, replaced), (digits.upper(), replaced.upper()))


def _utf_16_forms(value: str, placeholder: str) -> Iterator[Form]:
    """UTF-16 among other bytes, as `secrets.Content` decodes them."""
    for codec in ("utf-16-le", "utf-16-be"):
        yield (
            _as_text(_encoded(value, codec)),
            _as_text(_encoded(_fitted_placeholder(placeholder, value, codec), codec)),
        )


def _base64_fragments(value: str, placeholder: str) -> Iterator[Form]:
    """The base64 letters that depend on the value alone, for each of its three possible offsets in a group of bytes."""
    for codec in ("utf-8", "utf-16-le"):
        data, replacement = (_encoded(text, codec) for text in (value, _fitted_placeholder(placeholder, value, codec)))
        for before in range(3):
            fragment, replaced = (_fragment(content, before) for content in (data, replacement))
            yield fragment, replaced
            yield fragment.translate(_FOR_URLS), replaced.translate(_FOR_URLS)


_FOR_URLS = str.maketrans("+/", "-_")


def _fragment(data: bytes, before: int) -> str:
    letters = base64.b64encode(bytes(before) + data + bytes(3)).decode()
    return letters[-(-before * 8 // _BITS) : (before + len(data)) * 8 // _BITS]


def _fitted_placeholder(placeholder: str, value: str, codec: str) -> str:
    """Return a placeholder with as many bytes as the value."""
    width = 2 if codec.startswith("utf-16") else 1
    return fit_to_length(placeholder, len(_encoded(value, codec)) // width)


def _encoded(text: str, codec: str) -> bytes:
    return text.encode(codec, "surrogatepass")


def _as_text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
