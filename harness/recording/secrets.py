"""Finding what looks secret, in text and in what is wrapped in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.recording.rules import RULES, Rule, is_secret_header, likely
from harness.recording.spellings import Vocabulary
from harness.recording.stand_ins import is_stand_in
from harness.recording.wrapped import texts_within, unzip

DEPTH = 3  # how often a text may be wrapped before nobody looks any further
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


def find_by_rule(text: str, rules: tuple[Rule, ...] = RULES, depth: int = DEPTH) -> Iterator[tuple[Rule, Secret]]:
    """Every place of a text that a rule calls secret, in no particular order."""
    for rule in likely(text, rules):
        for start, end in rule.spans(text):
            yield rule, Secret(rule.what, text[start:end])
    if depth:
        for _, inner in texts_within(text):
            yield from find_by_rule(inner, rules, depth - 1)


def find_secrets(text: str, known: Vocabulary | None = None, depth: int = DEPTH) -> Iterator[Secret]:
    """Every place of a text that looks secret; names of accounts do not.

    Args:
        text: any text.
        known: values that must not occur at all.
        depth: how often what is wrapped is taken out.
    """
    yield from (secret for rule, secret in find_by_rule(text, depth=0) if not rule.is_name)
    if known is not None:
        yield from (Secret(KNOWN, text[start:end]) for start, end in known.find(text))
    if depth:
        for at, inner in texts_within(text):
            holder = text[at : at + _TELLING]
            yield from (Secret(secret.what, holder) for secret in find_secrets(inner, known, depth - 1))


def secrets_of_body(body: bytes, known: Vocabulary | None = None) -> Iterator[Secret]:
    """As `find_secrets`, in a body: it may be a gzip file, and need not be text."""
    yield from find_secrets(text_of(unzip(body) or body), known)


def secrets_of_headers(headers: Mapping[str, str], known: Vocabulary | None = None) -> Iterator[Secret]:
    """As `find_secrets`, in headers; some are secret by their name."""
    for name, value in headers.items():
        yield from find_secrets(value, known)
        if is_secret_header(name) and value and not is_stand_in(value):
            yield Secret(f"a secret header ({name})", value)


def text_of(body: bytes) -> str:
    """A body as text, whatever it is, so that nothing is lost: UTF-16 where it says so, else UTF-8."""
    if body[:2] in (b"\xff\xfe", b"\xfe\xff") and len(body) % 2 == 0:
        return body.decode("utf-16", "surrogatepass")
    return body.decode("utf-8", "surrogateescape")
