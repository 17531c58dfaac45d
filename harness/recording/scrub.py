"""Taking secrets out of interactions: processors are pure functions on copies, in one ordered tuple.

A value always gets the same placeholder, so values that refer to each other still match. What one place shows to be
secret (a password field, say) is taken out of all the others in the story, where nothing shows it.
"""

import contextlib
import gzip
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from html import unescape
from urllib.parse import unquote_plus

from harness.recording.encodings import Vocabulary
from harness.recording.interactions import Interaction
from harness.recording.nested_encodings import change_within, unzip
from harness.recording.placeholders import WORD, fitted, is_placeholder, word
from harness.recording.rules import RULES, Rule, is_secret_header, likely
from harness.recording.secrets import DEPTH, Content, find_by_rule

# The rest says nothing about the story, and would make every recording differ from the one before.
_KEPT_REQUEST_HEADERS = frozenset(
    {
        "content-type",
        "range",
        "x-ms-range",
        "x-ms-write",
        "x-ms-type",
        "x-ms-content-length",
        "x-ms-copy-source",
    }
)
_DROPPED_RESPONSE_HEADERS = frozenset(
    {
        "authorization", "cache-control", "connection", "content-encoding", "date", "keep-alive", "pragma",
        "request-id", "server", "set-cookie", "strict-transport-security", "transfer-encoding", "vary",
        "www-authenticate", "x-content-type-options", "x-ms-client-request-id", "x-ms-correlation-request-id",
        "x-ms-gateway-service-instanceid", "x-ms-ratelimit-remaining-subscription-reads",
        "x-ms-ratelimit-remaining-subscription-resource-requests", "x-ms-ratelimit-remaining-tenant-reads",
        "x-ms-request-id", "x-ms-routing-request-id", "x-ms-served-by",
    }
)  # fmt: skip
_CHECKSUMS = frozenset({"content-md5", "x-ms-content-md5", "x-ms-content-crc64"})
_ROUNDS = 3  # taking one secret out can lay another bare


class Scrubber:
    """Replaces what is secret. It keeps no state, so any thread and any process replaces a value alike.

    Args:
        replacements: secret value -> stable placeholder; empty values are ignored.
        learned: the same, for what a story itself has shown to be secret.
    """

    def __init__(self, replacements: Mapping[str, str], learned: Mapping[str, str] | None = None) -> None:
        self._replacements = replacements
        self._placeholders = frozenset(replacements.values())
        self.known = Vocabulary({**(learned or {}), **replacements})

    def informed_by(self, story: Iterable[Interaction]) -> "Scrubber":
        """A scrubber that also replaces, everywhere, what some place of the story shows to be secret."""
        learned: dict[str, str] = {}
        for item in story:
            for value, placeholder in self._shown_by(item):
                if value not in self._placeholders:
                    learned.update((plain, placeholder(plain)) for plain in _plain_forms(value))
        return Scrubber(self._replacements, learned)

    def _shown_by(self, item: Interaction) -> Iterator[tuple[str, Callable[[str], str]]]:
        for headers in (item.request.headers, item.response.headers):
            yield from ((value, word) for name, value in headers.items() if is_secret_header(name))
        for text, rules, depth in _contents(item):
            for rule, secret in find_by_rule(self.known.replace(text), rules, depth):
                if rule.spreads:
                    yield secret.value, rule.placeholder

    def text(self, text: str, *, in_place: bool = False, depth: int = DEPTH) -> str:
        """The text with placeholders for everything secret.

        Args:
            text: any text.
            in_place: keep every other byte where it is, by cutting placeholders or filling them up.
            depth: how often what is wrapped in base64 is taken out.
        """
        return self._text(text, RULES, in_place, depth)

    def body(self, body: bytes, *, in_place: bool = False) -> bytes:
        """The body scrubbed as text, in gzip as well; of other bytes, none moves that is not part of a secret."""
        packed = unzip(body)
        if packed is not None:
            clean = self.body(packed)
            return body if clean == packed else gzip.compress(clean, mtime=0)
        content = Content.of(body)
        in_place = in_place or not content.is_text
        return content.encoded(self._text(content.text, content.rules, in_place, content.depth))

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Header values scrubbed; those of secret headers whole."""
        return {name: self._header(name, value) for name, value in headers.items()}

    def _header(self, name: str, value: str) -> str:
        value = self.text(value)
        return WORD if is_secret_header(name) and not is_placeholder(value) else value

    def _text(self, text: str, rules: tuple[Rule, ...], in_place: bool, depth: int) -> str:
        for _ in range(_ROUNDS):
            before = text
            text = self.known.replace(text, in_place=in_place)
            for rule in likely(text, rules):
                text = self._by_rule(rule, text, in_place)
            if depth:
                text = change_within(text, lambda inner: self._text(inner, rules, in_place, depth - 1))
            if text == before:
                break
        return text

    def _by_rule(self, rule: Rule, text: str, in_place: bool) -> str:
        pieces, end = [], 0
        for start, stop in rule.spans(text):
            value = text[start:stop]
            if rule.is_name and value in self._placeholders:
                continue
            written = rule.placeholder(value)
            if in_place:
                written = fitted(written, len(value.encode("utf-8", "surrogateescape")))
            pieces += [text[end:start], written]
            end = stop
        return "".join([*pieces, text[end:]]) if pieces else text


def _contents(item: Interaction) -> Iterator[tuple[str, tuple[Rule, ...], int]]:
    """Every text of an interaction, the rules that mean something in it, and how deep to look."""
    request, response = item.request, item.response
    for text in (request.uri, *request.headers.values(), *response.headers.values()):
        yield text, RULES, DEPTH
    for body in (request.body, response.body):
        content = Content.of(unzip(body) or body)
        yield content.text, content.rules, content.depth


def _plain_forms(value: str) -> Iterator[str]:
    """A value as it was before it was written into JSON, XML or a form; nothing for a mere word."""
    forms = {value, unquote_plus(value), unescape(value)}
    with contextlib.suppress(ValueError):
        forms.add(json.loads(f'"{value}"'))
    kinds = (str.islower, str.isupper, str.isdigit, lambda letter: not letter.isalnum())
    for form in forms:
        mixed = sum(any(map(kind, form)) for kind in kinds)
        if len(form) >= 12 or (len(form) >= 8 and mixed > 1):
            yield form


Processor = Callable[[Interaction, Scrubber], Interaction]


def keep_telling_request_headers(interaction: Interaction, scrubber: Scrubber) -> Interaction:
    """Authorization, user agents, dates and client request ids are not part of the story."""
    del scrubber
    kept = {k: v for k, v in interaction.request.headers.items() if k.lower() in _KEPT_REQUEST_HEADERS}
    return replace(interaction, request=replace(interaction.request, headers=kept))


def drop_passing_response_headers(interaction: Interaction, scrubber: Scrubber) -> Interaction:
    """What is true of this one connection only."""
    del scrubber
    kept = {k: v for k, v in interaction.response.headers.items() if k.lower() not in _DROPPED_RESPONSE_HEADERS}
    return replace(interaction, response=replace(interaction.response, headers=kept))


def replace_secrets(interaction: Interaction, scrubber: Scrubber) -> Interaction:
    """URLs, headers and bodies of both sides. A checksum goes with its body; a part of a file keeps its length."""
    request, response = interaction.request, interaction.response
    is_part = any(name.lower() == "content-range" for name in response.headers)
    body = scrubber.body(response.body, in_place=is_part)
    headers = scrubber.headers(response.headers)
    if body != response.body:
        headers = {name: value for name, value in headers.items() if name.lower() not in _CHECKSUMS}
    return replace(
        interaction,
        request=replace(
            request,
            uri=scrubber.text(request.uri),
            headers=scrubber.headers(request.headers),
            body=scrubber.body(request.body),
        ),
        response=replace(response, reason=scrubber.text(response.reason), headers=headers, body=body),
    )


PROCESSORS: tuple[Processor, ...] = (
    keep_telling_request_headers,
    drop_passing_response_headers,
    replace_secrets,
)


def scrub(interaction: Interaction, scrubber: Scrubber) -> Interaction:
    """A copy of an interaction with every processor applied."""
    for processor in PROCESSORS:
        interaction = processor(interaction, scrubber)
    return interaction


def scrub_story(story: Iterable[Interaction], scrubber: Scrubber) -> tuple[list[Interaction], Scrubber]:
    """A whole story scrubbed, and the scrubber that it took: one that knows the story's own secrets."""
    items = list(story)
    informed = scrubber.informed_by(items)
    return [scrub(item, informed) for item in items], informed
