"""Removal of secrets from text and bytes.

A value always gets the same placeholder, so values that refer to each other still match. A value that one message
shows to be secret, for example in a password field, is replaced in the entire recording.
"""

import gzip
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial

from harness.errors import CassetteError
from harness.recording.cookies import cookie_value, cookie_values_of_request
from harness.recording.encodings import SecretValues
from harness.recording.escapes import Edit, Layer, layers
from harness.recording.interactions import Interaction
from harness.recording.nested_encodings import Run, Unpacker
from harness.recording.placeholders import WORD, is_placeholder, word
from harness.recording.rules import Rule, is_secret_header, likely_rules
from harness.recording.secrets import DEPTH, Content, find_by_rule, nested_contents, strings, utf_16_contents

_LEARNED_LIMIT = 1 << 20  # characters
_ROUNDS = 4  # replacing one secret can reveal another


class Scrubber:
    """Replaces secrets. It has no state, so every thread and every process replaces a value in the same way.

    Args:
        replacements: secret value -> stable placeholder; empty values are ignored.
        learned: the same, for values that a recording itself shows to be secret.
    """

    def __init__(self, replacements: Mapping[str, str], learned: Mapping[str, str] | None = None) -> None:
        self._replacements = replacements
        self._placeholders = frozenset(replacements.values())
        self.secret_values = SecretValues(replacements, learned)

    def with_learned_secrets(self, interactions: Iterable[Interaction]) -> "Scrubber":
        """Return a scrubber that also replaces the values that any message of a recording shows to be secret.

        Raises:
            CassetteError: the recording has too many different secrets to search for.
        """
        learned: dict[str, str] = {}
        for item in interactions:
            for value, placeholder in self._secrets_revealed_by(item):
                if value not in self._placeholders and not is_placeholder(value):
                    learned.update((plain, placeholder(plain)) for plain in _plain_forms(value))
        if sum(map(len, learned)) > _LEARNED_LIMIT:
            raise CassetteError(
                f"the requests and responses show more than {_LEARNED_LIMIT >> 20} MiB of different secrets, too many"
                " to search for; record fewer requests in one cassette"
            )
        return Scrubber(self._replacements, learned)

    def _secrets_revealed_by(self, item: Interaction) -> Iterator[tuple[str, Callable[[str], str]]]:
        for headers in (item.request.headers, item.response.headers):
            yield from ((value, word) for name, value in headers.items() if is_secret_header(name))
        yield from ((value, word) for value in cookie_values_of_request(item.request.headers.get("Cookie", "")))
        yield from ((cookie_value(line), word) for line in item.response.cookies)
        for content in _contents(item):
            layer = Layer(content.text).replaced(self.secret_values.edits(content.text), content.fit)
            for rule, value in find_by_rule(replace(content, text=layer.text), self.secret_values):
                if rule.spreads:
                    yield value, rule.placeholder

    def text(self, text: str) -> str:
        """Replace every secret in a text by its placeholder."""
        return self._text(Content(text), in_place=False, depth=DEPTH, unpacker=Unpacker())

    def body(self, body: bytes, *, in_place: bool = False) -> bytes:
        """Replace every secret in a body, also inside gzip. Bytes of binary data outside secrets do not move.

        Args:
            body: a complete body, or a part of one.
            in_place: cut or pad placeholders, so that all other bytes keep their positions.

        Raises:
            CassetteError: the body contains more compressed data than can be searched.
        """
        return self._bytes(body, in_place=in_place, depth=DEPTH, unpacker=Unpacker())

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Replace secrets in header values, and the entire values of secret headers."""
        return {name: self._header(name, value) for name, value in headers.items()}

    def _header(self, name: str, value: str) -> str:
        value = self.text(value)
        return WORD if is_secret_header(name) and not is_placeholder(value) else value

    def _bytes(self, data: bytes, *, in_place: bool, depth: int, unpacker: Unpacker) -> bytes:
        unpacked = unpacker.unzip(data)
        if unpacked is not None:
            clean = self._bytes(unpacked, in_place=False, depth=depth, unpacker=unpacker)
            return data if clean == unpacked else gzip.compress(clean, mtime=0)
        content = Content.of(data)
        if content.is_text:
            clean_text = self._text(content, in_place=in_place, depth=depth, unpacker=unpacker)
        else:
            clean_text = self._binary(content, depth=depth, unpacker=unpacker)
        return data if clean_text == content.text else content.encoded(clean_text)

    def _binary(self, content: Content, *, depth: int, unpacker: Unpacker) -> str:
        """Scrub binary data: replace known values everywhere, and secrets in the strings that it contains."""
        layer = Layer(content.text)
        layer = layer.replaced(self.secret_values.edits(layer.text), content.fit)
        nested = utf_16_contents(layer.text)
        edits = self._edits_in(nested, in_place=True, depth=depth - 1, unpacker=unpacker)
        layer = layer.replaced(edits, content.fit)
        text, pieces, end = layer.text, [], 0
        for start, stop in strings(text):
            string = Content(text[start:stop], is_text=False)
            pieces += [text[end:start], self._text(string, in_place=True, depth=depth, unpacker=unpacker)]
            end = stop
        return "".join([*pieces, text[end:]])

    def _text(self, content: Content, *, in_place: bool, depth: int, unpacker: Unpacker) -> str:
        """Scrub each layer of escapes of a text, until nothing is left to replace."""
        text, fit = content.text, content.fit if in_place else _unchanged
        for _ in range(_ROUNDS):
            before, layer = text, Layer(text)
            while True:
                for edits in self._edits(layer.text, content.rules, in_place=in_place, depth=depth, unpacker=unpacker):
                    if replacements := edits(layer.text):
                        layer = layer.replaced(replacements, fit)
                above = layer.above()
                if above is None:
                    break
                layer = above
            text = layer.original
            if text == before:
                break
        return text

    def _edits(
        self, text: str, rules: tuple[Rule, ...], *, in_place: bool, depth: int, unpacker: Unpacker
    ) -> Iterator[Callable[[str], list[Edit]]]:
        """The searches for secrets, in order: each runs on the result of the previous one."""
        yield self.secret_values.edits
        yield from (partial(self._edits_by_rule, rule) for rule in likely_rules(text, rules))
        if depth > 0:
            yield partial(self._edits_in_encodings, in_place=in_place, depth=depth - 1, unpacker=unpacker)
        yield self.secret_values.fragment_edits

    def _edits_by_rule(self, rule: Rule, text: str) -> list[Edit]:
        return [
            edit for edit in rule.edits(text) if not (rule.is_name and text[edit[0] : edit[1]] in self._placeholders)
        ]

    def _edits_in_encodings(self, text: str, *, in_place: bool, depth: int, unpacker: Unpacker) -> list[Edit]:
        nested = nested_contents(text, self.secret_values, unpacker)
        return self._edits_in(nested, in_place=in_place, depth=depth, unpacker=unpacker)

    def _edits_in(
        self, nested: Iterable[tuple[Run, Content]], *, in_place: bool, depth: int, unpacker: Unpacker
    ) -> list[Edit]:
        edits = []
        for run, _ in nested:
            clean = self._bytes(run.data, in_place=in_place, depth=depth, unpacker=unpacker)
            if clean != run.data:
                edits.append((run.start, run.end, run.encode(clean)))
        return sorted(edits)


def _unchanged(placeholder: str, replaced: str) -> str:
    del replaced
    return placeholder


def _contents(item: Interaction) -> Iterator[Content]:
    """Every text of an interaction: URL, headers, cookies and bodies."""
    request, response = item.request, item.response
    yield from map(Content, (request.uri, *request.headers.values(), *response.headers.values(), *response.cookies))
    for body in (request.body, response.body):
        yield Content.of(Unpacker().unzip(body) or body)


def _plain_forms(value: str) -> Iterator[str]:
    """The possible unescaped forms of a value from JSON, XML or a form; none if it is an ordinary word."""
    forms = {value, value.replace("+", " "), *(layer.text for layer in layers(value))}
    kinds = (str.islower, str.isupper, str.isdigit, lambda letter: not letter.isalnum())
    for form in forms:
        mixed = sum(any(map(kind, form)) for kind in kinds)
        if len(form) >= 12 or (len(form) >= 8 and mixed > 1):
            yield form
