"""Search for secrets in a text and in the encodings that it contains."""

import codecs
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from harness.recording.cookies import cookie_value, is_secret_cookie
from harness.recording.encodings import SecretValues
from harness.recording.escapes import Layer, layers
from harness.recording.interactions import Interaction
from harness.recording.nested_encodings import Run, Unpacker, runs, utf_16_runs
from harness.recording.placeholders import fit_to_length, is_placeholder
from harness.recording.rules import DISTINCT_RULES, RULES, Rule, is_secret_header, likely_rules

DEPTH = 3  # levels of nested encodings
_UTF_16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_ASCII_STRING = re.compile(rb"[\t\n\r -~]{8,}")  # UTF-16 of Latin letters has a zero between any two of them
_STRING = re.compile(r"[\t\n\r -~]{8,}")
_SHOWN = 40  # characters of an encoding, enough to find it in a file
NO_SECRET_VALUES = SecretValues({})
CONFIGURED_KIND = "a value that the settings know as secret"


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that looks secret.

    Attributes:
        kind: the kind of secret, as messages name it.
        value: the secret as it is written, or the beginning of the encoding that holds it; it must never be shown.
    """

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Content:
    """A body decoded as text without loss, even if it is binary.

    Attributes:
        text: the complete body.
        codec: UTF-16 if the body begins with a byte order mark, else UTF-8.
        errors: the codec's error handler for invalid bytes.
        is_text: whether the body has no invalid bytes.
    """

    text: str
    codec: str = "utf-8"
    errors: str = "surrogateescape"
    is_text: bool = True

    @classmethod
    def of(cls, body: bytes) -> Self:
        """Decode a body that is not compressed."""
        codec = _UTF_16.get(body[:2]) if len(body) % 2 == 0 else None
        if codec is not None and not _ASCII_STRING.search(body):
            return cls(body.decode(codec, "surrogatepass"), codec, "surrogatepass")
        try:
            return cls(body.decode())
        except UnicodeDecodeError:
            return cls(body.decode("utf-8", "surrogateescape"), is_text=False)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules to apply: in binary data, bytes may look like a field or an address by chance."""
        return RULES if self.is_text else DISTINCT_RULES

    def encoded(self, text: str) -> bytes:
        """Encode a text in the codec of this content."""
        return text.encode(self.codec, self.errors)

    def fit(self, placeholder: str, replaced: str) -> str:
        """Return a placeholder with as many bytes as the text that it replaces."""
        unit = len(self.encoded("x"))
        return fit_to_length(placeholder, len(self.encoded(replaced)) // unit)


def strings(text: str) -> Iterator[tuple[int, int]]:
    """The spans of printable strings in binary data; only these are searched, which saves most of the time.

    Args:
        text: binary data, as `Content` decodes it.
    """
    return (match.span() for match in _STRING.finditer(text))


def nested_contents(text: str, secret_values: SecretValues, unpacker: Unpacker) -> Iterator[tuple[Run, Content]]:
    """The contents that a text holds in other encodings: all text, and binary data that may hold a secret."""
    binaries = []
    for run in runs(text):
        content = Content.of(unpacker.unzip(run.data) or run.data)
        if content.is_text:
            yield run, content
        else:
            binaries.append((run, content))
    if binaries and _may_hold_secrets("\n".join(content.text for _, content in binaries), secret_values):
        yield from binaries


def utf_16_contents(text: str) -> Iterator[tuple[Run, Content]]:
    """The contents that a text holds in UTF-16."""
    return ((run, Content.of(run.data)) for run in utf_16_runs(text))


def _may_hold_secrets(text: str, secret_values: SecretValues) -> bool:
    """Whether a quick search matches: most words of a text happen to be valid base64 of meaningless bytes."""
    readable = "\n".join(text[slice(*span)] for span in strings(text))
    return (
        bool(likely_rules(readable, DISTINCT_RULES))
        or secret_values.occur_in(text)
        or next(runs(text), None) is not None
    )


def find_by_rule(
    content: Content, secret_values: SecretValues, depth: int = DEPTH, unpacker: Unpacker | None = None
) -> Iterator[tuple[Rule, str]]:
    """Every value of a content that a rule matches, unescaped, in no particular order."""
    unpacker = unpacker or Unpacker()
    if not content.is_text:
        for _, inner in utf_16_contents(content.text):
            yield from find_by_rule(inner, secret_values, depth - 1, unpacker)
    for text in _readable(content):
        yield from _find_by_rule(text, content.rules, secret_values, depth, unpacker)


def _find_by_rule(
    text: str, rules: tuple[Rule, ...], secret_values: SecretValues, depth: int, unpacker: Unpacker
) -> Iterator[tuple[Rule, str]]:
    for layer in layers(text):
        for rule in likely_rules(layer.text, rules):
            yield from ((rule, layer.text[slice(*span)]) for span in rule.spans(layer.text))
        if depth > 0:
            for _, inner in nested_contents(layer.text, secret_values, unpacker):
                yield from find_by_rule(inner, secret_values, depth - 1, unpacker)


def find_secrets(
    text: str | Content,
    secret_values: SecretValues = NO_SECRET_VALUES,
    depth: int = DEPTH,
    unpacker: Unpacker | None = None,
) -> Iterator[Secret]:
    """Every value of a text that looks secret, except for names of accounts.

    Args:
        text: any text, or the content of a body.
        secret_values: values that must not occur at all.
        depth: the number of levels of nested encodings to decode.
        unpacker: unpacks gzip files within a limit; default a new one.

    Raises:
        CassetteError: the text contains more compressed data than the unpacker's limit.
    """
    content = text if isinstance(text, Content) else Content(text)
    unpacker = unpacker or Unpacker()
    if not content.is_text:
        yield from (
            Secret(CONFIGURED_KIND, content.text[slice(*span)]) for span in secret_values.find_in(Layer(content.text))
        )
        for run, inner in utf_16_contents(content.text):
            yield from _secrets_in_run(run, content.text, find_secrets(inner, secret_values, depth - 1, unpacker))
    for readable in _readable(content):
        yield from _find_secrets_in_text(readable, content.rules, secret_values, depth, unpacker)


def _readable(content: Content) -> Iterator[str]:
    """The pieces of a content that are text."""
    return iter([content.text]) if content.is_text else (content.text[slice(*span)] for span in strings(content.text))


def _find_secrets_in_text(
    text: str, rules: tuple[Rule, ...], secret_values: SecretValues, depth: int, unpacker: Unpacker
) -> Iterator[Secret]:
    for layer in layers(text):
        yield from _secrets_in_layer(layer, rules, secret_values)
        if depth > 0:
            for run, inner in nested_contents(layer.text, secret_values, unpacker):
                yield from _secrets_in_run(run, layer.text, find_secrets(inner, secret_values, depth - 1, unpacker))


def _secrets_in_layer(layer: Layer, rules: tuple[Rule, ...], secret_values: SecretValues) -> Iterator[Secret]:
    text = layer.original
    for rule in likely_rules(layer.text, rules):
        if not rule.is_name:
            yield from (Secret(rule.kind, text[slice(*layer.span(*span))]) for span in rule.spans(layer.text))
    yield from (Secret(CONFIGURED_KIND, text[slice(*span)]) for span in secret_values.find_in(layer))


def _secrets_in_run(run: Run, text: str, inner: Iterator[Secret]) -> Iterator[Secret]:
    holder = text[run.start : min(run.end, run.start + _SHOWN)]
    return (Secret(secret.kind, holder) for secret in inner)


def secrets_of_body(
    body: bytes, secret_values: SecretValues = NO_SECRET_VALUES, unpacker: Unpacker | None = None
) -> Iterator[Secret]:
    """As `find_secrets`, in a body, which may be a gzip file or other binary data."""
    unpacker = unpacker or Unpacker()
    return find_secrets(Content.of(unpacker.unzip(body) or body), secret_values, unpacker=unpacker)


def secrets_of_headers(headers: Mapping[str, str], secret_values: SecretValues = NO_SECRET_VALUES) -> Iterator[Secret]:
    """As `find_secrets`, in headers; some are secret because of their name."""
    for name, value in headers.items():
        yield from find_secrets(value, secret_values)
        if is_secret_header(name) and value and not is_placeholder(value):
            yield Secret(f"a secret header ({name})", value)


def secrets_of_cookies(lines: Iterable[str], secret_values: SecretValues = NO_SECRET_VALUES) -> Iterator[Secret]:
    """As `find_secrets`, in ``Set-Cookie`` lines, whose values are secret."""
    for line in lines:
        yield from find_secrets(line, secret_values)
        if is_secret_cookie(line):
            yield Secret("a secret header (Set-Cookie)", cookie_value(line))


def secrets_of_interaction(
    item: Interaction, secret_values: SecretValues = NO_SECRET_VALUES, unpacker: Unpacker | None = None
) -> Iterator[tuple[str, Secret]]:
    """Every secret of an interaction, with the part that holds it: ``URL``, ``request body`` and so on."""
    request, response = item.request, item.response
    for part, secrets in (
        ("URL", find_secrets(request.uri, secret_values)),
        ("request headers", secrets_of_headers(request.headers, secret_values)),
        ("request body", secrets_of_body(request.body, secret_values, unpacker)),
        ("reason phrase", find_secrets(response.reason, secret_values)),
        ("response headers", secrets_of_headers(response.headers, secret_values)),
        ("response headers", secrets_of_cookies(response.cookies, secret_values)),
        ("response body", secrets_of_body(response.body, secret_values, unpacker)),
    ):
        yield from ((part, secret) for secret in secrets)
