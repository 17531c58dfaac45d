"""Taking secrets out of text and bytes.

A value always gets the same placeholder, so values that refer to each other still match. What one place shows to be
secret (a password field, say) is taken out of all other places of the recording, where nothing shows it.
"""

import gzip
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial

from harness.errors import CassetteError
from harness.recording.cookies import cookie_value, sent_values
from harness.recording.encodings import KnownValues
from harness.recording.escapes import Edit, Layer, layers
from harness.recording.interactions import Interaction
from harness.recording.nested_encodings import Run, Unpacker
from harness.recording.placeholders import WORD, is_placeholder, word
from harness.recording.rules import Rule, is_secret_header, likely
from harness.recording.secrets import DEPTH, Content, find_by_rule, nested_contents, strings, utf_16_contents

_LEARNED_LIMIT = 1 << 20  # characters
_ROUNDS = 4  # taking one secret out can uncover another


class Scrubber:
    """Replaces what is secret. It keeps no state, so any thread and any process replaces a value alike.

    Args:
        replacements: secret value -> stable placeholder; empty values are ignored.
        learned: the same, for what a recording itself has shown to be secret.
    """

    def __init__(self, replacements: Mapping[str, str], learned: Mapping[str, str] | None = None) -> None:
        self._replacements = replacements
        self._placeholders = frozenset(replacements.values())
        self.known = KnownValues(replacements, learned)

    def informed_by(self, interactions: Iterable[Interaction]) -> "Scrubber":
        """A scrubber that also replaces, everywhere, what some place of a recording shows to be secret.

        Raises:
            CassetteError: so much of the recording is secret that nobody can look for all of it.
        """
        learned: dict[str, str] = {}
        for item in interactions:
            for value, placeholder in self._shown_by(item):
                if value not in self._placeholders and not is_placeholder(value):
                    learned.update((plain, placeholder(plain)) for plain in _plain_forms(value))
        if sum(map(len, learned)) > _LEARNED_LIMIT:
            raise CassetteError(
                f"the requests and responses show more than {_LEARNED_LIMIT >> 20} MiB of different secrets, too many"
                " to look for in every place; record fewer requests in one cassette"
            )
        return Scrubber(self._replacements, learned)

    def _shown_by(self, item: Interaction) -> Iterator[tuple[str, Callable[[str], str]]]:
        for headers in (item.request.headers, item.response.headers):
            yield from ((value, word) for name, value in headers.items() if is_secret_header(name))
        yield from ((value, word) for value in sent_values(item.request.headers.get("Cookie", "")))
        yield from ((cookie_value(line), word) for line in item.response.cookies)
        for content in _contents(item):
            known = Layer(content.text).replaced(self.known.edits(content.text), content.fit)
            for rule, value in find_by_rule(replace(content, text=known.text), self.known):
                if rule.spreads:
                    yield value, rule.placeholder

    def text(self, text: str) -> str:
        """The text with placeholders for everything secret."""
        return self._text(Content(text), in_place=False, depth=DEPTH, unpacker=Unpacker())

    def body(self, body: bytes, *, in_place: bool = False) -> bytes:
        """The body scrubbed as text, in gzip as well; of other bytes, none moves that is not part of a secret.

        Args:
            body: a whole body, or a part of one.
            in_place: keep every other byte where it is, by cutting placeholders or filling them up.

        Raises:
            CassetteError: so much is packed in it that nobody can look through it.
        """
        return self._bytes(body, in_place=in_place, depth=DEPTH, unpacker=Unpacker())

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Header values scrubbed; those of secret headers whole."""
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
        """Bytes that are no text: known values everywhere, and what looks secret in the strings among them."""
        layer = Layer(content.text)
        layer = layer.replaced(self.known.edits(layer.text), content.fit)
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
        """The text of a content, scrubbed until nothing is left to replace, in each layer of its escapes."""
        text, fit = content.text, content.fit if in_place else _as_it_is
        for _ in range(_ROUNDS):
            before, layer = text, Layer(text)
            while True:
                for edits in self._edits(layer.text, content.rules, in_place=in_place, depth=depth, unpacker=unpacker):
                    if found := edits(layer.text):
                        layer = layer.replaced(found, fit)
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
        """Everything that looks for secrets, in order: each sees what the one before it has replaced."""
        yield self.known.edits
        yield from (partial(self._edits_by_rule, rule) for rule in likely(text, rules))
        if depth > 0:
            yield partial(self._edits_in_encodings, in_place=in_place, depth=depth - 1, unpacker=unpacker)
        yield self.known.fragment_edits

    def _edits_by_rule(self, rule: Rule, text: str) -> list[Edit]:
        return [
            edit for edit in rule.edits(text) if not (rule.is_name and text[edit[0] : edit[1]] in self._placeholders)
        ]

    def _edits_in_encodings(self, text: str, *, in_place: bool, depth: int, unpacker: Unpacker) -> list[Edit]:
        nested = nested_contents(text, self.known, unpacker)
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


def _as_it_is(placeholder: str, replaced: str) -> str:
    del replaced
    return placeholder


def _contents(item: Interaction) -> Iterator[Content]:
    """Every text of an interaction."""
    request, response = item.request, item.response
    yield from map(Content, (request.uri, *request.headers.values(), *response.headers.values(), *response.cookies))
    for body in (request.body, response.body):
        yield Content.of(Unpacker().unzip(body) or body)


def _plain_forms(value: str) -> Iterator[str]:
    """A value as it was before it was written into JSON, XML or a form; nothing for a mere word."""
    forms = {value, value.replace("+", " "), *(layer.text for layer in layers(value))}
    kinds = (str.islower, str.isupper, str.isdigit, lambda letter: not letter.isalnum())
    for form in forms:
        mixed = sum(any(map(kind, form)) for kind in kinds)
        if len(form) >= 12 or (len(form) >= 8 and mixed > 1):
            yield form
