"""The interactions of a cassette's file: found at once, read when they are wanted.

Opening looks only for where interactions begin and for what their requests ask. What is not in the layout that
PyYAML writes is left to a YAML parser: the whole file, once, when anything about it is in doubt.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import yaml

from harness.errors import CassetteError
from harness.recording.document import FORMAT_VERSION, interaction_in, parse_yaml
from harness.recording.interactions import Interaction
from harness.recording.layout import UnexpectedLayoutError, read_item, read_scalar

# What our own dumper writes first in an interaction, and what plain vcrpy writes last in a request.
_OURS = re.compile(rb"- (?:count: ([1-9][0-9]*)\n  )?request:\n    method: ([A-Z]+)\n    uri: ([^\n]+)\n")
_SORTED = re.compile(rb"\n    method: ([A-Z]+)\n    uri: ([^\n]+)\n  response:\n")
_PLAIN_ADDRESS = re.compile(
    rb"https?://[!-~]*[!-9;-~]"
)  # YAML takes it as it is: it has no blank, nor a colon at its end
_RANGE = re.compile(rb"\n      (?:x-ms-range|range|x-ms-write):", re.IGNORECASE)
_TOP_LEVEL = re.compile(rb"\n(?=[^ \n-])")
_BODY = re.compile(rb"- &(\w+) (!!binary \|\n(?:  [A-Za-z0-9+/=]*\n)+)")
_NO_INTERACTION = (KeyError, TypeError, ValueError, AttributeError)


class Outline(NamedTuple):
    """What is known of an interaction before it is read.

    Attributes:
        times: how many identical polls it stands for.
        has_range: whether its request's headers may say which bytes are asked for.
    """

    method: str
    uri: str
    times: int
    has_range: bool


class Reel(Protocol):
    """A cassette that is open."""

    @property
    def outlines(self) -> Sequence[Outline]:
        """All interactions, in order."""

    def interaction(self, place: int) -> Interaction:
        """Read the interaction at a place, counted from 0.

        Raises:
            CassetteError: it is no YAML, or no interaction.
        """

    def span(self, place: int) -> tuple[int, str]:
        """Line, from 1, at which an interaction begins, and its text; the whole file where that is not known."""

    def provenance(self) -> Mapping[str, Any] | None:
        """Where the cassette comes from; None for those of other tools."""


def open_reel(path: Path) -> Reel:
    """Open a cassette, ours or one of another tool that writes vcrpy's format.

    Raises:
        CassetteError: it is missing, is no YAML, or is no cassette.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise CassetteError(f"there is no cassette {path}; write it with: pytest --cloud emulator --record") from error
    except OSError as error:
        raise CassetteError(f"cassette {path} cannot be read: {error.strerror}") from error
    try:
        return _LazyReel(path, data)
    except UnexpectedLayoutError:
        return _WholeReel(path, data)


class _WholeReel:
    """A cassette that a YAML parser has read."""

    def __init__(self, path: Path, data: bytes) -> None:
        self._path = path
        self._data = data
        try:
            self._document = parse_yaml(data)
        except (yaml.YAMLError, ValueError) as error:
            raise CassetteError(f"cassette {path} cannot be read: {error}") from error
        if not isinstance(self._document, dict) or not isinstance(self._document.get("interactions"), list):
            raise CassetteError(f"{path} is no cassette: its top level has no list of interactions")
        self._entries: list[Any] = self._document["interactions"]

    @cached_property
    def outlines(self) -> Sequence[Outline]:
        read = [self.interaction(place) for place in range(len(self._entries))]
        return [Outline(item.request.method, item.request.uri, item.count, has_range=True) for item in read]

    def interaction(self, place: int) -> Interaction:
        try:
            return interaction_in(self._entries[place])
        except _NO_INTERACTION as error:
            wrong = f"interaction {place + 1} of {self._path} is none of format {FORMAT_VERSION}: {error!r}"
            raise CassetteError(f"{wrong}; record the story again") from error

    def span(self, place: int) -> tuple[int, str]:
        del place
        return 1, self._data.decode("utf-8", "replace")

    def provenance(self) -> Mapping[str, Any] | None:
        return _provenance(self._document)


class _LazyReel:
    """A cassette of which only the outlines have been read.

    Raises:
        UnexpectedLayoutError: the file is laid out otherwise.
    """

    def __init__(self, path: Path, data: bytes) -> None:
        self._path = path
        self._data = data
        self._start = _start_of_interactions(data)
        self._spans = _spans(data, self._start)
        self.outlines: Sequence[Outline] = [_outline(data, start, end) for start, end in self._spans]

    def interaction(self, place: int) -> Interaction:
        start, end = self._spans[place]
        try:
            item = interaction_in(read_item(self._data[start:end].decode(), self._packed))
        except (UnexpectedLayoutError, *_NO_INTERACTION):
            return self._whole.interaction(place)
        outline = self.outlines[place]
        if (item.request.method, item.request.uri, item.count) != (outline.method, outline.uri, outline.times):
            return self._whole.interaction(place)
        return item

    def span(self, place: int) -> tuple[int, str]:
        start, end = self._spans[place]
        return self._data.count(b"\n", 0, start) + 1, self._data[start:end].decode("utf-8", "replace")

    def provenance(self) -> Mapping[str, Any] | None:
        head = self._data[: self._start].partition(b"\nbodies:\n")[0]
        try:
            return _provenance(parse_yaml(head))
        except (yaml.YAMLError, ValueError) as error:
            raise CassetteError(f"the head of cassette {self._path} cannot be read: {error}") from error

    @cached_property
    def _whole(self) -> _WholeReel:
        whole = _WholeReel(self._path, self._data)
        if len(whole.outlines) != len(self.outlines):
            raise CassetteError(f"{self._path} cannot be told apart into interactions; record the story again")
        return whole

    @cached_property
    def _bodies(self) -> dict[str, tuple[int, int]]:
        return {match.group(1).decode(): match.span(2) for match in _BODY.finditer(self._data, 0, self._start)}

    def _packed(self, anchor: str) -> bytes:
        if anchor not in self._bodies:
            raise UnexpectedLayoutError
        start, end = self._bodies[anchor]
        body = read_scalar(self._data[start : end - 1].decode())
        if not isinstance(body, bytes):
            raise UnexpectedLayoutError
        return body


def _provenance(document: Any) -> Mapping[str, Any] | None:
    told = document.get("provenance") if isinstance(document, dict) else None
    return told if isinstance(told, dict) else None


def _start_of_interactions(data: bytes) -> int:
    """Where the first interaction begins."""
    if data.startswith(b"interactions:\n- "):
        return len(b"interactions:\n")
    at = data.find(b"\ninteractions:\n- ")
    if at < 0:
        raise UnexpectedLayoutError
    return at + len(b"\ninteractions:\n")


def _spans(data: bytes, start: int) -> list[tuple[int, int]]:
    """Where each interaction begins and ends: they stop at the next key in the first column."""
    next_key = _TOP_LEVEL.search(data, start)
    end = next_key.end() if next_key else len(data)
    starts = [start]
    while (at := data.find(b"\n- ", starts[-1], end)) >= 0:
        starts.append(at + 1)
    return list(zip(starts, [*starts[1:], end], strict=True))


def _outline(data: bytes, start: int, end: int) -> Outline:
    found = _OURS.match(data, start, end)
    if found:
        count, method, uri = found.groups()
        stop = data.find(b"\n  response:\n", found.end() - 1, end)
    else:
        found = _SORTED.search(data, start, end)
        if not found or not data.startswith(b"- request:\n", start):
            raise UnexpectedLayoutError
        count, (method, uri), stop = None, found.groups(), found.start()
    if stop < 0:
        raise UnexpectedLayoutError
    has_range = _RANGE.search(data, start, stop) is not None
    return Outline(method.decode(), _address(uri), int(count or 1), has_range)


def _address(written: bytes) -> str:
    if _PLAIN_ADDRESS.fullmatch(written):
        return written.decode()
    try:
        address = read_scalar(written.decode())
    except UnicodeDecodeError as error:
        raise UnexpectedLayoutError from error
    if not isinstance(address, str):
        raise UnexpectedLayoutError
    return address
