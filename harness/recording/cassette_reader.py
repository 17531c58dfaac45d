"""Opening a cassette: its requests are read at once, each response when it is wanted.

What it can cost is bounded before it is paid: the size of the file, the number of interactions, and the size of all
their bodies and headers together, also of those that are compressed or shared by YAML's aliases. See `limits`.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import msgspec
import yaml

from harness.errors import CassetteError
from harness.recording.cassette_format import Document, headers_of, read_document, read_entry
from harness.recording.interactions import Interaction
from harness.recording.limits import LARGEST_CONTENT, LARGEST_FILE, LARGEST_YAML, MOST_INTERACTIONS
from harness.recording.vcr_format import interaction_from, parse_json, parse_yaml

_DAMAGED = (msgspec.MsgspecError, KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)
_RECORD_AGAIN = "record it again with: pytest --cloud emulator --record"


class Outline(msgspec.Struct, frozen=True):
    """What is known of an interaction before its response is read.

    Attributes:
        method: the HTTP method.
        uri: the whole URL.
        count: how many identical polls it stands for.
        headers: of the request.
    """

    method: str
    uri: str
    count: int
    headers: Mapping[str, str]


class Cassette(Protocol):
    """A cassette that is open. It may be read by several threads."""

    is_current: bool  # whether it is in our format
    provenance: Mapping[str, Any] | None  # where the cassette comes from; None for those of other tools

    @property
    def outlines(self) -> Sequence[Outline]:
        """All interactions, in order."""

    def interaction(self, index: int) -> Interaction:
        """Read an interaction, counted from 0.

        Raises:
            CassetteError: it is damaged, or too large.
        """

    def span(self, index: int) -> tuple[int, str]:
        """The line, from 1, at which an interaction begins, and its text; the whole file where that is not known."""


def open_cassette(path: Path) -> Cassette:
    """Open a cassette, ours or one of another tool that writes vcrpy's format.

    Raises:
        CassetteError: it is missing, is no cassette, or holds too much.
    """
    data = _file_content(path)
    if data.lstrip()[:1] == b"{":
        return _open_json(path, data)
    return _VcrCassette(path, data, _parsed_yaml(path, data))


def _file_content(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():  # to open a pipe would wait for its writer
            raise CassetteError(f"{path} is no cassette: it is no file")
        if path.exists() and path.stat().st_size > LARGEST_FILE:
            raise CassetteError(f"cassette {path} has more than {LARGEST_FILE >> 20} MiB; record fewer requests in it")
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise CassetteError(f"there is no cassette {path}; {_remedy(path)}") from error
    except OSError as error:
        raise CassetteError(f"cassette {path} cannot be read: {error.strerror}") from error
    return data.removeprefix(b"\xef\xbb\xbf")


def _remedy(path: Path) -> str:
    """Cassettes were YAML once, and had no directory for the service."""
    old = path.parent.parent.parent / path.parent.name / f"{path.name.removesuffix('.json')}.yaml"
    if old.is_file():
        return f"an older one can be converted with: harness cassettes convert '{old}' --into '{path.parent}'"
    return "write it with: pytest --cloud emulator --record"


def _open_json(path: Path, data: bytes) -> Cassette:
    try:
        return _OurCassette(path, data, read_document(data))
    except (msgspec.MsgspecError, RecursionError) as error:
        wrong = error
    try:
        return _VcrCassette(path, data, parse_json(data))
    except (msgspec.ValidationError, RecursionError):
        raise CassetteError(f"{path} is no cassette that this version reads: {wrong}; {_RECORD_AGAIN}") from wrong
    except msgspec.MsgspecError:  # YAML may begin with a brace, too
        return _VcrCassette(path, data, _parsed_yaml(path, data))


def _parsed_yaml(path: Path, data: bytes) -> Any:
    if len(data) > LARGEST_YAML:
        raise CassetteError(f"cassette {path} has more than {LARGEST_YAML >> 20} MiB of YAML; {_RECORD_AGAIN}")
    try:
        return parse_yaml(data)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise CassetteError(f"cassette {path} cannot be read: {error}") from error


class _Costs:
    """What the interactions of a cassette have cost so far; one that is read again costs nothing more."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._left = LARGEST_CONTENT
        self._paid: dict[int, int] = {}

    def read(self, index: int, read: Callable[[int], Interaction]) -> Interaction:
        """Read an interaction within the limit.

        Raises:
            CassetteError: it is damaged, or exceeds the limit.
        """
        with self._lock:
            return self._read(index, read)

    def _read(self, index: int, read: Callable[[int], Interaction]) -> Interaction:
        limit = self._left + self._paid.get(index, 0)
        try:
            item = read(limit)
            cost = _cost(item)
            if cost > limit:
                raise CassetteError("its bodies and headers are too large")
        except CassetteError as error:
            allowed = f"all interactions of a cassette together may have {LARGEST_CONTENT >> 20} MiB"
            raise CassetteError(f"interaction {index + 1} of cassette {self._path}: {error}; {allowed}") from error
        except _DAMAGED as error:
            wrong = f"interaction {index + 1} of cassette {self._path} cannot be read: {error!r}"
            raise CassetteError(f"{wrong}; {_RECORD_AGAIN}") from error
        self._left = limit - cost
        self._paid[index] = cost
        return item


def _cost(item: Interaction) -> int:
    headers = (*item.request.headers.items(), *item.response.headers.items())
    return (
        len(item.request.body)
        + len(item.response.body)
        + sum(len(name) + len(value) for name, value in headers)
        + sum(map(len, item.response.cookies))
    )


def _check_count(path: Path, interactions: Sequence[Any]) -> None:
    if len(interactions) > MOST_INTERACTIONS:
        raise CassetteError(
            f"cassette {path} has {len(interactions)} interactions, more than {MOST_INTERACTIONS};"
            " record fewer requests in it"
        )


class _OurCassette:
    """A cassette in our format."""

    is_current = True

    def __init__(self, path: Path, data: bytes, document: Document) -> None:
        entries = document.interactions
        _check_count(path, entries)
        self.provenance: Mapping[str, Any] | None = document.provenance
        self.outlines: Sequence[Outline] = [
            Outline(entry.request.method, entry.request.uri, entry.count, headers_of(entry)) for entry in entries
        ]
        self._data = data
        self._entries = entries
        self._costs = _Costs(path)

    def interaction(self, index: int) -> Interaction:
        return self._costs.read(index, lambda limit: read_entry(self._entries[index], limit))

    def span(self, index: int) -> tuple[int, str]:
        end = self._ends[index]
        start = self._ends[index - 1] if index else 0
        return self._data.count(b"\n", 0, start) + 1, self._data[start:end].decode("utf-8", "replace")

    @cached_property
    def _ends(self) -> list[int]:
        """Where the response of each interaction ends: it is in the file as it was read, after the one before it."""
        ends, at = [], 0
        for entry in self._entries:
            response = bytes(entry.response)
            at = self._data.index(response, at) + len(response)
            ends.append(at)
        return ends


class _VcrCassette:
    """A cassette of another tool, which a parser has read whole."""

    is_current = False

    def __init__(self, path: Path, data: bytes, document: Any) -> None:
        if not isinstance(document, dict) or not isinstance(document.get("interactions"), list):
            raise CassetteError(f"{path} is no cassette: its top level has no list of interactions")
        self._data = data
        self._entries: list[Any] = document["interactions"]
        _check_count(path, self._entries)
        provenance = document.get("provenance")
        self.provenance: Mapping[str, Any] | None = provenance if isinstance(provenance, dict) else None
        self._costs = _Costs(path)

    @cached_property
    def outlines(self) -> Sequence[Outline]:
        return [self._outline(self.interaction(index)) for index in range(len(self._entries))]

    @staticmethod
    def _outline(item: Interaction) -> Outline:
        return Outline(item.request.method, item.request.uri, item.count, item.request.headers)

    def interaction(self, index: int) -> Interaction:
        return self._costs.read(index, lambda limit: interaction_from(self._entries[index], limit))

    def span(self, index: int) -> tuple[int, str]:
        del index
        return 1, self._data.decode("utf-8", "replace")
