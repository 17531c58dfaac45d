"""Taking secrets out of interactions: processors are pure functions on copies, in one ordered tuple.

A value always gets the same stand-in within a cassette, so values that refer to each other still match.
"""

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote, quote_plus

from harness.recording import secrets
from harness.recording.interactions import Interaction

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
        "server", "set-cookie", "strict-transport-security", "transfer-encoding", "vary",
        "www-authenticate", "x-content-type-options", "x-ms-client-request-id",
        "x-ms-correlation-request-id", "x-ms-request-id", "x-ms-routing-request-id",
    }
)  # fmt: skip


def _spellings(value: str, stand_in: str) -> dict[str, str]:
    """The forms a value takes on the wire: as it is, percent-encoded, inside JSON, in base64."""
    forms: tuple[Callable[[str], str], ...] = (
        str,
        quote_plus,
        lambda text: quote(text, safe=""),
        lambda text: json.dumps(text)[1:-1],
        lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
        lambda text: base64.b64encode(text.encode()).decode(),
    )
    return {form(value): form(stand_in) for form in forms}


@dataclass
class Scrubber:
    """Replaces secrets of one story; it remembers which stand-in each storage key got.

    Attributes:
        replacements: secret value -> stable stand-in; empty values are ignored.
    """

    replacements: Mapping[str, str]
    _keys: dict[str, str] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        forms: dict[str, str] = {}
        for value, stand_in in self.replacements.items():
            if value and value != stand_in:
                forms |= _spellings(value, stand_in)
        self._forms = forms
        longest_first = sorted(forms, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    @property
    def known(self) -> tuple[str, ...]:
        """Every spelling of every value that must not survive."""
        stand_ins = set(self._forms.values())
        return tuple(form for form in self._forms if not any(form in stand_in for stand_in in stand_ins))

    def text(self, text: str) -> str:
        """The text with stand-ins for everything secret."""
        if self._known:
            text = self._known.sub(lambda match: self._forms[match.group()], text)
        text = secrets.STORAGE_KEY.sub(lambda match: self._key(match.group()), text)
        text = secrets.JSON_WEB_TOKEN.sub(secrets.STAND_IN_TEXT, text)
        text = secrets.SAS_SIGNATURE.sub(rf"\g<1>{secrets.STAND_IN_SIGNATURE}", text)
        text = secrets.BEARER.sub(rf"\1 {secrets.STAND_IN_TEXT}", text)
        text = secrets.PRIVATE_KEY.sub(secrets.STAND_IN_TEXT, text)
        return secrets.SECRET_FIELD.sub(self._field, text)

    def body(self, body: bytes) -> bytes:
        """The body scrubbed as text; bytes that are no UTF-8 keep every byte that is not part of a secret."""
        return self.text(body.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Header values scrubbed."""
        return {name: self.text(value) for name, value in headers.items()}

    def _key(self, value: str) -> str:
        if secrets.is_stand_in_key(value):
            return value
        return self._keys.setdefault(value, secrets.stand_in_key(len(self._keys) + 1))

    def _field(self, match: re.Match[str]) -> str:
        value = match.group(2)
        is_key = secrets.STORAGE_KEY.fullmatch(value) and secrets.is_stand_in_key(value)
        return match.group() if is_key else f'{match.group(1)}"{secrets.STAND_IN_TEXT}"'


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
    """URLs, headers and bodies of both sides."""
    request, response = interaction.request, interaction.response
    return replace(
        interaction,
        request=replace(
            request,
            uri=scrubber.text(request.uri),
            headers=scrubber.headers(request.headers),
            body=scrubber.body(request.body),
        ),
        response=replace(response, headers=scrubber.headers(response.headers), body=scrubber.body(response.body)),
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
