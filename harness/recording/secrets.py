"""Finding what looks secret, in text and in what is wrapped in it."""

import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from harness.recording.encodings import Vocabulary
from harness.recording.nested_encodings import texts_within, unzip
from harness.recording.placeholders import is_placeholder
from harness.recording.rules import DISTINCT_RULES, RULES, Rule, is_secret_header, likely

DEPTH = 3  # how often a text may be wrapped before nobody looks any further
_UTF_16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_UNKNOWN_BYTE = re.compile("[\udc80-\udcff]")
_TELLING = 40  # letters of base64 by which it is found again
KNOWN = "a value that the settings know as secret"


@dataclass(frozen=True, slots=True)
class Secret:
    """A place that looks secret.

    Attributes:
        what: its kind.
        value: the secret itself, or the beginning of the base64 that holds it; never to be shown.
    """

    what: str
    value: str


@dataclass(frozen=True, slots=True)
class Content:
    """A body as text, whatever it is, so that no byte is lost.

    Attributes:
        text: the whole body.
        codec: how it was decoded, UTF-16 where it says so, else UTF-8.
        errors: what was done with the bytes that the codec does not know.
        is_text: whether there are none of those.
    """

    text: str
    codec: str
    errors: str
    is_text: bool

    @classmethod
    def of(cls, body: bytes) -> Self:
        """The content of a body that is not packed."""
        codec = _UTF_16.get(body[:2]) if len(body) % 2 == 0 else None
        if codec is not None:
            return cls(body.decode(codec, "surrogatepass"), codec, "surrogatepass", is_text=True)
        text = body.decode("utf-8", "surrogateescape")
        return cls(text, "utf-8", "surrogateescape", is_text=_UNKNOWN_BYTE.search(text) is None)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that mean something here: other bytes look like a field or an address by chance."""
        return RULES if self.is_text else DISTINCT_RULES

    @property
    def depth(self) -> int:
        """How often what is wrapped is taken out."""
        return DEPTH if self.is_text else 0

    def encoded(self, text: str) -> bytes:
        """Another text, in the codec of this one."""
        return text.encode(self.codec, self.errors)


def find_by_rule(text: str, rules: tuple[Rule, ...] = RULES, depth: int = DEPTH) -> Iterator[tuple[Rule, Secret]]:
    """Every place of a text that a rule calls secret, in no particular order."""
    for rule in likely(text, rules):
        for start, end in rule.spans(text):
            yield rule, Secret(rule.what, text[start:end])
    if depth:
        for _, inner in texts_within(text):
            yield from find_by_rule(inner, rules, depth - 1)


def find_secrets(
    text: str, known: Vocabulary | None = None, depth: int = DEPTH, rules: tuple[Rule, ...] = RULES
) -> Iterator[Secret]:
    """Every place of a text that looks secret; names of accounts do not.

    Args:
        text: any text.
        known: values that must not occur at all.
        depth: how often what is wrapped is taken out.
        rules: what looks secret.
    """
    yield from (secret for rule, secret in find_by_rule(text, rules, 0) if not rule.is_name)
    if known is not None:
        yield from (Secret(KNOWN, text[start:end]) for start, end in known.find(text))
    if depth:
        for at, inner in texts_within(text):
            holder = text[at : at + _TELLING]
            yield from (Secret(secret.what, holder) for secret in find_secrets(inner, known, depth - 1, rules))


def secrets_of_body(body: bytes, known: Vocabulary | None = None) -> Iterator[Secret]:
    """As `find_secrets`, in a body: it may be a gzip file, and need not be text."""
    content = Content.of(unzip(body) or body)
    return find_secrets(content.text, known, content.depth, content.rules)


def secrets_of_headers(headers: Mapping[str, str], known: Vocabulary | None = None) -> Iterator[Secret]:
    """As `find_secrets`, in headers; some are secret by their name."""
    for name, value in headers.items():
        yield from find_secrets(value, known)
        if is_secret_header(name) and value and not is_placeholder(value):
            yield Secret(f"a secret header ({name})", value)
