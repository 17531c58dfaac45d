"""Finding what looks secret, in text and in the encodings that it holds."""

import codecs
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from harness.recording.cookies import cookie_value, is_secret_cookie
from harness.recording.encodings import KnownValues
from harness.recording.escapes import Layer, layers
from harness.recording.interactions import Interaction
from harness.recording.nested_encodings import Run, Unpacker, runs, utf_16_runs
from harness.recording.placeholders import fitted, is_placeholder
from harness.recording.rules import DISTINCT_RULES, RULES, Rule, is_secret_header, likely

DEPTH = 3  # how often encodings may be nested
_UTF_16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_ASCII_STRING = re.compile(rb"[\t\n\r -~]{8,}")  # UTF-16 of Latin letters has a zero between any two of them
_STRING = re.compile(r"[\t\n\r -~]{8,}")
_SHOWN = 40  # characters of an encoding, by which a reader finds it in a file
NOTHING_KNOWN = KnownValues({})
KNOWN = "a value that the settings know as secret"


@dataclass(frozen=True, slots=True)
class Secret:
    """A place that looks secret.

    Attributes:
        what: its kind.
        value: the secret as it is written, or the beginning of the encoding that holds it; never to be shown.
    """

    what: str
    value: str


@dataclass(frozen=True, slots=True)
class Content:
    """A body as text, whatever it is, so that no byte is lost.

    Attributes:
        text: the whole body.
        codec: how it was decoded: as UTF-16 where it begins with a byte order mark, else as UTF-8.
        errors: how bytes that the codec does not know were decoded.
        is_text: whether there are none of those.
    """

    text: str
    codec: str = "utf-8"
    errors: str = "surrogateescape"
    is_text: bool = True

    @classmethod
    def of(cls, body: bytes) -> Self:
        """The content of a body that is not packed."""
        codec = _UTF_16.get(body[:2]) if len(body) % 2 == 0 else None
        if codec is not None and not _ASCII_STRING.search(body):
            return cls(body.decode(codec, "surrogatepass"), codec, "surrogatepass")
        try:
            return cls(body.decode())
        except UnicodeDecodeError:
            return cls(body.decode("utf-8", "surrogateescape"), is_text=False)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that mean something here: other bytes look like a field or an address by chance."""
        return RULES if self.is_text else DISTINCT_RULES

    def encoded(self, text: str) -> bytes:
        """Another text, in the codec of this one."""
        return text.encode(self.codec, self.errors)

    def fit(self, placeholder: str, replaced: str) -> str:
        """A placeholder that takes as many bytes as what it replaces."""
        unit = len(self.encoded("x"))
        return fitted(placeholder, len(self.encoded(replaced)) // unit)


def strings(text: str) -> Iterator[tuple[int, int]]:
    """Where the pieces of bytes begin and end that can be read as text: the rest is passed over, which saves most time.

    Args:
        text: bytes that are no text, as `Content` reads them.
    """
    return (match.span() for match in _STRING.finditer(text))


def nested_contents(text: str, known: KnownValues, unpacker: Unpacker) -> Iterator[tuple[Run, Content]]:
    """What a text holds in other encodings: all text, and other bytes where they may hold a secret."""
    others = []
    for run in runs(text):
        content = Content.of(unpacker.unzip(run.data) or run.data)
        if content.is_text:
            yield run, content
        else:
            others.append((run, content))
    if others and _may_hold_secrets("\n".join(content.text for _, content in others), known):
        yield from others


def utf_16_contents(text: str) -> Iterator[tuple[Run, Content]]:
    """What a text holds in UTF-16."""
    return ((run, Content.of(run.data)) for run in utf_16_runs(text))


def _may_hold_secrets(text: str, known: KnownValues) -> bool:
    """One look at everything: most words of a text are base64 of bytes that mean nothing."""
    readable = "\n".join(text[slice(*span)] for span in strings(text))
    return bool(likely(readable, DISTINCT_RULES)) or known.occur_in(text) or next(runs(text), None) is not None


def find_by_rule(
    content: Content, known: KnownValues, depth: int = DEPTH, unpacker: Unpacker | None = None
) -> Iterator[tuple[Rule, str]]:
    """Every value of a content that a rule calls secret, without the escapes around it, in no particular order."""
    unpacker = unpacker or Unpacker()
    if not content.is_text:
        for _, inner in utf_16_contents(content.text):
            yield from find_by_rule(inner, known, depth - 1, unpacker)
    for text in _readable(content):
        yield from _find_by_rule(text, content.rules, known, depth, unpacker)


def _find_by_rule(
    text: str, rules: tuple[Rule, ...], known: KnownValues, depth: int, unpacker: Unpacker
) -> Iterator[tuple[Rule, str]]:
    for layer in layers(text):
        for rule in likely(layer.text, rules):
            yield from ((rule, layer.text[slice(*span)]) for span in rule.spans(layer.text))
        if depth > 0:
            for _, inner in nested_contents(layer.text, known, unpacker):
                yield from find_by_rule(inner, known, depth - 1, unpacker)


def find_secrets(
    text: str | Content, known: KnownValues = NOTHING_KNOWN, depth: int = DEPTH, unpacker: Unpacker | None = None
) -> Iterator[Secret]:
    """Every place of a text that looks secret; names of accounts do not.

    Args:
        text: any text, or the content of a body.
        known: values that must not occur at all.
        depth: how many nested encodings are decoded.
        unpacker: unpacks what is packed; default one of its own.

    Raises:
        CassetteError: more is packed in it than the unpacker unpacks.
    """
    content = text if isinstance(text, Content) else Content(text)
    unpacker = unpacker or Unpacker()
    if not content.is_text:
        yield from (Secret(KNOWN, content.text[slice(*span)]) for span in known.find_in(Layer(content.text)))
        for run, inner in utf_16_contents(content.text):
            yield from _found_within(run, content.text, find_secrets(inner, known, depth - 1, unpacker))
    for readable in _readable(content):
        yield from _find_secrets(readable, content.rules, known, depth, unpacker)


def _readable(content: Content) -> Iterator[str]:
    """The pieces of a content that are text."""
    return iter([content.text]) if content.is_text else (content.text[slice(*span)] for span in strings(content.text))


def _find_secrets(
    text: str, rules: tuple[Rule, ...], known: KnownValues, depth: int, unpacker: Unpacker
) -> Iterator[Secret]:
    for layer in layers(text):
        yield from _found_in(layer, rules, known)
        if depth > 0:
            for run, inner in nested_contents(layer.text, known, unpacker):
                yield from _found_within(run, layer.text, find_secrets(inner, known, depth - 1, unpacker))


def _found_in(layer: Layer, rules: tuple[Rule, ...], known: KnownValues) -> Iterator[Secret]:
    text = layer.original
    for rule in likely(layer.text, rules):
        if not rule.is_name:
            yield from (Secret(rule.what, text[slice(*layer.span(*span))]) for span in rule.spans(layer.text))
    yield from (Secret(KNOWN, text[slice(*span)]) for span in known.find_in(layer))


def _found_within(run: Run, text: str, inner: Iterator[Secret]) -> Iterator[Secret]:
    holder = text[run.start : min(run.end, run.start + _SHOWN)]
    return (Secret(found.what, holder) for found in inner)


def secrets_of_body(
    body: bytes, known: KnownValues = NOTHING_KNOWN, unpacker: Unpacker | None = None
) -> Iterator[Secret]:
    """As `find_secrets`, in a body: it may be a gzip file, and need not be text."""
    unpacker = unpacker or Unpacker()
    return find_secrets(Content.of(unpacker.unzip(body) or body), known, unpacker=unpacker)


def secrets_of_headers(headers: Mapping[str, str], known: KnownValues = NOTHING_KNOWN) -> Iterator[Secret]:
    """As `find_secrets`, in headers; some are secret by their name."""
    for name, value in headers.items():
        yield from find_secrets(value, known)
        if is_secret_header(name) and value and not is_placeholder(value):
            yield Secret(f"a secret header ({name})", value)


def secrets_of_cookies(lines: Iterable[str], known: KnownValues = NOTHING_KNOWN) -> Iterator[Secret]:
    """As `find_secrets`, in ``Set-Cookie`` lines, whose values are secret."""
    for line in lines:
        yield from find_secrets(line, known)
        if is_secret_cookie(line):
            yield Secret("a secret header (Set-Cookie)", cookie_value(line))


def secrets_of_interaction(
    item: Interaction, known: KnownValues = NOTHING_KNOWN, unpacker: Unpacker | None = None
) -> Iterator[tuple[str, Secret]]:
    """Every place of an interaction that looks secret, and the part of it: ``URL``, ``request body`` and so on."""
    request, response = item.request, item.response
    for part, secrets in (
        ("URL", find_secrets(request.uri, known)),
        ("request headers", secrets_of_headers(request.headers, known)),
        ("request body", secrets_of_body(request.body, known, unpacker)),
        ("reason phrase", find_secrets(response.reason, known)),
        ("response headers", secrets_of_headers(response.headers, known)),
        ("response headers", secrets_of_cookies(response.cookies, known)),
        ("response body", secrets_of_body(response.body, known, unpacker)),
    ):
        yield from ((part, secret) for secret in secrets)
